"""A PSA small enough to reason about: a real TicketSystem in memory, with a clock of its own and hooks around calls."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from deskhand.sdk.errors import NotFoundError
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
    Taxonomy,
    Ticket,
    TicketPage,
    TicketUpdate,
    TimeEntry,
)

BOARD = Reference("1", "Service desk")
NEW, CLOSED = Reference("1", "New"), Reference("2", "Closed")
ACME = Company("7", "Acme", "ACME", ("acme.example",))


class PocketPsa:
    """Tickets by ascending number; ``before`` and ``after`` are told the name of each call around its effect.

    Its clock stands still until ``tick``, and stamps whole seconds where ``whole_seconds`` says so.
    """

    name = "psa_pocket"

    def __init__(self, start: datetime, *, page_size: int = 3, whole_seconds: bool = False) -> None:
        self.now = start
        self.page_size = page_size
        self.whole_seconds = whole_seconds
        self.tickets: dict[int, Ticket] = {}
        self.written: dict[str, list[Note]] = {}
        self.all_companies = [ACME]
        self.all_people = [Person("1", "Ada Bell", Reference("7", "Acme"), ("ada@acme.example",))]
        self.all_devices = [Device("1", "ACME-LT-01", Reference("7", "Acme"))]
        self.calls: Counter[str] = Counter()
        self.before: Callable[[str], None] = lambda _call: None
        self.after: Callable[[str], None] = lambda _call: None

    # What people in the PSA do

    def tick(self, seconds: float = 1) -> None:
        self.now += timedelta(seconds=seconds)

    def open_ticket(self, summary: str = "Printer is jammed", **facts: object) -> str:
        number = len(self.tickets) + 1
        ticket = Ticket(
            str(number), "1", summary, BOARD, NEW, is_closed=False, created_at=self._stamp(), updated_at=self._stamp()
        )
        self.tickets[number] = replace(ticket, **facts)  # type: ignore[arg-type]  # the test names real fields
        self.written[str(number)] = [self._note(str(number), f"{summary}: please help")]
        return str(number)

    def change(self, ticket_id: str, **facts: object) -> None:
        old = self.tickets[int(ticket_id)]
        changed = replace(old, **facts)  # type: ignore[arg-type]  # the test names real fields
        self.tickets[int(ticket_id)] = replace(changed, version=str(int(old.version) + 1), updated_at=self._stamp())

    def close_ticket(self, ticket_id: str, resolution: str = "solved") -> None:
        self.change(ticket_id, is_closed=True, status=CLOSED, closed_at=self._stamp())
        note = replace(self._note(ticket_id, resolution), kind=NoteKind.RESOLUTION, from_customer=False)
        self.written[ticket_id].append(note)

    def reopen(self, ticket_id: str) -> None:
        self.change(ticket_id, is_closed=False, status=NEW, closed_at=None)

    # What a connector does

    def ticket(self, ticket_id: str) -> Ticket:
        self._begin("ticket")
        found = self.tickets.get(int(ticket_id)) if ticket_id.isdigit() else None
        self._end("ticket")
        if found is None:
            raise NotFoundError(f"psa_pocket has no ticket {ticket_id}")
        return found

    def tickets_since(self, since: datetime | None, after: str | None = None) -> TicketPage:
        self._begin("tickets_since")
        numbers = [
            number
            for number, ticket in sorted(self.tickets.items())
            if (since is None or ticket.updated_at >= since) and number > int(after or 0)
        ]
        page = tuple(self.tickets[number] for number in numbers[: self.page_size])
        is_last = len(numbers) <= self.page_size
        self._end("tickets_since")
        return TicketPage(page, None if is_last else page[-1].id)

    def notes(self, ticket_id: str) -> tuple[Note, ...]:
        self._begin("notes")
        found = tuple(self.written.get(ticket_id, ()))
        self._end("notes")
        return found

    def companies(self) -> Iterable[Company]:
        self._begin("companies")
        yield from self.all_companies

    def people(self) -> Iterable[Person]:
        self._begin("people")
        yield from self.all_people

    def devices(self) -> Iterable[Device]:
        self._begin("devices")
        yield from self.all_devices

    def people_by_email(self, address: str) -> tuple[Person, ...]:
        return tuple(person for person in self.all_people if address in person.emails)

    def boards(self) -> tuple[Reference, ...]:
        self._begin("boards")
        return (BOARD,)

    def taxonomy(self, board_id: str) -> Taxonomy:
        self._begin("taxonomy")
        if board_id != BOARD.id:
            raise NotFoundError(f"psa_pocket has no board {board_id}")
        return Taxonomy(BOARD, (Reference("1", "Hardware"),), (), (), (NEW, CLOSED))

    def priorities(self) -> tuple[Priority, ...]:
        self._begin("priorities")
        return (Priority("1", "Critical", 1), Priority("2", "Normal", 2))

    def members(self) -> tuple[Member, ...]:
        return ()

    def time_entries(self, ticket_id: str) -> tuple[TimeEntry, ...]:
        del ticket_id
        return ()

    def create_ticket(self, ticket: NewTicket) -> Ticket:
        return self.ticket(self.open_ticket(ticket.summary))

    def update_ticket(self, ticket_id: str, update: TicketUpdate) -> Ticket:
        self.change(ticket_id, impact=update.impact)
        return self.ticket(ticket_id)

    def add_note(self, ticket_id: str, text: str, kind: NoteKind) -> Note:
        note = replace(self._note(ticket_id, text), kind=kind, from_customer=False)
        self.written[ticket_id].append(note)
        self.change(ticket_id)
        return note

    def add_time_entry(self, entry: TimeEntry) -> TimeEntry:
        return entry

    def check(self) -> str:
        return "a PSA in memory"

    def close(self) -> None:
        pass

    def _stamp(self) -> datetime:
        return self.now.replace(microsecond=0) if self.whole_seconds else self.now

    def _note(self, ticket_id: str, text: str) -> Note:
        note_id = f"{ticket_id}-{len(self.written.get(ticket_id, [])) + 1}"
        return Note(note_id, ticket_id, text, NoteKind.DISCUSSION, self._stamp(), "Ada Bell", from_customer=True)

    def _begin(self, call: str) -> None:
        self.calls[call] += 1
        self.before(call)

    def _end(self, call: str) -> None:
        self.after(call)


START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
