import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue, TypeAdapter

from deskhand.demo import roster
from deskhand.demo.places import requesters
from deskhand.demo.ticket_file import read_tickets
from deskhand.demo.world import RehearsalWorld, seed
from deskhand.records.documents import Handling
from deskhand_psa_connectwise.simulator import ConnectWiseSimulator

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def seeded(tickets: Path | None = None) -> tuple[ConnectWiseSimulator, RehearsalWorld]:
    psa = ConnectWiseSimulator(clock=lambda: NOW)
    return psa, seed(psa, now=NOW, tickets=None if tickets is None else read_tickets(tickets))


def by_id(psa: ConnectWiseSimulator) -> dict[str, dict[str, JsonValue]]:
    return {str(ticket["id"]): ticket for ticket in psa.tickets()}


def name_of(ticket: dict[str, JsonValue], field: str) -> str | None:
    value = ticket.get(field)
    return str(value["name"]) if isinstance(value, dict) else None


def moment(text: JsonValue) -> datetime:
    return datetime.fromisoformat(str(text))


def entered(ticket: dict[str, JsonValue]) -> datetime:
    info = ticket["_info"]
    assert isinstance(info, dict)
    return moment(info["dateEntered"])


@pytest.fixture(scope="module")
def rehearsal() -> tuple[ConnectWiseSimulator, RehearsalWorld]:
    return seeded()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    rows = [f"ticket {n} about a printer,{('Hardware', 'Access')[n % 2]},sub {n % 3}" for n in range(50)]
    path.write_text("\n".join(["text,category,subcategory", *rows]), encoding="utf-8")
    return path


def test_every_ticket_is_in_the_psa(rehearsal: tuple[ConnectWiseSimulator, RehearsalWorld]) -> None:
    psa, world = rehearsal
    tickets = by_id(psa)
    assert set(tickets) == {*world.open_tickets, *world.closed_tickets}
    assert len(world.open_tickets) == len(roster.open_tickets())
    assert [tickets[each]["closedFlag"] for each in world.open_tickets] == [False] * len(world.open_tickets)
    assert all(tickets[each]["closedFlag"] for each in world.closed_tickets)
    assert set(world.truths) == set(world.open_tickets)


def test_open_tickets_say_nothing_of_what_is_to_be_found_out(
    rehearsal: tuple[ConnectWiseSimulator, RehearsalWorld],
) -> None:
    psa, world = rehearsal
    for number in world.open_tickets:
        ticket = by_id(psa)[number]
        assert {name_of(ticket, field) for field in ("type", "subType", "item", "owner")} == {None}
        assert (ticket["impact"], ticket["severity"]) == ("Medium", "Medium")
        assert name_of(ticket, "priority") == roster.psa().usual_priority
        assert len(psa.notes(int(number))) == 1


def test_the_customers_words_arrive_as_they_were_written(
    rehearsal: tuple[ConnectWiseSimulator, RehearsalWorld],
) -> None:
    psa, world = rehearsal
    for number, written in zip(world.open_tickets, roster.open_tickets(), strict=True):
        ticket, note = by_id(psa)[number], psa.notes(int(number))[0]
        assert (ticket["summary"], note["text"]) == (written.summary, written.text)
        assert note["detailDescriptionFlag"]
        assert "member" not in note
        if written.sender:
            assert (ticket["contactName"], ticket["contactEmailAddress"]) == (written.sender.name, written.sender.email)


def test_a_truth_names_the_clients_of_the_psa(rehearsal: tuple[ConnectWiseSimulator, RehearsalWorld]) -> None:
    _, world = rehearsal
    clients = {client.key: client.company_id for client in world.clients}
    for number, written in zip(world.open_tickets, roster.open_tickets(), strict=True):
        truth = world.truths[number]
        assert truth.company_id == (None if written.truth.company is None else clients[written.truth.company])
        assert (truth.type, truth.subtype) == (written.truth.type, written.truth.subtype)


def test_closed_tickets_are_a_year_of_work(rehearsal: tuple[ConnectWiseSimulator, RehearsalWorld]) -> None:
    psa, world = rehearsal
    tickets = [by_id(psa)[number] for number in world.closed_tickets]
    created = [entered(ticket) for ticket in tickets]
    assert created == sorted(created)
    assert NOW - timedelta(days=367) < created[0] < NOW - timedelta(days=350)
    assert created[-1] < NOW - timedelta(days=1)
    assert len({at.month for at in created}) == 12
    for ticket, at in zip(tickets, created, strict=True):
        assert at < moment(ticket["closedDate"]) < NOW
        assert name_of(ticket, "type")
        assert name_of(ticket, "subType")
        words, fix = psa.notes(int(str(ticket["id"])))
        assert words["detailDescriptionFlag"]
        assert fix["resolutionFlag"]
        (entry,) = psa.time_entries(int(str(ticket["id"])))
        assert isinstance(entry["actualHours"], float)
    assert min(Counter(name_of(ticket, "company") for ticket in tickets).values()) > 100


