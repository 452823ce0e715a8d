import re
import unicodedata
from collections import Counter
from importlib import resources
from itertools import chain, combinations

import pytest

from deskhand.demo import roster
from deskhand.records.documents import Handling, TicketKind
from deskhand.sdk.models import Level

FOR_DRAMA = re.compile(
    r"01632 960\d{3}|07700 900\d{3}|020 7946 0\d{3}|069 90009 \d{3}|0171 39200\d{2}"
    r"|\+44 1632|\+44 7700 900\d{3}|\+49 171 39200\d{2}"
)
HOSTS = re.compile(r"(?:https?://|ldap://|@)([\w.-]+\.[a-z]{2,})", re.IGNORECASE)
WORD = re.compile(r"\w+")
PAST = tuple(chain.from_iterable(roster.past_tickets(key) for key in roster.CLIENTS))
MESSAGES = tuple((each.summary, each.text) for each in roster.open_tickets()) + tuple(
    (each.summary, each.text) for each in PAST
)
FILES = [each for each in resources.files("deskhand.demo").joinpath("msp").iterdir() if each.is_file()]


def boards() -> dict[str, roster.Board]:
    return {board.name: board for client in roster.clients() for board in client.boards}


def board_of(ticket: roster.OpenTicket) -> roster.Board:
    usual = {client.key: client.boards[0].name for client in roster.clients()}
    return boards()[ticket.board or usual.get(ticket.company or "", usual["pellard"])]


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = WORD.findall(text.casefold())
    return frozenset(zip(words, words[1:], words[2:], strict=False))


def test_there_is_enough_of_everything() -> None:
    assert len(roster.open_tickets()) >= 110
    assert len(PAST) >= 240
    for client in roster.clients():
        assert 12 <= len(client.contacts) <= 25
        assert 8 <= len(client.devices) <= 15
        assert any(contact.is_shared_mailbox for contact in client.contacts)
    german = re.compile(r"\b(ich|nicht|und|der|die|das|bitte|ist|wir|ein|auf|seit)\b", re.IGNORECASE)
    assert sum(len(german.findall(f"{each.summary} {each.text}")) > 2 for each in roster.open_tickets()) >= 25


def test_every_kind_and_level_and_policy_occurs() -> None:
    truths = [ticket.truth for ticket in roster.open_tickets()]
    assert {truth.kind for truth in truths} == set(TicketKind)
    assert {truth.impact for truth in truths} == {truth.urgency for truth in truths} == set(Level)
    assert {client.policy.handling for client in roster.clients()} == {Handling.APPLY, Handling.SUGGEST}
    assert len({str(client.policy.matrix) for client in roster.clients()}) == len(roster.CLIENTS)


def test_every_true_type_and_subtype_is_on_the_board() -> None:
    for ticket in roster.open_tickets():
        assert ticket.truth.subtype in board_of(ticket).types[ticket.truth.type], ticket.summary


@pytest.mark.parametrize("client", roster.clients(), ids=roster.CLIENTS)
def test_history_uses_what_the_board_has_and_all_of_it(client: roster.Client) -> None:
    past = roster.past_tickets(client.key)
    board = client.boards[0]
    assert all(ticket.subtype in board.types[ticket.type] for ticket in past)
    assert {ticket.item for ticket in past} - {None} <= set(board.items)
    assert {(ticket.type, ticket.subtype) for ticket in past} == {(t, s) for t in board.types for s in board.types[t]}
    assert min(Counter(ticket.type for ticket in past).values()) >= 3


def test_whoever_writes_is_a_contact_or_says_who_they_are() -> None:
    companies = {company.key: company for company in (*roster.clients(), roster.own_company())}
    for ticket in roster.open_tickets():
        assert not (ticket.contact and ticket.sender), ticket.summary
        if ticket.contact:
            assert companies[ticket.company or ""].contact(ticket.contact)
        elif not ticket.sender:
            assert ticket.source in {"Monitoring", "Phone"}, ticket.summary
    for client in roster.clients():
        assert all(client.contact(ticket.contact) for ticket in roster.past_tickets(client.key) if ticket.contact)
        assert all(client.contact(device.contact) for device in client.devices if device.contact)
        assert {contact.site for contact in client.contacts} | {each.site for each in client.devices} <= set(
            client.sites
        )


def test_the_traps_are_set() -> None:
    tickets = roster.open_tickets()
    untellable = [ticket for ticket in tickets if ticket.truth.company is None]
    assert len(untellable) >= 12
    assert any(ticket.contact == "imogen.carr" for ticket in untellable)
    assert any(ticket.company == roster.OWN_COMPANY for ticket in untellable)
    assert any(ticket.sender and ticket.sender.email.endswith("@webmail.example") for ticket in untellable)
    assert any(ticket.sender and "pellard-dental" in ticket.sender.email for ticket in untellable)
    assert any(ticket.company is None and ticket.truth.company for ticket in tickets)
    two_clients = [client.key for client in roster.clients() for each in client.contacts if each.key == "imogen.carr"]
    assert len(two_clients) == 2


def test_hostile_text_is_among_the_tickets() -> None:
    texts = [f"{ticket.summary}\n{ticket.text}" for ticket in roster.open_tickets()]
    for needle in (
        "<script>",
        "<|im_start|>",
        "DROP TABLE",
        "\u202e",
        "\u200b",
        "\U000e0072",
        "\x1b[31m",
        "Ignoriere alle",
    ):
        assert any(needle in text for text in texts), needle
    assert max(map(len, texts)) > 10_000


def test_names_and_addresses_are_reserved_ones() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in FILES)
    assert {host for host in HOSTS.findall(text) if not host.casefold().endswith(".example")} == set()
    numbers = re.findall(r"(?<![\w.\d-])(?:\+\d{2} ?|0\d{2,4} )\d[\d ]{5,}", text)
    assert len(numbers) > 60
    assert [number for number in numbers if not FOR_DRAMA.match(number.strip())] == []


def test_a_reader_of_the_files_sees_every_character() -> None:
    for file in FILES:
        hidden = {each for each in file.read_text(encoding="utf-8") if unicodedata.category(each) in {"Cf", "Co", "Cn"}}
        assert hidden == set(), file.name


def test_no_ticket_is_nearly_another() -> None:
    words = [(summary, shingles(f"{summary} {text}")) for summary, text in MESSAGES]
    for (one, left), (other, right) in combinations(words, 2):
        assert len(left & right) <= 0.4 * min(len(left), len(right)) + 2, f"{one} / {other}"


def test_a_summary_fits_the_psa() -> None:
    assert all(0 < len(summary) <= 100 for summary, _ in MESSAGES)
