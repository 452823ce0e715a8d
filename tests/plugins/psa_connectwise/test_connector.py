from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from deskhand.sdk.errors import NotFoundError, RejectedError, UnavailableError
from deskhand.sdk.models import Level, NewTicket, NoteKind, Subtype, TicketUpdate
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost, route
from deskhand_psa_connectwise import mapping
from deskhand_psa_connectwise.connector import ConnectWise
from deskhand_psa_connectwise.payloads import NotePayload, PriorityPayload, TicketPayload
from deskhand_psa_connectwise.simulator import ConnectWiseSimulator
from tests.plugins.psa_connectwise.practice import START, Practice, connect, practice


def test_says_what_it_reached(connector: ConnectWise) -> None:
    assert connector.check() == f"ConnectWise PSA v2025.1.0 at {connector.settings.site}"


def test_reads_a_ticket_in_full(connector: ConnectWise, msp: Practice) -> None:
    ticket = connector.ticket(str(msp.closed_ticket))
    assert (ticket.summary, ticket.is_closed) == ("Printer empty", True)
    assert (ticket.type and ticket.type.name, ticket.subtype and ticket.subtype.name) == ("Hardware", "Printer")
    assert (ticket.contact_name, ticket.contact_email) == ("Ada King", "ada.king@ada.example")
    assert ticket.contact_phone == "01632 960001"
    assert (ticket.impact, ticket.urgency) == (Level.MEDIUM, Level.MEDIUM)
    assert ticket.closed_at == datetime(2026, 2, 28, 8, 0, tzinfo=UTC)
    assert ticket.created_at == datetime(2026, 2, 27, 8, 0, tzinfo=UTC)


def test_the_vendors_severity_is_urgency(connector: ConnectWise, msp: Practice) -> None:
    after = connector.update_ticket(str(msp.ticket), TicketUpdate(urgency=Level.HIGH, impact=Level.LOW))
    stored = next(each for each in msp.simulator.tickets() if each["id"] == msp.ticket)
    assert (stored["severity"], stored["impact"]) == ("High", "Low")
    assert (after.urgency, after.impact) == (Level.HIGH, Level.LOW)


def test_every_change_has_a_version_of_its_own_within_one_second() -> None:
    msp = practice(ConnectWiseSimulator(clock=lambda: START))
    with SimulatorHost(msp.simulator) as host:
        connector = connect(host.url)
        updates = (TicketUpdate(), TicketUpdate(impact=Level.HIGH), TicketUpdate(impact=Level.LOW))
        seen = [connector.update_ticket(str(msp.ticket), update) for update in updates]
        connector.close()
    assert len({ticket.version for ticket in seen}) == 3
    assert seen[1].updated_at == seen[2].updated_at


class ForgetfulSimulator(ConnectWiseSimulator):
    """Answers a PATCH with success and does nothing, as the vendor does for a wrong path."""

    @route("PATCH", "/service/tickets/{number}")
    def patch_ticket(self, request: SimulatedRequest, number: str) -> SimulatedResponse:
        del request
        return SimulatedResponse.json(200, self.record("tickets", number))


@pytest.fixture
def forgetful() -> Iterator[tuple[ConnectWise, Practice]]:
    msp = practice(ForgetfulSimulator())
    with SimulatorHost(msp.simulator) as host:
        connector = connect(host.url)
        yield connector, msp
        connector.close()


def test_a_false_success_is_found_out(forgetful: tuple[ConnectWise, Practice]) -> None:
    connector, msp = forgetful
    update = TicketUpdate(type_id=msp.named("types", "Spam", msp.board), impact=Level.HIGH)
    with pytest.raises(RejectedError, match="did not set impact, type_id"):
        connector.update_ticket(str(msp.ticket), update)


def test_an_update_is_one_patch_of_whole_references(connector: ConnectWise, msp: Practice) -> None:
    connector.update_ticket(
        str(msp.ticket),
        TicketUpdate(
            type_id=msp.named("types", "Hardware", msp.board),
            subtype_id=msp.named("subtypes", "Laptop", msp.board),
            item_id=msp.named("items", "macOS", msp.board),
            status_id=msp.named("statuses", "Closed", msp.board),
        ),
    )
    assert msp.simulator.requests["PATCH /service/tickets/{id}"] == 1
    assert connector.ticket(str(msp.ticket)).is_closed


