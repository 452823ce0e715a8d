from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from deskhand.records import grants
from deskhand.records.database import Records
from deskhand.records.grants import Grant, Hours, Mode, PolicyVersion, VersionState, read_grants

RESET = Grant(tenant_id="19", subject="action:identity_entra.reset_password", mode=Mode.ASK)
TIER = Grant(tenant_id="*", subject="tier:2", mode=Mode.AUTO)


def propose(records: Records, *rows: Grant, author: str = "ada") -> PolicyVersion:
    with records.transaction(author) as transaction:
        return grants.propose(transaction, rows, author=author, comment="why not")


def approve(records: Records, version: int) -> PolicyVersion:
    with records.transaction("eve") as transaction:
        return grants.approve(transaction, version, by="eve")


def reject(records: Records, version: int) -> PolicyVersion:
    with records.transaction("eve") as transaction:
        return grants.reject(transaction, version, by="eve")


def test_a_proposed_table_holds_once_it_is_approved(records: Records) -> None:
    assert grants.current(records) == (0, ())
    proposed = propose(records, RESET, TIER)
    assert (proposed.version, proposed.base, proposed.state, proposed.decided_by) == (1, 0, VersionState.PROPOSED, None)
    assert grants.current(records) == (0, ())
    assert approve(records, 1).decided_by == "eve"
    assert grants.current(records) == (1, (TIER, RESET))
    assert grants.current_version(records) == 1


def test_the_next_table_takes_the_place_of_the_last(records: Records) -> None:
    approve(records, propose(records, RESET, TIER).version)
    changed = RESET.model_copy(update={"mode": Mode.OFF})
    approve(records, propose(records, changed).version)
    assert grants.current(records) == (2, (changed,))
    approve(records, propose(records).version)
    assert grants.current(records) == (3, ())
    assert [(each.version, len(each.grants)) for each in grants.versions(records)] == [(3, 0), (2, 1), (1, 2)]


def test_a_table_made_in_place_of_one_that_no_longer_holds_is_not_approved(records: Records) -> None:
    first, second = propose(records, RESET), propose(records, TIER)
    approve(records, second.version)
    with pytest.raises(ValueError, match="propose it again"):
        approve(records, first.version)
    assert grants.current(records) == (2, (TIER,))


def test_a_rejected_table_never_holds(records: Records) -> None:
    version = propose(records, RESET).version
    assert reject(records, version).state is VersionState.REJECTED
    for act in (approve, reject):
        with pytest.raises(LookupError, match="is rejected already"):
            act(records, version)
    assert grants.current(records) == (0, ())
    assert grants.versions(records)[0].decided_by == "eve"


def test_what_was_never_proposed_is_told(records: Records) -> None:
    with pytest.raises(LookupError, match="no version 7"):
        approve(records, 7)


def test_every_step_is_on_the_record(records: Records) -> None:
    approve(records, propose(records, RESET).version)
    reject(records, propose(records).version)
    kinds = [entry.kind for entry in records.audit_entries()]
    assert kinds == ["policy.proposed", "policy.approved", "policy.proposed", "policy.rejected"]


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "reset_password"},
        {"subject": "tier:4"},
        {"subject": "tier:2 "},
        {"subject": "action:identity_entra.reset_password\n"},
        {"subject": "automation:"},
        {"mode": "always"},
        {"per_hour": 0},
        {"tenant_id": ""},
        {"subject": "tier:3", "mode": "auto"},
        {"hours": {"zone": "Mars/Olympus"}},
        {"hours": {"zone": "../../etc/passwd"}},
        {"hours": {"zone": "UTC", "opens": "08:00", "closes": "08:00"}},
        {"hours": {"zone": "UTC", "opens": "24:00"}},
        {"hours": {"zone": "UTC", "closes": "25:00"}},
        {"hours": {"zone": "UTC", "days": [0]}},
        {"hours": {"zone": "UTC", "days": []}},
        {"surprise": 1},
    ],
)
def test_a_row_that_cannot_be_meant_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Grant.model_validate({**RESET.model_dump(mode="json"), **changes})


