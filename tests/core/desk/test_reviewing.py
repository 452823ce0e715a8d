"""Decisions are drawn, marked and learned from; a change of what is decided is noticed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.desk.policies import Policies
from deskhand.desk.refusals import DeskRefusedError
from deskhand.desk.reviewing import COMPUTED, LATELY, MARKS_LATELY, Reviewing
from deskhand.governance.policy import ClientPolicy
from deskhand.mirror.mirror import Mirror
from deskhand.records import explanations, reviews
from deskhand.records.accounts import Account, Role
from deskhand.records.database import Records, url_of
from deskhand.records.documents import Decision, FieldName, OutcomeKind, Triage, Why
from deskhand.records.reviews import Mark, ReviewState, Subject
from deskhand.sdk.clock import utc_now
from deskhand.sdk.models import Company, Reference, Taxonomy, Ticket
from tests.core.desk.msp import START, quick_folder

JO = Account("jo", "Jo Doe", frozenset({Role.TECHNICIAN}))
BOARD = Reference("1", "Help Desk")
TYPES = (Reference("10", "Accounts"), Reference("11", "Hardware"))


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def reviewing(folder: Path) -> Iterator[Reviewing]:
    records = Records.open(url_of(folder / "records.db"), clock=utc_now)
    mirror = Mirror.open(folder / "mirror.db")
    mirror.save_companies([Company("1", "Marlow & Tern", "MARLOW"), Company("2", "Babbage Ltd", "BABBAGE")])
    mirror.save_taxonomy(Taxonomy(BOARD, TYPES, (), (), ()))
    policies = Policies(ClientPolicy(review_share=1.0), {"BABBAGE": ClientPolicy(review_share=0.0)}, mirror)
    yield Reviewing(records, mirror, policies, utc_now)
    mirror.close()
    records.close()


def decide(
    reviewing: Reviewing, number: int, label: str = "Accounts", *, client: str = "1", engine: str = "none; history"
) -> None:
    """Have a ticket triaged, ``number`` minutes after the first."""
    at = START + timedelta(minutes=number)
    status = Reference("1", "New")
    ticket = Ticket(str(number), "1", "Locked", BOARD, status, is_closed=False, created_at=at, updated_at=at)
    reviewing.mirror.save_tickets([ticket])
    value = next((each.id for each in TYPES if each.name == label), "12")
    decisions = (
        Decision(field=FieldName.TYPE, value=value, label=label, confidence=0.9),
        Decision(field=FieldName.SUBTYPE, value=None, label=None, confidence=0.2, abstained_because="unsure"),
        Decision(field=FieldName.PRIORITY, value="3", label="Normal", confidence=0.9),
    )
    triage = Triage(
        ticket_id=str(number),
        ticket_version="1",
        tenant_id=client,
        language="en",
        summary="Locked",
        decisions=decisions,
        engine=engine,
        seconds=0,
    )
    why = Why(
        ticket_id=str(number),
        outcome=OutcomeKind.TRIAGED,
        tenant_id=client,
        reasons=(),
        triage=triage,
        decided_at=at,
    )
    with reviewing.records.transaction("desk") as transaction:
        explanations.save(transaction, why)


def test_what_was_decided_is_drawn_once_and_what_was_computed_or_left_open_is_not(reviewing: Reviewing) -> None:
    decide(reviewing, 7)
    assert FieldName.PRIORITY in COMPUTED
    assert reviewing.sample() == 1
    assert reviewing.sample() == 0
    (drawn,) = reviewing.listed()
    assert (drawn.subject, drawn.id, drawn.label, drawn.is_drawn) == (Subject.TRIAGE, "7:type", "Accounts", True)


def test_each_client_has_its_own_share(reviewing: Reviewing) -> None:
    decide(reviewing, 7)
    decide(reviewing, 8, client="2")
    reviewing.sample()
    assert [each.ticket_id for each in reviewing.listed()] == ["7"]


def test_a_new_engine_is_drawn_more_often_until_it_is_not_new(folder: Path, reviewing: Reviewing) -> None:
    policies = Policies(ClientPolicy(review_share=0.1), {}, reviewing.mirror)
    sparing = Reviewing(reviewing.records, reviewing.mirror, policies, utc_now)
    for number in range(60):
        decide(reviewing, number, engine="old")
    decide(reviewing, 100, engine="new")
    sparing.sample()
    rates = {each.engine: each.rate for each in sparing.listed()}
    assert rates["old"] == pytest.approx(0.24), "both are few, so both are new"
    assert folder.exists()


def test_a_mark_says_what_it_should_have_been_by_name_or_id(reviewing: Reviewing) -> None:
    decide(reviewing, 7)
    decide(reviewing, 8)
    reviewing.sample()
    reviewing.mark(JO, Subject.TRIAGE, "7:type", Mark.WRONG, "hardware", "it was the laptop")
    reviewing.mark(JO, Subject.TRIAGE, "8:type", Mark.RIGHT)
    assert reviews.labels(reviewing.records) == {
        "7": {FieldName.TYPE: TYPES[1]},
        "8": {FieldName.TYPE: TYPES[0]},
    }
    assert reviewing.counts() == {ReviewState.OPEN: 0, ReviewState.MARKED: 2}
    (first, _) = sorted(reviewing.listed(ReviewState.MARKED), key=lambda each: each.ticket_id)
    assert (first.marked_by, first.comment) == ("jo", "it was the laptop")


@pytest.mark.parametrize(
    ("who", "review", "mark", "right", "reason"),
    [
        (Account("au", "Au", frozenset({Role.AUDITOR})), "7:type", Mark.RIGHT, None, "has not the role technician"),
        (JO, "8:type", Mark.RIGHT, None, "was not drawn"),
        (JO, "7:type", Mark.WRONG, "Nonsense", "“Nonsense” is no type here: Accounts, Hardware"),
        (JO, "7:type", Mark.RIGHT, "Hardware", "goes with the mark `wrong`"),
    ],
)
def test_misuse_is_told(
    reviewing: Reviewing, who: Account, review: str, mark: Mark, right: str | None, reason: str
) -> None:
    decide(reviewing, 7)
    reviewing.sample()
    with pytest.raises(DeskRefusedError, match=reason):
        reviewing.mark(who, Subject.TRIAGE, review, mark, right)
    assert reviewing.counts()[ReviewState.MARKED] == 0


def test_decisions_that_are_no_longer_what_they_were_are_told(reviewing: Reviewing) -> None:
    for number in range(LATELY):
        decide(reviewing, number, "Accounts" if number % 2 else "Hardware")
    assert [each for each in reviewing.drift() if each.is_drifting] == []
    for number in range(LATELY, 2 * LATELY):
        decide(reviewing, number, "Hardware" if number % 10 else "Accounts")
    (drift,) = [each for each in reviewing.drift() if each.is_drifting]
    assert drift.name == "type decided"


def test_marks_that_turn_bad_are_told_and_those_people_volunteered_do_not_count(reviewing: Reviewing) -> None:
    count = 2 * MARKS_LATELY
    for number in range(count):
        decide(reviewing, number)
    reviewing.sample()
    for number in range(count):
        is_right = number < count - MARKS_LATELY // 2
        verdict = Mark.RIGHT if is_right else Mark.WRONG
        reviewing.mark(JO, Subject.TRIAGE, f"{number}:type", verdict, None if is_right else "Hardware")
    (drift,) = [each for each in reviewing.drift() if each.is_drifting]
    assert drift.name == "agreement on type"
    with reviewing.records.transaction("test") as transaction:
        for each in reviews.marked(reviewing.records):
            reviews.mark(transaction, each.model_copy(update={"is_drawn": False}))
    assert [each for each in reviewing.drift() if each.is_drifting] == []
