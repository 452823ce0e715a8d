"""The world a PSA's contract takes place in, and what its tests ask of it again and again."""

from dataclasses import dataclass
from datetime import UTC, datetime

from deskhand.sdk.models import Note, Reference, Ticket, TicketPage, TimeEntry
from deskhand.sdk.roles import TicketSystem
from deskhand.sdk.testing.connector_contract import World
from deskhand.sdk.testing.simulator import SimulatedRequest

HOSTILE_TEXT = "Quotes \"' <b>&amp;</b> \\ {{7*7}} \N{SNOWMAN}  עברית\n\n* second line\n[link](javascript:x)"
SHORT = "The printer on the second floor is out of toner"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWorld(World):
    """What a PSA plugin seeded its simulator with, by identifier; the clock of the simulator moves with each write.

    There are more tickets than the connector reads in one page, updated at different moments.
    """

    ticket: str
    """An open ticket of ``company`` on ``board``, with at least two notes written at different moments."""
    missing_ticket: str
    board: str
    """It has types and subtypes."""
    company: str
    contact: str
    """The only one with ``contact_email``."""
    contact_email: str
    member: str
    """A technician who may record time."""


def is_write(request: SimulatedRequest) -> bool:
    """Tell requests that may change something from those that only read."""
    return request.method not in ("GET", "HEAD")


def pages(connector: TicketSystem, since: datetime | None) -> list[TicketPage]:
    """Read the whole listing, page by page."""
    found = [connector.tickets_since(since)]
    while (after := found[-1].next_after) is not None:
        assert after not in {page.next_after for page in found[:-1]}, "the pages go in a circle"
        found.append(connector.tickets_since(since, after))
    return found


def other_priority(connector: TicketSystem, ticket: Ticket) -> Reference:
    """Find a priority the ticket does not have."""
    current = ticket.priority.id if ticket.priority else None
    other = next(priority for priority in connector.priorities() if priority.id != current)
    return Reference(other.id, other.name)


def notes_with(connector: TicketSystem, world: TicketWorld, text: str) -> list[Note]:
    """Read the ticket's notes that have exactly this text."""
    return [note for note in connector.notes(world.ticket) if note.text == text]


def time_entry(world: TicketWorld) -> TimeEntry:
    """Make a quarter of an hour of work on the ticket."""
    member = Reference(world.member, "")
    started_at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    return TimeEntry(id="", ticket_id=world.ticket, member=member, started_at=started_at, hours=0.25, notes=SHORT)
