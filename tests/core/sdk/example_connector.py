"""A PSA nobody sells, as small as the contracts allow: the connector's side."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast
from urllib.parse import quote

from pydantic import Field, JsonValue, SecretStr

from deskhand.sdk.actions import Action, AnyAction, Arguments, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import NotFoundError
from deskhand.sdk.hooks import ConnectorOffer, hookimpl
from deskhand.sdk.http import HttpClient, JsonBody
from deskhand.sdk.models import (
    Company,
    Device,
    Member,
    NewTicket,
    Note,
    NoteKind,
    Person,
    Priority,
    Reference,
    Subtype,
    Taxonomy,
    Ticket,
    TicketPage,
    TicketUpdate,
    TimeEntry,
)
from deskhand.sdk.settings import ConnectorSettings
from tests.core.sdk.example_vendor import Record

PRIORITIES = (Priority("high", "high", 1), Priority("low", "low", 2))


def name(identifier: str) -> Reference:
    return Reference(identifier, identifier)


class ExampleSettings(ConnectorSettings):
    """Address and token of the example vendor."""

    url: str = Field(description="Where it is.")
    token: SecretStr = Field(description="Its token.")


class ExampleConnector:
    """Plays the role of a ticket system over the example vendor's HTTP."""

    name = "psa_example"

    def __init__(self, url: str, token: str | SecretStr) -> None:
        secret = SecretStr(token) if isinstance(token, str) else token
        self.client = HttpClient(
            url,
            credential=lambda: {"Authorization": f"Bearer {secret.get_secret_value()}"},
            allow_private_addresses=True,
            requests_per_minute=100_000,
        )

    def check(self) -> str:
        return f"Connected to {self._read('/info')['product']}"

    def close(self) -> None:
        self.client.close()

    def _read(self, path: str, **params: str) -> Record:
        return cast("Record", self.client.json("GET", path, params=params))

    def _list(self, path: str, **params: str) -> list[Record]:
        return cast("list[Record]", self.client.json("GET", path, params=params))

    def _write(self, method: str, path: str, fields: JsonBody, *, idempotent: bool = False) -> Record:
        return cast("Record", self.client.json(method, path, json=fields, idempotent=idempotent))

    def ticket(self, ticket_id: str) -> Ticket:
        if not ticket_id.isalnum():
            raise NotFoundError("not an identifier of a ticket")
        return _ticket(self._read(f"/tickets/{quote(ticket_id, safe='')}"))

    def tickets_since(self, since: datetime | None, after: str | None = None) -> TicketPage:
        page = self._read("/tickets", after=after or "0", since=since.isoformat() if since else "")
        tickets = tuple(_ticket(each) for each in page["tickets"])
        return TicketPage(tickets, tickets[-1].id if page["more"] else None)

    def notes(self, ticket_id: str) -> tuple[Note, ...]:
        return tuple(_note(each) for each in self._list(f"/tickets/{ticket_id}/notes"))

    def create_ticket(self, ticket: NewTicket) -> Ticket:
        fields = {
            "summary": ticket.summary,
            "company": ticket.company,
            "board": ticket.board,
            "contact": ticket.contact,
            "description": ticket.description,
        }
        return _ticket(self._write("POST", "/tickets", fields))

    def update_ticket(self, ticket_id: str, update: TicketUpdate) -> Ticket:
        given = {"type": update.type_id, "subtype": update.subtype_id, "priority": update.priority_id}
        fields = {key: value for key, value in given.items() if value is not None}
        if not fields:
            return self.ticket(ticket_id)
        return _ticket(self._write("PATCH", f"/tickets/{ticket_id}", fields, idempotent=True))

    def add_note(self, ticket_id: str, text: str, kind: NoteKind) -> Note:
        return _note(self._write("POST", f"/tickets/{ticket_id}/notes", {"text": text, "kind": kind}))

    def add_time_entry(self, entry: TimeEntry) -> TimeEntry:
        member = entry.member.id if entry.member else None
        fields = {"member": member, "start": entry.started_at.isoformat(), "hours": entry.hours, "text": entry.notes}
        return _work(self._write("POST", f"/tickets/{entry.ticket_id}/work", fields))

    def time_entries(self, ticket_id: str) -> tuple[TimeEntry, ...]:
        return tuple(_work(each) for each in self._list(f"/tickets/{ticket_id}/work"))

    def boards(self) -> tuple[Reference, ...]:
        return (name("b1"),)

    def taxonomy(self, board_id: str) -> Taxonomy:
        board = self._read(f"/boards/{board_id}")
        return Taxonomy(
            board=name(board_id),
            types=tuple(name(each) for each in board["types"]),
            subtypes=tuple(Subtype(each, each, frozenset(types)) for each, types in board["subtypes"].items()),
            items=(),
            statuses=tuple(name(each) for each in board["statuses"]),
        )

    def priorities(self) -> tuple[Priority, ...]:
        return PRIORITIES

    def companies(self) -> tuple[Company, ...]:
        return (Company("c1", "Client"),)

    def people(self) -> tuple[Person, ...]:
        return tuple(_person(each) for each in self._list("/people"))

    def people_by_email(self, address: str) -> tuple[Person, ...]:
        if "@" not in address:
            return ()
        return tuple(_person(each) for each in self._list("/people", email=address.lower()))

    def devices(self) -> tuple[Device, ...]:
        return (Device("d1", "PC-1"),)

    def members(self) -> tuple[Member, ...]:
        return (Member("m1", "Technician"),)