def test_notes_of_time_entries_are_notes_too(connector: ConnectWise, msp: Practice) -> None:
    msp.simulator.seed_time_entry(msp.ticket, member=msp.member, started=START, hours=0.5, notes="Reset the password.")
    last = connector.notes(str(msp.ticket))[-1]
    assert (last.id[:5], last.text, last.author, last.from_customer) == (
        "time-",
        "Reset the password.",
        "Jo Doe",
        False,
    )


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        ({"detailDescriptionFlag": True}, NoteKind.DISCUSSION),
        ({"internalAnalysisFlag": True}, NoteKind.INTERNAL),
        ({"resolutionFlag": True}, NoteKind.RESOLUTION),
        ({"resolutionFlag": True, "internalAnalysisFlag": True}, NoteKind.RESOLUTION),
        ({"detailDescriptionFlag": True, "resolutionFlag": True}, NoteKind.DISCUSSION),
        ({}, NoteKind.INTERNAL),
    ],
)
def test_a_note_is_what_its_widest_audience_reads(flags: dict[str, bool], kind: NoteKind) -> None:
    assert mapping.note(NotePayload.model_validate({"id": 1, "text": "x", **flags}), "5").kind is kind


@pytest.mark.parametrize(
    ("signed", "is_from_customer"),
    [
        ({"contact": {"id": 3, "name": "Ada"}}, True),
        ({"member": {"id": 4, "name": "Jo"}}, False),
        ({"createdBy": "EmailConnector"}, True),
        ({"member": {"id": 4, "name": "Jo"}, "contact": {"id": 3, "name": "Ada"}}, True),
        ({"member": {"id": None}, "contact": None}, True),
    ],
)
def test_words_from_outside_are_marked(signed: dict[str, object], is_from_customer: bool) -> None:  # noqa: FBT001
    record = {"id": 1, "text": "x", "detailDescriptionFlag": True, **signed}
    assert mapping.note(NotePayload.model_validate(record), "5").from_customer is is_from_customer


def test_no_note_mails_anybody(connector: ConnectWise, msp: Practice) -> None:
    for kind in NoteKind:
        connector.add_note(str(msp.ticket), "Quiet", kind)
    assert msp.simulator.notified == []


def test_a_taxonomy_lists_what_is_active_on_this_board(connector: ConnectWise, msp: Practice) -> None:
    for table in ("types", "subtypes", "items"):
        msp.simulator.state[table].children(msp.board)[0]["inactiveFlag"] = True
    msp.simulator.state["statuses"].children(msp.board)[1]["inactive"] = True
    taxonomy = connector.taxonomy(str(msp.board))
    assert [each.name for each in taxonomy.types] == ["Hardware", "Spam"]
    assert [each.name for each in taxonomy.items] == ["macOS"]
    assert "In Progress" not in {each.name for each in taxonomy.statuses}
    assert "Locked" not in {each.name for each in taxonomy.subtypes}


def test_a_subtype_follows_only_the_types_it_is_associated_with(connector: ConnectWise, msp: Practice) -> None:
    taxonomy = connector.taxonomy(str(msp.board))
    accounts, hardware = (msp.named("types", name, msp.board) for name in ("Accounts", "Hardware"))
    other = msp.named("subtypes", "Other", msp.board)
    assert Subtype(other, "Other", frozenset({accounts, hardware})) in taxonomy.subtypes
    assert not taxonomy.accepts(accounts, msp.named("subtypes", "Printer", msp.board))


def test_inactive_and_project_boards_are_not_listed(connector: ConnectWise, msp: Practice) -> None:
    assert [board.name for board in connector.boards()] == ["Help Desk", "Projects desk"]
    stored = list(msp.simulator.state["boards"])
    stored[0]["inactiveFlag"], stored[1]["projectFlag"] = True, True
    assert connector.boards() == ()


def priority(number: int, level: str, order: int) -> PriorityPayload:
    return PriorityPayload.model_validate({"id": number, "name": "P", "sortOrder": order, "level": level})


def test_priorities_are_ranked_by_level_before_order() -> None:
    levels = [("Low", 1), ("Critical", 2), ("Medium", 3), ("High", 4), ("High", 3)]
    ranked = mapping.priorities(priority(7 + n, level, order) for n, (level, order) in enumerate(levels))
    assert [each.id for each in ranked] == ["8", "11", "10", "9", "7"]


def test_priorities_without_levels_are_ranked_by_order() -> None:
    ranked = mapping.priorities([priority(1, "", 2), priority(2, "Low", 1)])
    assert [(each.id, each.rank) for each in ranked] == [("2", 1), ("1", 2)]


