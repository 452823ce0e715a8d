from datetime import datetime

import pytest
from pydantic import ValidationError

from deskhand.sdk.actions import Change, Receipt, Tier
from deskhand.sdk.errors import RejectedError
from deskhand.sdk.models import TicketUpdate
from deskhand_psa_connectwise.actions import (
    ACTIONS,
    NoteArguments,
    TimeArguments,
    TriageArguments,
    apply_triage,
    inspect_triage,
    undo_triage,
    verify_triage,
)
from deskhand_psa_connectwise.connector import ConnectWise
from deskhand_psa_connectwise.marks import is_marked, mark
from tests.plugins.psa_connectwise.practice import START, Practice

ADD_NOTE, ADD_RESOLUTION, UPDATE, ADD_TIME = ACTIONS
KEY = "0f3a9c"


def triage(msp: Practice, **names: str) -> TriageArguments:
    """Spell names of the practice board as the desk spells arguments."""
    tables = {"type": "types", "subtype": "subtypes", "item": "items", "status": "statuses"}
    values = {
        f"{field}_id": msp.named(tables[field], name, msp.board) for field, name in names.items() if field in tables
    }
    levels = {field: value for field, value in names.items() if field in {"impact", "urgency"}}
    if "priority" in names:
        values["priority_id"] = msp.named("priorities", names["priority"])
    return TriageArguments.model_validate({"ticket_id": str(msp.ticket), **values, **levels}, strict=False)


def test_no_action_needs_more_than_a_reversible_change_in_psa() -> None:
    assert {action.tier for action in ACTIONS} == {Tier.PSA_REVERSIBLE}
    assert all(action.undo is not None for action in ACTIONS)


def test_a_triage_is_shown_by_name(connector: ConnectWise, msp: Practice) -> None:
    arguments = triage(msp, type="Hardware", subtype="Laptop", priority="Priority 1 - Critical", impact="high")
    inspection = inspect_triage(connector, arguments)
    assert inspection.changes == (
        Change("type", "", "Hardware"),
        Change("subtype", "", "Laptop"),
        Change("priority", "Priority 3 - Normal", "Priority 1 - Critical"),
        Change("impact", "medium", "high"),
    )
    assert inspection.tenant_id == str(msp.company)
    normal = msp.named("priorities", "Priority 3 - Normal")
    assert inspection.prior_state == {"type_id": None, "subtype_id": None, "priority_id": normal, "impact": "medium"}


def test_what_is_already_so_is_no_change(connector: ConnectWise, msp: Practice) -> None:
    assert inspect_triage(connector, triage(msp, impact="medium", status="New")).changes == ()


def test_a_value_of_another_board_is_refused_before_anything_is_sent(connector: ConnectWise, msp: Practice) -> None:
    elsewhere = msp.named("types", "Move", msp.other_board)
    with pytest.raises(RejectedError, match="does not list this type_id"):
        inspect_triage(connector, TriageArguments(ticket_id=str(msp.ticket), type_id=elsewhere))
    assert not any(request.startswith("PATCH") for request in msp.simulator.requests)


def test_a_combination_the_board_has_not_is_refused(connector: ConnectWise, msp: Practice) -> None:
    with pytest.raises(RejectedError, match="together"):
        inspect_triage(connector, triage(msp, type="Accounts", subtype="Printer"))


def test_a_type_added_a_moment_ago_is_accepted(connector: ConnectWise, msp: Practice) -> None:
    inspect_triage(connector, triage(msp, type="Spam"))
    board = msp.simulator.state["types"].children(msp.board)[0]["board"]
    msp.simulator.state["types"].add({"name": "Brand new", "inactiveFlag": False, "board": board})
    assert inspect_triage(connector, triage(msp, type="Brand new")).changes == (Change("type", "", "Brand new"),)


def test_labels_are_read_once_for_many_tickets(connector: ConnectWise, msp: Practice) -> None:
    inspect_triage(connector, triage(msp, type="Spam"))
    before = msp.simulator.requests.total()
    inspect_triage(connector, triage(msp, type="Hardware", priority="Priority 4 - Low"))
    assert msp.simulator.requests.total() - before == 1


def test_undoing_leaves_alone_what_somebody_changed_since(connector: ConnectWise, msp: Practice) -> None:
    arguments = triage(msp, type="Spam", impact="high")
    prior = inspect_triage(connector, arguments).prior_state
    receipt = apply_triage(connector, arguments, KEY)
    connector.update_ticket(str(msp.ticket), TicketUpdate(type_id=msp.named("types", "Hardware", msp.board)))
    with pytest.raises(RejectedError, match="type_id changed since"):
        undo_triage(connector, arguments, prior, receipt)
    assert not verify_triage(connector, arguments, receipt)
    ticket = connector.ticket(str(msp.ticket))
    assert ticket.type
    assert (ticket.type.name, ticket.impact) == ("Hardware", "high")


