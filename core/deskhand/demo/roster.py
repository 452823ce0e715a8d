"""Reads the rehearsal MSP from the package: its PSA, its clients, and the tickets written for them by hand."""

import tomllib
from functools import cache
from importlib import resources
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from deskhand.governance.policy import ClientPolicy
from deskhand.records.documents import TicketKind
from deskhand.sdk.models import Level

OWN_COMPANY = "brackenfold"
CLIENTS = ("pellard", "hollerbeck", "thornbury", "marlowtern")


class Entry(BaseModel):
    """A piece of the rehearsal's data: frozen, and closed so that a misspelt key is found by a test."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Collector(Entry):
    """The company a PSA's mail connector files mail under that it cannot place."""

    name: str
    identifier: str


class Technician(Entry):
    """Someone who works for the MSP."""

    key: str
    name: str
    email: str


class Psa(Entry):
    """What the rehearsal PSA offers to every client.

    ``priorities`` are listed most pressing first; ``usual_priority`` is what a ticket has until somebody chooses.
    ``file_board`` is where tickets from a file go; only monitoring writes tickets with the source ``alert_source``.
    """

    catch_all: Collector
    file_board: str
    alert_source: str
    statuses: tuple[str, ...]
    priorities: tuple[str, ...]
    usual_priority: str
    shared_domains: tuple[str, ...]
    technicians: tuple[Technician, ...]


class Contact(Entry):
    """A person, or a mailbox several people read, at a client."""

    key: str
    name: str
    email: str
    phone: str
    title: str
    site: str
    is_shared_mailbox: bool = False


class Machine(Entry):
    """A device at a client; ``contact`` is the key of who uses it."""

    name: str
    kind: str
    serial: str
    site: str
    contact: str | None = None


class Board(Entry):
    """A service board and what it accepts: subtypes by type, and items that go with any of them."""

    name: str
    items: tuple[str, ...]
    types: dict[str, tuple[str, ...]]


class Company(Entry):
    """A company with its people and devices; ``key`` is how the other files name it."""

    key: str
    name: str
    identifier: str
    language: str
    domains: tuple[str, ...]
    sites: tuple[str, ...]
    contacts: tuple[Contact, ...]
    devices: tuple[Machine, ...]

    def contact(self, key: str) -> Contact:
        """Find a contact by key; KeyError where there is none."""
        found = {contact.key: contact for contact in self.contacts}
        return found[key]


class Client(Company):
    """A client of the MSP: what may be done with its tickets, and its boards, the usual one first."""

    policy: ClientPolicy
    boards: tuple[Board, ...]


class Sender(Entry):
    """Someone who wrote and whom the PSA does not know as a contact."""

    name: str
    email: str


class Truth(Entry):
    """What a careful technician would have made of a ticket; never sent anywhere.

    ``company`` is a key; None says that the ticket alone does not show whose it is, and abstaining is right.
    """

    company: str | None
    kind: TicketKind
    type: str
    subtype: str
    impact: Level
    urgency: Level


class OpenTicket(Entry):
    """A ticket as it comes in. ``company`` None: the PSA filed it under its collecting company."""

    company: str | None
    contact: str | None
    sender: Sender | None = None
    board: str | None = None
    source: str
    summary: str
    text: str
    truth: Truth


class PastTicket(Entry):
    """A closed ticket of one client: what it was, and what fixed it after how many hours of work."""

    contact: str | None
    kind: TicketKind
    type: str
    subtype: str
    item: str | None
    impact: Level
    urgency: Level
    hours: float
    summary: str
    text: str
    resolution: str


@cache
def psa() -> Psa:
    """Read what the PSA offers."""
    return _table("msp", Psa)


@cache
def own_company() -> Company:
    """Read the MSP's own company record."""
    return _table(OWN_COMPANY, Company)


@cache
def clients() -> tuple[Client, ...]:
    """Read the four clients, always in the same order."""
    return tuple(_table(key, Client) for key in CLIENTS)


@cache
def open_tickets() -> tuple[OpenTicket, ...]:
    """Read the open tickets in the order they arrive."""
    return _lines("open", OpenTicket)


@cache
def past_tickets(client: str) -> tuple[PastTicket, ...]:
    """Read one client's closed tickets, in no order that means anything."""
    return _lines(f"{client}-history", PastTicket)


_Entry = TypeVar("_Entry", bound=Entry)


def _table(name: str, kind: type[_Entry]) -> _Entry:
    return kind.model_validate(tomllib.loads(_read(f"{name}.toml")))


def _lines(name: str, kind: type[_Entry]) -> tuple[_Entry, ...]:
    return tuple(kind.model_validate_json(line) for line in _read(f"{name}.jsonl").split("\n") if line)


def _read(name: str) -> str:
    return resources.files("deskhand.demo").joinpath("msp", name).read_text(encoding="utf-8")
