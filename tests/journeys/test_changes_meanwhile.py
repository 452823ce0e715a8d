"""What a ticket rests on changes between the moments it is listed, read, decided and written."""

from functools import partial

import pytest

from deskhand.desk.desk import Desk
from deskhand.records.documents import OutcomeKind, Why
from deskhand.sdk.testing import SimulatedRequest
from deskhand.sdk.testing.faults import ServerError
from tests.journeys.office import Haste, Listener, Office, running, wait_until

COMPANIES, CONTACTS = "/company/companies", "/company/contacts"


def test_a_ticket_deleted_while_it_waits_is_left_alone(office: Office) -> None:
    gone = office.tickets[2]

    def delete(_why: Why) -> None:
        if gone in office.tickets:
            office.simulator.state["tickets"].remove(int(gone))

    with office.desk() as desk:
        desk.run(Listener(delete), drain=True)
    assert office.explanations()[gone].reasons == ("The ticket no longer exists in the PSA, or may not be read.",)
    office.assert_nothing_lost(gone)


@pytest.mark.parametrize("moment", ["GET", "PATCH"])
def test_a_ticket_deleted_in_the_middle_of_its_handling_is_left_alone(office: Office, moment: str) -> None:
    gone = office.tickets[1]

    def delete(request: SimulatedRequest) -> None:
        is_moment = request.method == moment and (moment == "PATCH" or request.path.endswith("/allNotes"))
        if is_moment and gone in request.path and gone in office.tickets:
            office.simulator.state["tickets"].remove(int(gone))

    office.on_answer = delete
    office.work()
    assert gone not in office.tickets
    office.assert_nothing_lost(gone)


def test_a_ticket_closed_while_it_waits_is_left_alone(office: Office) -> None:
    number = office.tickets[2]

    def close(_why: Why) -> None:
        ticket = office.simulator.state["tickets"].find(int(number))
        closed = next(each for each in office.simulator.state["statuses"] if each["name"] == "Closed")
        assert ticket is not None
        ticket |= {"closedFlag": True, "status": {"id": closed["id"], "name": "Closed"}}

    with office.desk() as desk:
        desk.run(Listener(close), drain=True)
    assert office.explanations()[number].reasons == ("The ticket is already closed (Closed).",)
    office.assert_nothing_lost(number)


def test_a_type_the_board_loses_after_it_was_decided_is_only_suggested(office: Office) -> None:
    first, second, third = office.tickets

    def lose(request: SimulatedRequest) -> None:
        if request.path.endswith(f"{second}/allNotes") and hardware in types:
            types.remove(hardware)
            office.simulator.state["types"].remove(hardware)

    types = [int(str(each["id"])) for each in office.simulator.state["types"]]
    hardware = types[1]
    office.on_answer = lose
    office.work()
    why = office.explanations()[second]
    assert not why.applied
    assert any(each.startswith("The PSA refused the fields, so they are only suggested") for each in why.reasons)
    assert "Status: a suggestion; nothing was set" in office.desk_notes(second)[0]
    assert office.explanations()[first].applied
    types_now = {str(each["id"]): str(each.get("type")) for each in office.simulator.tickets()}
    assert types_now[second] == "None"
    assert "Hardware" not in types_now[third]
    office.assert_nothing_lost()


def test_a_contact_newer_than_the_last_reading_is_looked_for_once(office: Office) -> None:
    with office.desk() as desk, running(desk):
        wait_until(lambda: desk.worker.handled == 3, "the first tickets are handled")
        before = office.reads(CONTACTS)
        bob = office.simulator.seed_contact("Bob Day", company=office.company, emails=["bob.day@mailbox.example"])
        for _ in range(2):
            his = office.new_ticket(contact=bob)
            wait_until(partial(office.desk_notes, his), "his ticket is handled")
        assert office.reads(CONTACTS) == before + 1
    office.assert_nothing_lost()


def test_a_client_newer_than_the_last_reading_is_looked_for_once(office: Office) -> None:
    with office.desk() as desk, running(desk):
        wait_until(lambda: desk.worker.handled == 3, "the first tickets are handled")
        before = office.reads(COMPANIES)
        company = office.simulator.seed_company("Babbage Ltd", identifier="babbage")
        charles = office.simulator.seed_contact("Charles B", company=company, emails=["cb@babbage.example"])
        for _ in range(2):
            theirs = office.new_ticket(company=company, contact=charles)
            wait_until(partial(office.desk_notes, theirs), "its ticket is handled")
        assert office.reads(COMPANIES) == before + 1
    office.assert_nothing_lost()


def test_a_client_the_credential_may_not_list_is_looked_for_once_and_its_tickets_wait_for_a_person(
    office: Office,
) -> None:
    hidden = office.simulator.seed_company("Hidden Ltd", identifier="hidden")
    record = office.simulator.state["companies"].find(hidden)
    assert record is not None
    record["deletedFlag"] = True
    held = [office.new_ticket(company=hidden, contact=None) for _ in range(2)]
    office.work()
    assert office.reads(COMPANIES) == 2
    found = office.explanations()
    assert [found[each].outcome for each in held] == [OutcomeKind.QUARANTINED] * 2
    assert not any(office.desk_notes(each) for each in held)


def test_a_contact_who_cannot_be_looked_for_now_is_looked_for_later(office: Office) -> None:
    """An outage at just that moment must not quarantine a client's ticket."""

    def seed(desk: Desk) -> None:
        bob = office.simulator.seed_contact("Bob Day", company=office.company, emails=["bob.day@mailbox.example"])
        office.new_ticket(contact=bob)
        desk.intake.poll()

    haste = Haste()
    with office.desk(haste) as desk:
        desk.run(Listener(), drain=True)
        seed(desk)
        office.host.faults.schedule(ServerError(503), times=4, matching=lambda request: CONTACTS in request.path)
        desk.run(Listener(), drain=True)
    assert not office.host.faults.pending
    office.assert_nothing_lost()