def _ticket(raw: Record) -> Ticket:
    return Ticket(
        id=raw["id"],
        version=raw["updated"],
        summary=raw["summary"],
        board=name(raw["board"]),
        status=name("new"),
        is_closed=False,
        created_at=datetime.fromisoformat(raw["created"]),
        updated_at=datetime.fromisoformat(raw["updated"]),
        company=name(raw["company"]),
        contact=name(raw["contact"]) if raw["contact"] else None,
        type=name(raw["type"]) if "type" in raw else None,
        subtype=name(raw["subtype"]) if "subtype" in raw else None,
        priority=name(raw["priority"]),
    )


def _note(raw: Record) -> Note:
    kind = NoteKind(raw["kind"])
    return Note(raw["id"], raw["ticket"], raw["text"], kind, datetime.fromisoformat(raw["at"]))


def _work(raw: Record) -> TimeEntry:
    started_at = datetime.fromisoformat(raw["start"])
    return TimeEntry(raw["id"], raw["ticket"], name(raw["member"]), started_at, raw["hours"], raw["text"])


def _person(raw: Record) -> Person:
    return Person(raw["id"], raw["name"], emails=(raw["email"],) if raw["email"] else ())


class Prioritise(Arguments):
    ticket: str
    priority: str


class WriteNote(Arguments):
    ticket: str
    text: str


def _inspect_priority(connector: ExampleConnector, call: Prioritise) -> Inspection:
    current = connector.ticket(call.ticket).priority
    assert current
    changes = (Change("priority", current.id, call.priority),) if current.id != call.priority else ()
    return Inspection("c1", changes, {"priority": current.id})


def _apply_priority(connector: ExampleConnector, call: Prioritise, _key: str) -> Receipt:
    return Receipt(connector.update_ticket(call.ticket, TicketUpdate(priority_id=call.priority)).version)


def _verify_priority(connector: ExampleConnector, call: Prioritise, _receipt: Receipt) -> bool:
    return connector.ticket(call.ticket).priority == name(call.priority)


def _undo_priority(
    connector: ExampleConnector, call: Prioritise, prior: Mapping[str, JsonValue], _receipt: Receipt
) -> None:
    connector.update_ticket(call.ticket, TicketUpdate(priority_id=str(prior["priority"])))


def _apply_note(connector: ExampleConnector, call: WriteNote, key: str) -> Receipt:
    return Receipt(connector.add_note(call.ticket, f"{call.text}\n[{key}]", NoteKind.INTERNAL).id)


def _verify_note(connector: ExampleConnector, call: WriteNote, receipt: Receipt) -> bool:
    return receipt.reference in {note.id for note in connector.notes(call.ticket)}


def _probe_note(connector: ExampleConnector, call: WriteNote, key: str) -> Receipt | None:
    found = [note.id for note in connector.notes(call.ticket) if note.text.endswith(f"[{key}]")]
    return Receipt(found[0]) if found else None


SET_PRIORITY = Action(
    name="psa_example.set_priority",
    title="Set the priority",
    arguments=Prioritise,
    tier=Tier.PSA_REVERSIBLE,
    effect=Effect.IDEMPOTENT,
    permission="tickets: write",
    documentation="https://vendor.example/tickets",
    inspect=_inspect_priority,
    apply=_apply_priority,
    verify=_verify_priority,
    undo=_undo_priority,
)
ADD_NOTE = Action(
    name="psa_example.add_note",
    title="Add an internal note",
    arguments=WriteNote,
    tier=Tier.PSA_REVERSIBLE,
    effect=Effect.ONCE,
    permission="notes: write",
    documentation="https://vendor.example/notes",
    inspect=lambda _connector, call: Inspection("c1", (Change("note", "", call.text),)),
    apply=_apply_note,
    verify=_verify_note,
    probe=_probe_note,
    irreversible="The vendor offers no way to delete a note.",
)


@hookimpl
def offer_actions() -> list[AnyAction]:
    return [SET_PRIORITY, ADD_NOTE]


@hookimpl
def offer_connector() -> ConnectorOffer:
    return ConnectorOffer(ExampleSettings, lambda settings: ExampleConnector(settings.url, settings.token))
