"""What the PSA is asked to hold, what it refuses, and what the note and the Why then say."""

import itertools
import json
from collections.abc import Iterator

import pytest

from deskhand.desk.desk import Desk
from deskhand.desk.working import MOST_ATTEMPTS
from deskhand.records.documents import FieldName, Handling, OutcomeKind, Why
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost
from deskhand.sdk.testing.faults import DropAfterEffect, DropBefore, ExpiredToken, ServerError
from tests.core.desk.conftest import APPLY, Configure
from tests.core.desk.msp import Listener, Msp, drain, hurried


def sets_fields(request: SimulatedRequest) -> bool:
    return request.method == "PATCH"


def writes_note(request: SimulatedRequest) -> bool:
    return request.method == "POST" and request.path.endswith("/notes")


@pytest.fixture
def desk(configured: Configure) -> Iterator[Desk]:
    with hurried(configured(policy=APPLY)) as desk:
        yield desk


def kinds(desk: Desk, ticket: str) -> list[str]:
    return [entry.kind for entry in desk.records.audit_entries(ticket=ticket)]


def test_allowed_fields_are_set_and_the_note_says_so(desk: Desk, msp: Msp) -> None:
    ticket = msp.ticket("My account is locked")
    why = drain(desk)[ticket]
    assert msp.type_of(ticket) == "Accounts"
    assert FieldName.TYPE in why.applied
    (note,) = msp.notes(ticket)
    assert "set on the ticket" in note
    assert any(reason.startswith("Written to the ticket: type") for reason in why.reasons)
    assert why.note_id


def test_a_client_who_gets_suggestions_gets_a_note_and_nothing_else(configured: Configure, msp: Msp) -> None:
    ticket = msp.ticket("My account is locked")
    with hurried(configured()) as desk:
        why = drain(desk)[ticket]
        assert "effect.done" in kinds(desk, ticket)
    assert (msp.type_of(ticket), why.applied, why.handling) == (None, (), Handling.SUGGEST)
    assert "a suggestion; nothing was set" in msp.notes(ticket)[0]


def assert_only_suggested(why: Why, msp: Msp, ticket: str) -> None:
    assert (why.outcome, why.applied) == (OutcomeKind.TRIAGED, ())
    (note,) = msp.notes(ticket)
    assert "a suggestion; nothing was set" in note
    assert "set on the ticket" not in note
    assert why.note_id


def test_fields_the_psa_refuses_are_only_suggested_and_the_why_tells(desk: Desk, msp: Msp, host: SimulatorHost) -> None:
    ticket = msp.ticket()
    host.faults.schedule(ServerError(400), matching=sets_fields)
    why = drain(desk)[ticket]
    assert_only_suggested(why, msp, ticket)
    assert msp.type_of(ticket) is None
    assert any(reason.startswith("The PSA refused the fields, so they are only suggested") for reason in why.reasons)
    assert kinds(desk, ticket).count("effect.failed") == 1


def test_after_a_refusal_the_boards_lists_are_read_again(desk: Desk, msp: Msp, host: SimulatorHost) -> None:
    def readings() -> int:
        return sum(count for path, count in msp.psa.requests.items() if path.endswith("/boards/{id}/types"))

    msp.ticket()
    drain(desk)
    before = readings()
    host.faults.schedule(ServerError(400), matching=sets_fields)
    msp.ticket()
    drain(desk)
    assert readings() == before
    msp.ticket()
    drain(desk)
    assert readings() == before + 1


def test_what_was_refused_once_is_not_tried_again_after_a_lost_note(desk: Desk, msp: Msp, host: SimulatorHost) -> None:
    ticket = msp.ticket()
    host.faults.schedule(ServerError(400), matching=sets_fields)
    host.faults.schedule(DropBefore(), times=20, matching=writes_note)
    listener = Listener()
    desk.worker.on_idle = lambda: host.faults.clear() if "work.postponed" in kinds(desk, ticket) else None
    desk.run(listener, drain=True)
    (why,) = listener.whys
    assert "work.postponed" in kinds(desk, ticket)
    assert_only_suggested(why, msp, ticket)
    assert msp.type_of(ticket) is None