def test_a_note_ends_with_the_line_it_is_found_by(connector: ConnectWise, msp: Practice) -> None:
    arguments = NoteArguments(ticket_id=str(msp.ticket), text="Seen before")
    receipt = ADD_NOTE.apply(connector, arguments, KEY)
    assert connector.note(str(msp.ticket), receipt.reference).text == f"Seen before\n\ndeskhand ref {KEY}"


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("Hello\n\ndeskhand ref abc", True),
        ("Hello deskhand ref abc", True),
        ("deskhand ref abc\r\n", True),
        ("Hello\n\ndeskhand ref abcd", False),
        ("Hello\n\nxdeskhand ref abc", False),
        ("deskhand ref abc and more", False),
        ("", False),
    ],
)
def test_a_mark_is_the_end_of_a_text_whatever_psa_does_to_line_breaks(text: str, is_found: bool) -> None:  # noqa: FBT001
    assert is_marked(text, "abc") is is_found


def test_a_customer_who_quotes_the_line_is_not_taken_for_us(connector: ConnectWise, msp: Practice) -> None:
    msp.simulator.seed_note(msp.ticket, {"text": mark(KEY), "kind": "resolution", "contact": msp.contact})
    msp.simulator.seed_note(msp.ticket, {"text": mark(KEY), "kind": "discussion"})
    arguments = NoteArguments(ticket_id=str(msp.ticket), text="Fixed")
    for action in (ADD_NOTE, ADD_RESOLUTION):
        assert action.probe is not None
        assert action.probe(connector, arguments, KEY) is None


def test_a_note_that_is_gone_is_not_verified_and_can_be_undone_again(connector: ConnectWise, msp: Practice) -> None:
    arguments = NoteArguments(ticket_id=str(msp.ticket), text="Seen before")
    receipt = ADD_NOTE.apply(connector, arguments, KEY)
    assert ADD_NOTE.undo is not None
    for _ in range(2):
        ADD_NOTE.undo(connector, arguments, {}, receipt)
        assert not ADD_NOTE.verify(connector, arguments, receipt)


def test_work_keeps_its_key_out_of_the_customers_sight(connector: ConnectWise, msp: Practice) -> None:
    arguments = TimeArguments(
        ticket_id=str(msp.ticket), member_id=str(msp.member), started_at=START, hours=0.25, notes="Reset."
    )
    ADD_TIME.apply(connector, arguments, KEY)
    entry = msp.simulator.time_entries(msp.ticket)[0]
    assert (entry["notes"], entry["internalNotes"], entry["actualHours"]) == ("Reset.", f"deskhand ref {KEY}", 0.25)
    assert entry["member"] == {"id": msp.member, "identifier": "jdoe", "name": "Jo Doe"}


def test_work_that_was_never_recorded_is_not_verified(connector: ConnectWise, msp: Practice) -> None:
    arguments = TimeArguments(ticket_id=str(msp.ticket), started_at=START, hours=1, notes="Reset.")
    assert not ADD_TIME.verify(connector, arguments, Receipt("99999"))


@pytest.mark.parametrize("ticket_id", ["", "0", "-1", "1/notes", "1 or 1=1", "10001\n", "१२", 10001])
def test_an_identifier_is_a_number_and_nothing_else(ticket_id: object) -> None:
    with pytest.raises(ValidationError):
        NoteArguments.model_validate({"ticket_id": ticket_id, "text": "x"})


def test_work_needs_a_zone_and_a_sensible_length() -> None:
    good = {"ticket_id": "1", "started_at": START, "hours": 1.0, "notes": "x"}
    assert TimeArguments.model_validate(good)
    for change in ({"hours": 0}, {"hours": 25}, {"started_at": datetime(2026, 3, 2)}, {"notes": ""}, {"more": 1}):  # noqa: DTZ001
        with pytest.raises(ValidationError):
            TimeArguments.model_validate({**good, **change})


def test_a_triaged_ticket_costs_few_requests(connector: ConnectWise, msp: Practice) -> None:
    arguments = triage(msp, type="Hardware", subtype="Laptop", impact="high")
    inspect_triage(connector, arguments)  # reads the labels, once in five minutes
    before = msp.simulator.requests.total()
    connector.ticket(str(msp.ticket))
    connector.notes(str(msp.ticket))
    note = NoteArguments(ticket_id=str(msp.ticket), text="x")
    for action, given in ((UPDATE, arguments), (ADD_NOTE, note)):
        action.inspect(connector, given)
        assert action.verify(connector, given, action.apply(connector, given, KEY))
    assert msp.simulator.requests.total() - before == 8
