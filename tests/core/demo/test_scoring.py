from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.demo.scoring import TicketTruth, delivery, field_quality, identity_score, impossible_values, is_note_due
from deskhand.records.documents import Decision, FieldName, Handling, OutcomeKind, TicketKind, Triage, Why
from deskhand.sdk.models import Reference, Subtype, Taxonomy, Ticket

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
TRIAGED, HELD, ALONE = OutcomeKind.TRIAGED, OutcomeKind.QUARANTINED, OutcomeKind.LEFT_ALONE


def decision(field: FieldName, label: str, *, is_made: bool = True) -> Decision:
    return Decision(field=field, value=label if is_made else None, label=label, confidence=0.9 if is_made else 0.2)


def why(
    ticket: str,
    *decisions: Decision,
    outcome: OutcomeKind = TRIAGED,
    tenant: str | None = "7",
    handling: Handling | None = None,
) -> Why:
    triage = Triage(
        ticket_id=ticket,
        ticket_version="1",
        tenant_id=tenant or "",
        language="en",
        summary="",
        decisions=decisions,
        engine="none",
        seconds=0,
    )
    return Why(
        ticket_id=ticket,
        outcome=outcome,
        tenant_id=tenant,
        reasons=(),
        handling=handling or (Handling.SUGGEST if outcome is TRIAGED else None),
        triage=triage if outcome is TRIAGED else None,
        decided_at=NOW,
    )


def truth(ticket: str, label: str | None = "Printing", company: str | None = "7") -> TicketTruth:
    return TicketTruth(ticket, company, TicketKind.INCIDENT, label)


def by_id(*truths: TicketTruth) -> dict[str, TicketTruth]:
    return {each.ticket_id: each for each in truths}


def test_quality_tells_first_choices_from_made_ones() -> None:
    whys = [
        why("1", decision(FieldName.TYPE, "Printing")),
        why("2", decision(FieldName.TYPE, "Network")),
        why("3", decision(FieldName.TYPE, "Printing", is_made=False)),
        why("4"),
    ]
    report = field_quality(whys, by_id(*(truth(each) for each in "1234")))[FieldName.TYPE]
    assert (report.count, report.accuracy, report.coverage, report.precision) == (4, 0.5, 0.5, 0.5)


def test_quality_leaves_out_what_nobody_could_decide() -> None:
    whys = [
        why("1", decision(FieldName.TYPE, "Printing")),
        why("2", outcome=HELD, tenant=None),
        why("3", outcome=ALONE),
        why("4", outcome=HELD, tenant=None),
        why("5", decision(FieldName.TYPE, "Network")),
    ]
    truths = by_id(truth("1"), truth("2", company=None), truth("3"), truth("4"), truth("5", label=None))
    reports = field_quality(whys, truths)
    assert reports[FieldName.TYPE].count == 2  # ticket 4 was held though its client could be told: not covered
    assert reports[FieldName.TYPE].coverage == 0.5
    assert FieldName.IMPACT not in reports


def test_a_ticket_is_given_rightly_wrongly_or_held() -> None:
    whys = [
        why("1"),
        why("2", tenant="8"),
        why("3", tenant="8"),
        why("4", outcome=HELD, tenant=None),
        why("5", outcome=HELD, tenant=None),
        why("6", outcome=OutcomeKind.NEEDS_REVIEW, tenant=None),
    ]
    truths = by_id(truth("1"), truth("2"), truth("3", company=None), truth("4", company=None), truth("5"), truth("6"))
    score = identity_score(whys, truths)
    assert (score.right, score.wrong, score.held, score.cautious) == (("1",), ("2", "3"), ("4",), ("5",))


def test_each_ticket_has_its_note_once() -> None:
    whys = [why("1"), why("2", outcome=HELD, tenant=None), why("3", outcome=ALONE), why("4", handling=Handling.OFF)]
    assert delivery("1234", whys, {"1": 1}).is_whole


def test_lost_doubled_and_unasked_are_told_apart() -> None:
    whys = [why("1"), why("2"), why("3", outcome=HELD, tenant=None)]
    found = delivery("1234", whys, {"2": 2, "3": 1, "4": 0})
    assert (found.lost, found.doubled, found.unasked) == (("1", "4"), ("2",), ("3",))
    assert not found.is_whole


def test_a_note_on_a_ticket_that_never_came_in_is_unasked() -> None:
    assert delivery((), (), {"9": 1}).unasked == ("9",)


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.sampled_from(OutcomeKind), st.integers(0, 3))))
def test_a_delivery_is_whole_exactly_when_every_count_is_what_is_due(
    ends: dict[str, tuple[OutcomeKind, int]],
) -> None:
    whys = [why(ticket, outcome=outcome) for ticket, (outcome, _) in ends.items()]
    notes = {ticket: count for ticket, (_, count) in ends.items()}
    is_right = all(notes[each.ticket_id] == int(is_note_due(each)) for each in whys)
    assert delivery(ends, whys, notes).is_whole is is_right


BOARD = Reference("1", "Help Desk")
TAXONOMY = Taxonomy(
    board=BOARD,
    types=(Reference("10", "Printing"), Reference("11", "Network")),
    subtypes=(Subtype("20", "Printer", frozenset({"10"})),),
    items=(Reference("30", "Laptop"),),
    statuses=(),
)


@pytest.fixture
def ticket() -> Callable[..., Ticket]:
    def build(
        type_id: str | None, subtype: str | None, item: str | None, *, board: str = "1", priority: str = "40"
    ) -> Ticket:
        def chosen(number: str | None) -> Reference | None:
            return None if number is None else Reference(number, number)

        return Ticket(
            id="5",
            version="1",
            summary="help",
            board=Reference(board, ""),
            status=Reference("2", "New"),
            is_closed=False,
            created_at=NOW,
            updated_at=NOW,
            type=chosen(type_id),
            subtype=chosen(subtype),
            item=chosen(item),
            priority=chosen(priority),
        )

    return build


@pytest.mark.parametrize(
    ("values", "is_possible"),
    [
        ((None, None, None), True),
        (("10", None, None), True),
        (("10", "20", "30"), True),
        (("99", None, None), False),
        (("11", "20", None), False),
        (("10", "20", "99"), False),
        (("10", None, "30"), False),
        ((None, "20", None), False),
    ],
)
def test_only_what_the_board_lists_is_possible(
    ticket: Callable[..., Ticket],
    values: tuple[str | None, ...],
    is_possible: bool,  # noqa: FBT001  # a table's column
) -> None:
    assert impossible_values([ticket(*values)], {"1": TAXONOMY}) == (() if is_possible else ("5",))


def test_a_board_nobody_knows_and_a_priority_nobody_offers_are_impossible(ticket: Callable[..., Ticket]) -> None:
    assert impossible_values([ticket("10", None, None, board="2")], {"1": TAXONOMY}) == ("5",)
    assert impossible_values([ticket("10", None, None, priority="41")], {"1": TAXONOMY}, ["40"]) == ("5",)
    assert impossible_values([ticket("10", None, None)], {"1": TAXONOMY}, ["40"]) == ()
