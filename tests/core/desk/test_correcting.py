"""A technician's word on a triage: written through the gate, kept as a label, and refused where it cannot be."""

from collections.abc import Iterator

import pytest

from deskhand.desk.desk import Desk
from deskhand.desk.refusals import DeskRefusedError
from deskhand.records import explanations, reviews
from deskhand.records.accounts import Account, Role
from deskhand.records.documents import FieldName, Handling
from deskhand.records.reviews import Mark, ReviewState
from deskhand.records.switches import Level
from deskhand.workflow.gate import RefusedError
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import Msp, drain, hurried

MAYA = Account("maya", "Maya Lind", frozenset({Role.TECHNICIAN}))
ADMIN = Account("ada", "Ada", frozenset({Role.ADMIN}))


@pytest.fixture
def ticket(msp: Msp) -> str:
    return msp.ticket("My account is locked again")


@pytest.fixture
def desk(ticket: str, configured: Configure) -> Iterator[Desk]:
    """A desk that has triaged the ticket and only suggested."""
    with hurried(configured(policy={"handling": "suggest", "minimum_confidence": 0.0})) as opened:
        why = drain(opened)[ticket]
        assert why.handling is Handling.SUGGEST
        yield opened


def choice(desk: Desk, ticket: str, kind: str, subtype: str) -> dict[FieldName, str]:
    known = desk.correcting.choices(ticket)
    types = {each.name: each.id for each in known.types}
    subtypes = {each.name: each.id for each in known.subtypes}
    return {FieldName.TYPE: types[kind], FieldName.SUBTYPE: subtypes[subtype]}


def test_a_suggestion_is_applied_in_the_technicians_name(desk: Desk, msp: Msp, ticket: str) -> None:
    assert msp.type_of(ticket) is None
    why = desk.correcting.apply(MAYA, ticket)
    assert msp.type_of(ticket) == "Accounts"
    assert FieldName.TYPE in why.applied
    assert why.reasons[-1].startswith("Maya Lind applied the triage: type Accounts")
    assert explanations.find(desk.records, ticket) == why
    kinds = {each.kind: each.actor for each in desk.records.audit_entries(ticket=ticket)}
    assert (kinds["effect.done"], kinds["explanation.saved"]) == ("gate", "maya")


def test_a_correction_is_written_and_becomes_a_label_and_agreement_does_too(desk: Desk, msp: Msp, ticket: str) -> None:
    values = choice(desk, ticket, "Hardware", "Laptop")
    why = desk.correcting.correct(MAYA, ticket, {**values, FieldName.IMPACT: "high"})
    assert msp.type_of(ticket) == "Hardware"
    assert "corrected the triage: type Hardware, subtype Laptop, impact high" in why.reasons[-1]
    labels = reviews.labels(desk.records)[ticket]
    assert labels[FieldName.TYPE].name == "Hardware"
    marks = {each.field: each.mark for each in reviews.listed(desk.records, ReviewState.MARKED)}
    assert marks[FieldName.TYPE] is Mark.WRONG
    desk.correcting.correct(MAYA, ticket, choice(desk, ticket, "Accounts", "Locked"))
    assert reviews.labels(desk.records)[ticket][FieldName.TYPE].name == "Accounts"
    assert {each.marked_by for each in reviews.listed(desk.records, ReviewState.MARKED)} == {"maya"}


def test_what_somebody_volunteered_says_nothing_of_how_often_the_agent_is_right(desk: Desk, ticket: str) -> None:
    desk.correcting.apply(MAYA, ticket)
    assert not any(each.is_drawn for each in reviews.marked(desk.records))


def test_applying_twice_changes_nothing_and_after_somebody_changed_it_sets_it_again(
    desk: Desk, msp: Msp, ticket: str
) -> None:
    desk.correcting.apply(MAYA, ticket)
    desk.correcting.correct(MAYA, ticket, choice(desk, ticket, "Hardware", "Laptop"))
    assert msp.type_of(ticket) == "Hardware"
    desk.correcting.apply(MAYA, ticket)
    assert msp.type_of(ticket) == "Accounts"


@pytest.mark.parametrize("values", [{}, {FieldName.KIND: "incident"}])
def test_a_correction_of_nothing_is_refused(desk: Desk, ticket: str, values: dict[FieldName, str]) -> None:
    with pytest.raises(DeskRefusedError, match="nothing was chosen"):
        desk.correcting.correct(MAYA, ticket, values)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (FieldName.TYPE, "4711"),
        (FieldName.SUBTYPE, "x"),
        (FieldName.PRIORITY, "0"),
        (FieldName.IMPACT, "enormous"),
        (FieldName.TYPE, "1; drop"),
    ],
)
def test_only_what_the_board_lists_right_now_is_taken(
    desk: Desk, msp: Msp, ticket: str, field: FieldName, value: str
) -> None:
    with pytest.raises(DeskRefusedError, match="does not list"):
        desk.correcting.correct(MAYA, ticket, {field: value})
    assert msp.type_of(ticket) is None


def test_a_type_and_a_subtype_that_do_not_go_together_leave_the_ticket_as_it_is(
    desk: Desk, msp: Msp, ticket: str
) -> None:
    wrong = {
        **choice(desk, ticket, "Hardware", "Laptop"),
        FieldName.TYPE: choice(desk, ticket, "Accounts", "Locked")[FieldName.TYPE],
    }
    with pytest.raises(DeskRefusedError, match="left as it is"):
        desk.correcting.correct(MAYA, ticket, wrong)
    assert msp.type_of(ticket) is None


def test_only_technicians_decide_and_only_where_there_is_a_triage(desk: Desk, msp: Msp, ticket: str) -> None:
    with pytest.raises(DeskRefusedError, match="has not the role technician"):
        desk.correcting.apply(ADMIN, ticket)
    with pytest.raises(DeskRefusedError, match="has no triage for its present client"):
        desk.correcting.apply(MAYA, msp.ticket("Not handled yet"))
    with pytest.raises(DeskRefusedError, match="the PSA has no ticket 4711"):
        desk.correcting.apply(MAYA, "4711")


def test_what_is_stopped_is_not_set_by_hand_either(desk: Desk, msp: Msp, ticket: str) -> None:
    desk.governing.throw(MAYA, Level.TENANT, str(msp.marlow), "Being looked at")
    with pytest.raises((DeskRefusedError, RefusedError), match="stopped"):
        desk.correcting.apply(MAYA, ticket)
    assert msp.type_of(ticket) is None