def test_open_tickets_came_in_lately_and_in_order(rehearsal: tuple[ConnectWiseSimulator, RehearsalWorld]) -> None:
    psa, world = rehearsal
    created = [entered(by_id(psa)[number]) for number in world.open_tickets]
    assert created == sorted(created)
    assert NOW - timedelta(hours=36) <= created[0] < created[-1] < NOW


def test_the_same_moment_gives_the_same_world() -> None:
    (first, world), (second, again) = seeded(), seeded()
    assert world == again
    assert json.dumps(first.snapshot()) == json.dumps(second.snapshot())


def test_the_world_can_be_told_to_another_process(rehearsal: tuple[ConnectWiseSimulator, RehearsalWorld]) -> None:
    _, world = rehearsal
    told = TypeAdapter(RehearsalWorld)
    assert told.validate_json(told.dump_json(world)) == world


def test_what_the_desk_is_told_of_its_clients(rehearsal: tuple[ConnectWiseSimulator, RehearsalWorld]) -> None:
    _, world = rehearsal
    assert set(world.policies) == {"PellardDental", "Hollerbeck", "ThornburyQuill", "MarlowTern"}
    assert world.policies["ThornburyQuill"].handling is Handling.SUGGEST
    assert world.policies["ThornburyQuill"].boards == frozenset({"VIP Desk"})
    assert world.identity.verified_domains["Hollerbeck"] == ("hollerbeck.example", "hollerbeck-service.example")
    assert world.identity.own_domains == ("brackenfold.example",)
    assert "webmail.example" in world.identity.public_domains


def test_a_file_brings_its_board_its_history_and_its_tickets(file: Path) -> None:
    psa, world = seeded(file)
    tickets = by_id(psa)
    assert (len(world.closed_tickets), len(world.open_tickets)) == (30, 20)
    assert {name_of(ticket, "board") for ticket in tickets.values()} == {"Imported tickets"}
    assert [name_of(tickets[number], "type") for number in world.closed_tickets[:2]] == ["Hardware", "Access"]
    assert name_of(tickets[world.closed_tickets[2]], "subType") == "sub 2"
    assert {name_of(tickets[number], "type") for number in world.open_tickets} == {None}
    assert [world.truths[number].type for number in world.open_tickets[:2]] == ["Hardware", "Access"]
    assert world.truths[world.open_tickets[0]].kind is None


def test_a_files_tickets_are_spread_over_clients_and_their_own_people(file: Path) -> None:
    psa, world = seeded(file)
    tickets = by_id(psa)
    assert set(Counter(name_of(tickets[number], "company") for number in world.open_tickets).values()) == {5}
    domains = {client.identifier: client.domains for client in roster.clients()}
    for number in world.open_tickets:
        company = tickets[number]["company"]
        assert isinstance(company, dict)
        address = str(tickets[number]["contactEmailAddress"])
        assert address.partition("@")[2] in domains[str(company["identifier"])]
        assert world.truths[number].company_id == str(company["id"])
    assert {policy.boards for policy in world.policies.values()} == {None}
    assert Handling.OFF not in {policy.handling for policy in world.policies.values()}


def test_a_files_tickets_come_from_nobody_whose_client_could_be_doubted() -> None:
    for client in roster.clients():
        writers = {contact.key for contact in requesters(client)}
        shared = {contact.key for contact in client.contacts if contact.is_shared_mailbox}
        assert len(writers) >= 12
        assert shared
        assert writers.isdisjoint({*shared, "imogen.carr"})


def test_a_file_without_labels_goes_to_our_boards_beside_our_history(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text("\n".join(json.dumps({"subject": f"help {n}"}) for n in range(8)), encoding="utf-8")
    psa, world = seeded(path)
    tickets = by_id(psa)
    assert len(world.closed_tickets) == sum(len(roster.past_tickets(key)) for key in roster.CLIENTS)
    usual = [client.boards[0].name for client in roster.clients()]
    assert [name_of(tickets[number], "board") for number in world.open_tickets] == usual * 2
    assert {truth.type for truth in world.truths.values()} == {None}