def test_a_note_whose_answer_was_lost_is_found_and_not_written_twice(desk: Desk, msp: Msp, host: SimulatorHost) -> None:
    ticket = msp.ticket()
    host.faults.schedule(DropAfterEffect(), matching=writes_note)
    why = drain(desk)[ticket]
    assert why.outcome is OutcomeKind.TRIAGED
    assert len(msp.notes(ticket)) == 1
    assert "work.postponed" in kinds(desk, ticket)


def test_fields_that_a_rule_of_the_psa_sets_back_do_not_keep_the_note_from_being_written(
    configured: Configure, msp: Msp, host: SimulatorHost
) -> None:
    ticket = msp.ticket()

    def set_back(request: SimulatedRequest, response: SimulatedResponse) -> None:
        if sets_fields(request) and response.status == 200:
            record = msp.record(ticket)
            record["type"] = record["subType"] = None

    host._observer = set_back
    with hurried(configured(policy=APPLY)) as desk:
        why = drain(desk)[ticket]
        assert kinds(desk, ticket).count("work.postponed") == 2
    assert_only_suggested(why, msp, ticket)
    assert any("does not hold them" in reason for reason in why.reasons)


def test_a_note_the_psa_does_not_keep_is_given_up_and_what_was_decided_stays_on_the_record(
    configured: Configure, msp: Msp, host: SimulatorHost
) -> None:
    ticket = msp.ticket()
    written: list[int] = []

    def lose(request: SimulatedRequest, response: SimulatedResponse) -> None:
        if writes_note(request):
            number = int(json.loads(response.body)["id"])
            msp.psa.state["notes"].remove(number)
            written.append(number)

    host._observer = lose
    with hurried(configured()) as desk:
        why = drain(desk)[ticket]
        assert kinds(desk, ticket).count("work.postponed") == MOST_ATTEMPTS - 1
    assert (why.outcome, why.note_id, len(written)) == (OutcomeKind.NEEDS_REVIEW, None, MOST_ATTEMPTS)
    assert why.triage
    assert why.tenant_id == str(msp.marlow)
    assert "The ticket belongs to Marlow & Tern." in why.reasons
    assert why.reasons[-1].endswith(f"{MOST_ATTEMPTS} times in a row")


# A ticket that changes hands between the decision and the note


def hand_over(msp: Msp, ticket: str) -> None:
    record = msp.record(ticket)
    record["company"] = {"id": msp.babbage, "name": "Babbage Ltd", "identifier": "BABBAGE"}
    record["contact"] = {"id": msp.charles, "name": "Charles Low"}
    record["contactEmailAddress"] = "charles@babbage.example"
    record["contactName"] = "Charles Low"


def test_a_decision_made_for_one_client_is_not_told_to_another(desk: Desk, msp: Msp, host: SimulatorHost) -> None:
    ticket = msp.ticket("Printer on the second floor prints blank pages")
    host.faults.schedule(ExpiredToken(), matching=sets_fields)
    listener = Listener()
    changed: list[str] = []

    def change() -> None:
        if "effect.failed" in kinds(desk, ticket) and not changed:
            hand_over(msp, ticket)
            changed.append(ticket)

    desk.worker.on_idle = change
    desk.run(listener, drain=True)
    assert changed
    (why,) = listener.whys
    assert (why.outcome, msp.notes(ticket), msp.type_of(ticket)) == (OutcomeKind.NEEDS_REVIEW, [], None)
    assert "used for another call" in why.reasons[-1]


def test_a_decision_that_nothing_was_claimed_for_is_made_anew_for_the_new_owner(
    desk: Desk, msp: Msp, host: SimulatorHost
) -> None:
    ticket = msp.ticket("Printer on the second floor prints blank pages")
    readings = itertools.count()

    def is_second_reading(request: SimulatedRequest) -> bool:
        return request.path.endswith(f"/service/tickets/{ticket}") and next(readings) == 1

    host.faults.schedule(ExpiredToken(), matching=is_second_reading)
    listener = Listener()

    def change() -> None:
        if "explanation.saved" in kinds(desk, ticket) and "effect.claimed" not in kinds(desk, ticket):
            hand_over(msp, ticket)

    desk.worker.on_idle = change
    desk.run(listener, drain=True)
    (why,) = listener.whys
    assert (why.outcome, why.tenant_id) == (OutcomeKind.TRIAGED, str(msp.babbage))
    (note,) = msp.notes(ticket)
    assert "Similar" not in note, "Marlow's past tickets are not Babbage's"
