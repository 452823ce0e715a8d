"""A link in a note opens one request, once a person, and decides nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deskhand.governance import approval
from deskhand.governance.links import LinkRefusedError, Links
from deskhand.records import approvals
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.records.database import Records
from tests.core.governance.conftest import HeldClock
from tests.core.governance.plan_examples import account, plan

LINKS = Links("known to this desk alone")


def asked(records: Records, number: int = 1) -> Approval:
    with records.transaction("ann") as transaction:
        return approval.request(transaction, plan(number=number), by="ann")


def opened(records: Records, token: str, by: str = "eve") -> Approval:
    with records.transaction(by) as transaction:
        return LINKS.open(transaction, token, by=account(records, by))


def test_a_link_opens_its_request_once_a_person_and_that_is_on_the_record(records_on_both: Records) -> None:
    request, records = asked(records_on_both), records_on_both
    token = LINKS.token(request)
    assert LINKS.token(request) == token
    for by in ("eve", "mal", "tom"):
        assert opened(records, token, by).id == request.id
        with pytest.raises(LinkRefusedError, match="serves once"):
            opened(records, token, by)
    found = approvals.find(records, request.id)
    assert found is not None
    assert (found.state, found.votes, found.opened_by) == (ApprovalState.PENDING, (), ("eve", "mal", "tom"))
    entries = [(each.kind, each.detail["by"]) for each in records.audit_entries()[-3:]]
    assert entries == [("approval.link_opened", by) for by in ("eve", "mal", "tom")]


def test_a_link_of_which_a_character_was_changed_opens_nothing(records: Records) -> None:
    request = asked(records)
    token = LINKS.token(request)
    for place in range(len(token)):
        for other in "a0.-":
            if other != token[place]:
                with pytest.raises(LinkRefusedError):
                    opened(records, token[:place] + other + token[place + 1 :])
    for damaged in ("", token[:-1], token + "A", f" {token}", f"{token}\n", token.upper()):
        with pytest.raises(LinkRefusedError, match="not one of this desk's"):
            opened(records, damaged)
    assert opened(records, token).id == request.id


def test_a_link_of_another_request_plan_or_desk_opens_nothing(records: Records) -> None:
    first, second = asked(records), asked(records, 2)
    ident, expires, signature = LINKS.token(first).split(".")
    moved = Links("another desk's").token(first)
    other_plan = LINKS.token(replace(first, plan_sha256=second.plan_sha256))
    longer = f"{ident}.{int(expires) + 9}.{signature}"
    for token in (
        f"{second.id}.{expires}.{signature}",
        moved,
        other_plan,
        longer,
        LINKS.token(replace(first, id="a-0")),
    ):
        with pytest.raises(LinkRefusedError, match="not one of this desk's"):
            opened(records, token)


def test_a_link_lasts_as_long_as_its_request(records: Records, clock: HeldClock) -> None:
    request = asked(records)
    clock.now = request.expires_at - timedelta(seconds=1)
    assert opened(records, LINKS.token(request)).id == request.id
    clock.now = request.expires_at
    with pytest.raises(LinkRefusedError, match="expired"):
        opened(records, LINKS.token(request), "mal")
