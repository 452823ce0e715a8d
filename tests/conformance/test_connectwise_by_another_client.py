"""pyconnectwise, a client nobody here wrote, works against the simulator. It speaks https only: one line mends that."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
from pyconnectwise import ConnectWiseManageAPIClient
from pyconnectwise.exceptions import AuthenticationFailedException, MalformedRequestException, NotFoundException

from deskhand.sdk.testing import SimulatorHost
from deskhand_psa_connectwise.simulator import CLIENT_ID, COMPANY_ID, PRIVATE_KEY, PUBLIC_KEY
from tests.plugins.psa_connectwise.practice import Practice, practice

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")  # its models, on first import

Client: TypeAlias = Any  # it types every member of every record as optional


class LoopbackClient(ConnectWiseManageAPIClient):
    def _make_request(self, method: Any, url: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # as there
        return super()._make_request(method, url.replace("https://", "http://", 1), *arguments, **options)


@pytest.fixture
def msp() -> Practice:
    return practice()


@pytest.fixture
def host(msp: Practice, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorHost]:
    monkeypatch.setenv("NO_PROXY", "*")
    with SimulatorHost(msp.simulator) as host:
        yield host


def opened(host: SimulatorHost, private_key: str = PRIVATE_KEY) -> Client:
    address = host.url.removeprefix("http://")
    return LoopbackClient(COMPANY_ID, address, CLIENT_ID, PUBLIC_KEY, private_key)


@pytest.fixture
def client(host: SimulatorHost) -> Client:
    return opened(host)


def test_finds_the_codebase(client: Client) -> None:
    assert client.codebase == "v2025_1/"
    assert client.system.info.get().version == "v2025.1.0"


def test_walks_through_all_pages(client: Client, msp: Practice) -> None:
    found = [ticket.id for ticket in client.service.tickets.paginated(1, 3).all()]
    assert found == [ticket["id"] for ticket in msp.simulator.tickets()]


def test_filters_and_sorts(client: Client, msp: Practice) -> None:
    conditions = f'company/id={msp.other_company} and summary like "Ticket%"'
    found = client.service.tickets.get(params={"conditions": conditions, "orderBy": "summary desc"})
    assert [ticket.summary for ticket in found] == [f"Ticket {number}" for number in (4, 3, 2, 1, 0)]
    assert client.service.tickets.count.get(params={"conditions": conditions}).count == 5


def test_reads_a_ticket_as_the_vendor_types_it(client: Client, msp: Practice) -> None:
    ticket = client.service.tickets.id(msp.ticket).get()
    assert (ticket.summary, ticket.board.name, ticket.company.name) == ("Cannot log in", "Help Desk", "Ada & Sons")
    assert (ticket.contact_email_address, ticket.closed_flag) == ("ada.king@ada.example", False)


def test_opens_and_patches_a_ticket(client: Client, msp: Practice) -> None:
    body = {"summary": "Neu: Drucker", "company": {"identifier": "Ada&Sons"}, "initialDescription": "Er druckt nicht."}
    ticket = client.service.tickets.post(data=body)
    path = client.service.tickets.id(ticket.id)
    closed = {"id": int(msp.named("statuses", "Closed", msp.board))}
    patched = path.patch(data=[{"op": "replace", "path": "status", "value": closed}])
    assert (patched.status.name, patched.closed_flag) == ("Closed", True)
    assert [note.text for note in path.notes.get()] == ["Er druckt nicht."]


def test_puts_a_ticket_and_so_empties_what_it_left_out(client: Client, msp: Practice) -> None:
    path = client.service.tickets.id(msp.closed_ticket)
    assert path.get().type.name == "Hardware"
    put = path.put(data={"summary": "Printer", "company": {"id": msp.company}, "board": {"id": msp.board}})
    assert (put.type, put.sub_type, put.contact, put.closed_flag) == (None, None, None, False)


def test_writes_and_reads_notes(client: Client, msp: Practice) -> None:
    path = client.service.tickets.id(msp.ticket)
    note = path.notes.post(data={"text": "Seen", "internalAnalysisFlag": True})
    assert (note.text, note.internal_analysis_flag, note.detail_description_flag) == ("Seen", True, False)
    assert [each.text for each in path.all_notes.get()][-1] == "Seen"
    path.notes.id(note.id).delete()
    assert len(path.notes.get()) == 2


def test_reads_clients_people_machines_and_boards(client: Client, msp: Practice) -> None:
    child = 'communicationItems/value="ada.king@ada.example" and communicationItems/communicationType="Email"'
    people = client.company.contacts.get(params={"childConditions": child})
    assert [person.id for person in people] == [msp.contact]
    assert [each.name for each in client.company.companies.get()] == ["Ada & Sons", "Babbage Ltd"]
    assert [each.name for each in client.company.configurations.get()] == ["ADA-PC1"]
    assert [each.name for each in client.service.boards.get()] == ["Help Desk", "Projects desk"]
    board = client.service.boards.id(msp.board)
    assert [each.name for each in board.types.get()] == ["Accounts", "Hardware", "Spam"]
    assert next(each.name for each in board.statuses.get()) == "New"


def test_records_work(client: Client, msp: Practice) -> None:
    entry = {"chargeToId": msp.ticket, "chargeToType": "ServiceTicket", "timeStart": "2026-03-02T09:00:00Z"}
    recorded = client.time.entries.post(data={**entry, "actualHours": 0.5, "notes": "Reset"})
    assert (recorded.actual_hours, recorded.member.identifier) == (0.5, "deskhand")


def test_is_refused_what_the_vendor_refuses(client: Client, host: SimulatorHost) -> None:
    with pytest.raises(MalformedRequestException):
        client.service.tickets.post(data={"summary": "No company"})
    with pytest.raises(NotFoundException):
        client.service.tickets.id(7).get()
    with pytest.raises(AuthenticationFailedException):
        opened(host, "wrong").system.info.get()
