"""Tickets as they are about to be put into the PSA: ours, or those of a file, with dates and people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from random import Random

from deskhand.demo import arrivals, roster
from deskhand.demo.places import Places, requesters
from deskhand.demo.psa import SeedablePsa, SeedNote
from deskhand.demo.scoring import TicketTruth
from deskhand.demo.ticket_file import FileTicket
from deskhand.sdk.models import Level

_GERMAN_SPEAKER = "jalbrecht"
_MAIL = "Email Connector"


@dataclass(frozen=True, slots=True)
class Work:
    """What a technician did about a ticket; without ``resolution`` nobody wrote it down."""

    technician: int
    hours: float
    resolution: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket before the PSA has it. Where ``closed`` is None it is open and says nothing of its type or levels."""

    summary: str
    text: str
    board: int
    company: int
    created: datetime
    contact: int | None = None
    sender_name: str = ""
    sender_email: str = ""
    source: str = _MAIL
    closed: datetime | None = None
    work: Work | None = None
    type: str | None = None
    subtype: str | None = None
    item: str | None = None
    priority: str | None = None
    impact: Level = Level.MEDIUM
    urgency: Level = Level.MEDIUM


def put(psa: SeedablePsa, draft: Draft) -> str:
    """Put a ticket into the PSA with its first message, its resolution and the time it took; return its id."""
    number = psa.seed_ticket(
        draft.summary,
        board=draft.board,
        company=draft.company,
        contact=draft.contact,
        type=draft.type,
        subtype=draft.subtype,
        item=draft.item,
        priority=draft.priority,
        owner=draft.work.technician if draft.work else None,
        source=draft.source,
        impact=draft.impact.value.capitalize(),
        severity=draft.urgency.value.capitalize(),
        contact_name=draft.sender_name,
        contact_email=draft.sender_email,
        notes=_notes(draft),
        created=draft.created,
        closed=draft.closed,
    )
    if draft.work and draft.closed:
        started = draft.closed - timedelta(hours=draft.work.hours)
        psa.seed_time_entry(number, member=draft.work.technician, started=started, hours=draft.work.hours)
    return str(number)


def past_drafts(places: Places, now: datetime, chance: Random) -> Iterator[Draft]:
    """Draft our closed tickets, all clients' mixed, as a year brings them; oldest first."""
    past = [(client, ticket) for client in roster.clients() for ticket in roster.past_tickets(client.key)]
    chance.shuffle(past)
    for (client, ticket), created in zip(past, arrivals.past_moments(len(past), now, chance), strict=True):
        rank = client.policy.matrix.rank(ticket.impact, ticket.urgency)
        yield Draft(
            summary=ticket.summary,
            text=ticket.text,
            board=places.boards[client.boards[0].name],
            company=places.companies[client.key],
            contact=places.contacts[client.key, ticket.contact] if ticket.contact else None,
            source=_MAIL if ticket.contact else roster.psa().alert_source,
            created=created,
            closed=arrivals.closing(created, ticket.hours, chance),
            work=Work(_technician(client, places, chance), ticket.hours, ticket.resolution),
            type=ticket.type,
            subtype=ticket.subtype,
            item=ticket.item,
            priority=roster.psa().priorities[rank - 1],
            impact=ticket.impact,
            urgency=ticket.urgency,
        )


def open_drafts(places: Places, now: datetime, chance: Random) -> Iterator[tuple[Draft, TicketTruth]]:
    """Draft our open tickets in the order they came in, each with a truth that still lacks the ticket's id."""
    tickets = roster.open_tickets()
    for ticket, created in zip(tickets, arrivals.recent_moments(len(tickets), now, chance), strict=True):
        truth = ticket.truth
        owner = None if truth.company is None else str(places.companies[truth.company])
        draft = Draft(
            summary=ticket.summary,
            text=ticket.text,
            board=places.boards[ticket.board] if ticket.board else places.board_of(ticket.company),
            company=places.companies[ticket.company] if ticket.company else places.catch_all,
            contact=places.contacts[ticket.company or "", ticket.contact] if ticket.contact else None,
            sender_name=ticket.sender.name if ticket.sender else "",
            sender_email=ticket.sender.email if ticket.sender else "",
            source=ticket.source,
            created=created,
        )
        yield draft, TicketTruth("", owner, truth.kind, truth.type, truth.subtype, truth.impact, truth.urgency)


def file_past_drafts(
    tickets: Sequence[FileTicket], boards: Mapping[str, int], places: Places, now: datetime, chance: Random
) -> Iterator[Draft]:
    """Draft a file's closed tickets with the file's labels; oldest first, and nobody knows what fixed them."""
    moments = arrivals.past_moments(len(tickets), now, chance)
    for ticket, (client, contact), created in zip(tickets, _writers(), moments, strict=False):
        yield Draft(
            summary=ticket.summary,
            text=ticket.text,
            board=boards[client.key],
            company=places.companies[client.key],
            contact=places.contacts[client.key, contact.key],
            created=created,
            closed=arrivals.closing(created, 1, chance),
            type=ticket.type,
            subtype=ticket.subtype if ticket.type else None,
            priority=roster.psa().priorities[ticket.priority - 1] if ticket.priority else None,
            impact=ticket.impact or Level.MEDIUM,
            urgency=ticket.urgency or Level.MEDIUM,
        )


def file_open_drafts(
    tickets: Sequence[FileTicket], boards: Mapping[str, int], places: Places, now: datetime, chance: Random
) -> Iterator[tuple[Draft, TicketTruth]]:
    """Draft a file's open tickets without their labels, each with a truth that still lacks the ticket's id."""
    moments = arrivals.recent_moments(len(tickets), now, chance)
    for ticket, (client, contact), created in zip(tickets, _writers(), moments, strict=False):
        company = places.companies[client.key]
        draft = Draft(
            summary=ticket.summary,
            text=ticket.text,
            board=boards[client.key],
            company=company,
            contact=places.contacts[client.key, contact.key],
            created=created,
        )
        yield draft, TicketTruth("", str(company), None, ticket.type, ticket.subtype, ticket.impact, ticket.urgency)


def _notes(draft: Draft) -> list[SeedNote]:
    notes: list[SeedNote] = [
        {"text": draft.text, "kind": "discussion", "contact": draft.contact, "created": draft.created}
    ]
    if draft.work and draft.work.resolution and draft.closed:
        by, text = draft.work.technician, draft.work.resolution
        notes.append({"text": text, "kind": "resolution", "member": by, "created": draft.closed})
    return notes


def _technician(client: roster.Client, places: Places, chance: Random) -> int:
    names = [_GERMAN_SPEAKER] if client.language == "de" else sorted(places.technicians)
    return places.technicians[chance.choice(names)]


def _writers() -> Iterator[tuple[roster.Client, roster.Contact]]:
    """Go round the clients, and at each of them round its people."""
    people = [(client, cycle(requesters(client))) for client in roster.clients()]
    for client, contacts in cycle(people):
        yield client, next(contacts)