def test_a_companys_domain_is_its_web_sites(connector: ConnectWise) -> None:
    assert [company.domains for company in connector.companies()] == [("ada.example",), ("babbage.example",)]


@pytest.mark.parametrize("website", ["", "n/a", "http://", "http://[", "www.", "localhost", "none given"])
def test_a_web_site_that_is_none_gives_no_domain(connector: ConnectWise, msp: Practice, website: str) -> None:
    msp.simulator.seed_company("Odd", website=website)
    assert [company.domains for company in connector.companies()][-1] == ()


def test_deleted_companies_are_not_listed(connector: ConnectWise, msp: Practice) -> None:
    next(iter(msp.simulator.state["companies"]))["deletedFlag"] = True
    assert [company.name for company in connector.companies()] == ["Babbage Ltd"]


class SloppySimulator(ConnectWiseSimulator):
    """Finds contacts whatever the conditions, as a vendor might whose `=` is a pattern after all."""

    @route("GET", "/company/contacts")
    def list_records(self, request: SimulatedRequest) -> SimulatedResponse:
        return super().list_records(replace(request, query={}))


def test_an_address_finds_only_its_owners_whatever_psa_answers() -> None:
    msp = practice(SloppySimulator())
    with SimulatorHost(msp.simulator) as host:
        connector = connect(host.url)
        assert [person.id for person in connector.people_by_email("ada.king@ada.example")] == [str(msp.contact)]
        assert connector.people_by_email("nobody@ada.example") == ()
        connector.close()


def test_a_contacts_default_address_comes_first(connector: ConnectWise, msp: Practice) -> None:
    company = msp.company
    psa = msp.simulator
    number = psa.seed_contact("Bo Bo", company=company, emails=["First@ada.example", "b@x.example"], phones=["1", "2"])
    items = psa.state["contacts"].find(number)
    assert items is not None
    assert isinstance(items["communicationItems"], list)
    items["communicationItems"].reverse()
    person = next(person for person in connector.people() if person.id == str(number))
    assert (person.emails, person.phones) == (("first@ada.example", "b@x.example"), ("1", "2"))


def test_devices_know_their_client_and_user(connector: ConnectWise, msp: Practice) -> None:
    device = next(iter(connector.devices()))
    assert (device.name, device.kind, device.serial_number, device.is_active) == ("ADA-PC1", "Workstation", "S-1", True)
    assert device.company
    assert device.contact
    assert (device.company.id, device.contact.id) == (str(msp.company), str(msp.contact))


def test_members_are_listed_with_their_sign_in_names(connector: ConnectWise) -> None:
    assert [(each.identifier, each.name, each.email) for each in connector.members()][1] == (
        "jdoe",
        "Jo Doe",
        "jo@msp.example",
    )


def test_a_summary_too_long_is_refused_before_it_is_sent(connector: ConnectWise, msp: Practice) -> None:
    with pytest.raises(RejectedError, match="at most 100 characters, this one 101"):
        connector.create_ticket(NewTicket("x" * 101, str(msp.company), str(msp.board)))
    assert msp.simulator.requests.total() == 0


def test_tickets_since_go_forward_only(connector: ConnectWise) -> None:
    ids: list[str] = []
    after: str | None = None
    while True:
        page = connector.tickets_since(None, after)
        ids += [ticket.id for ticket in page.tickets]
        if page.next_after is None:
            break
        after = page.next_after
    assert all(int(one) < int(next_one) for one, next_one in pairwise(ids))


def test_a_record_that_makes_no_sense_names_its_fields_and_not_its_words() -> None:
    record = {"id": 5, "summary": ["my secret"], "board": {"id": 1}}
    with pytest.raises(UnavailableError, match="TicketPayload 5: unexpected status, summary") as raised:
        mapping.parsed(TicketPayload, record)  # type: ignore[arg-type]  # a list is JSON
    assert "secret" not in str(raised.value)


def test_a_moment_without_a_zone_is_utc() -> None:
    payload = NotePayload.model_validate({"id": 1, "dateCreated": "2026-03-02T08:00:00"})
    assert payload.date_created == START


@pytest.mark.parametrize("identifier", ["१०००१", "１０００１", "10001.0", "+10001", " 10001", "1_0001"])
def test_an_identifier_that_only_reads_like_a_number_is_none(connector: ConnectWise, identifier: str) -> None:
    with pytest.raises(NotFoundError):
        connector.ticket(identifier)