def test_a_row_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="there twice for client 19"):
        read_grants([RESET.model_dump(), {**RESET.model_dump(), "mode": "off"}])


def test_names_of_approvers_are_kept_in_one_spelling() -> None:
    row = Grant(tenant_id="19", subject="tier:2", mode=Mode.ASK, approvers=(" Mal", "eve", "MAL"))
    assert row.approvers == ("eve", "mal")


BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Hours(zone="Europe/Berlin", opens="08:00", closes="18:00")
NIGHT = Hours(zone="Europe/Berlin", days=(5,), opens="22:00", closes="06:00")


@pytest.mark.parametrize(
    ("hours", "moment", "is_open"),
    [
        (OFFICE, datetime(2026, 1, 9, 7, 59, 59, tzinfo=BERLIN), False),
        (OFFICE, datetime(2026, 1, 9, 8, 0, tzinfo=BERLIN), True),
        (OFFICE, datetime(2026, 1, 9, 17, 59, 59, tzinfo=BERLIN), True),
        (OFFICE, datetime(2026, 1, 9, 18, 0, tzinfo=BERLIN), False),
        (OFFICE, datetime(2026, 1, 10, 12, 0, tzinfo=BERLIN), False),
        (OFFICE, datetime(2026, 1, 9, 7, 0, tzinfo=UTC), True),
        (OFFICE, datetime(2026, 7, 10, 6, 0, tzinfo=UTC), True),
        (OFFICE, datetime(2026, 1, 9, 6, 0, tzinfo=UTC), False),
        (NIGHT, datetime(2026, 1, 9, 21, 59, tzinfo=BERLIN), False),
        (NIGHT, datetime(2026, 1, 9, 22, 0, tzinfo=BERLIN), True),
        (NIGHT, datetime(2026, 1, 10, 5, 59, tzinfo=BERLIN), True),
        (NIGHT, datetime(2026, 1, 10, 6, 0, tzinfo=BERLIN), False),
        (NIGHT, datetime(2026, 1, 9, 5, 0, tzinfo=BERLIN), False),
        (NIGHT, datetime(2026, 1, 10, 23, 0, tzinfo=BERLIN), False),
        (Hours(zone="UTC", days=(7,), opens="23:00", closes="01:00"), datetime(2026, 1, 12, 0, 30, tzinfo=UTC), True),
        (Hours(zone="UTC", days=(1,)), datetime(2026, 1, 12, 23, 59, 59, tzinfo=UTC), True),
    ],
)
def test_hours_are_those_of_the_clients_wall(hours: Hours, moment: datetime, *, is_open: bool) -> None:
    assert hours.cover(moment) is is_open


minutes = st.integers(0, 24 * 60 - 1)


@settings(max_examples=200, deadline=None)
@given(minutes, minutes, st.sets(st.integers(1, 7), min_size=1), st.integers(0, 7 * 24 * 60 - 1))
def test_hours_cover_as_many_minutes_as_they_last(opens: int, closes: int, days: set[int], minute: int) -> None:
    if opens == closes:
        return
    hours = Hours(zone="UTC", days=tuple(days), opens=clock_face(opens), closes=clock_face(closes))
    lasts = (closes - opens) % (24 * 60)
    moment = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=minute)
    begun = [moment - timedelta(minutes=back) for back in range(lasts)]
    expected = any(each.isoweekday() in days and each.hour * 60 + each.minute == opens for each in begun)
    assert hours.cover(moment) is expected


def clock_face(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def test_more_approvers_than_may_approve_are_not_asked_for() -> None:
    row = {"tenant_id": "19", "subject": "tier:2", "mode": "ask", "quorum": 2}
    assert read_grants([row])[0].quorum == 2
    assert read_grants([{**row, "approvers": ("eve", "mal")}])[0].quorum == 2
    with pytest.raises(ValueError, match=r"2 have to approve and only 1 may: name more approvers"):
        read_grants([{**row, "approvers": ("eve", "EVE")}])
    for wrong in (0, 6, -1):
        with pytest.raises(ValueError, match="equal to"):
            read_grants([{**row, "quorum": wrong}])
