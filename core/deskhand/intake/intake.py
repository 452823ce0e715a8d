"""Reading the PSA: from a durable cursor, page by page, so that nothing is lost and nothing doubled wherever it ends.

How the cursor moves and why that loses nothing is told in docs/decisions/0003-mirror-and-cursor.md.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar

import structlog

from deskhand.intake.first_start import FirstStart, first_start, note_first_start, read_first_start
from deskhand.intake.hints import Hints
from deskhand.intake.settings import IntakeSettings
from deskhand.mirror.mirror import Mirror
from deskhand.records import cursors, work
from deskhand.records.cursors import Cursor
from deskhand.records.database import Records
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import AuthorizationError, ConnectorError, NotFoundError, RejectedError
from deskhand.sdk.models import Note, Signal, Ticket, TicketPage
from deskhand.sdk.roles import TicketSystem

log = structlog.get_logger(__name__)

ACTOR = "intake"
CREDIBLE_LEAD = timedelta(days=1)
"""A change dated further than this ahead of our own clock does not move the cursor: it would blind us until then."""

T = TypeVar("T")

ProgressReport: TypeAlias = Callable[[int, int], None]
"""Told how many records were read, and of how many; 0 where nobody knows."""


class StoppedError(Exception):
    """Intake was told to stop between two requests. Everything read until then is stored."""


@dataclass(frozen=True, slots=True)
class PollReport:
    """What a sweep found: tickets listed, versions that were new to the mirror, tickets put into the queue."""

    seen: int
    new: int
    enqueued: int

    def __add__(self, other: "PollReport") -> "PollReport":
        """Add up two sweeps, or two pages of one."""
        return PollReport(self.seen + other.seen, self.new + other.new, self.enqueued + other.enqueued)


_NOTHING = PollReport(0, 0, 0)


class Intake:
    """One PSA's tickets, brought into the mirror and the queue.

    Every method may raise the connector's errors, MirrorUnavailableError and RecordsUnavailableError; the same call
    later goes on where it ended. ``stopping`` ends a method between two requests with StoppedError.
    """

    def __init__(
        self,
        system: TicketSystem,
        connector: str,
        records: Records,
        mirror: Mirror,
        clock: Clock,
        settings: IntakeSettings,
        stopping: threading.Event | None = None,
    ) -> None:
        self._system = system
        self.connector = connector
        self._records = records
        self._mirror = mirror
        self._clock = clock
        self._settings = settings
        self.stopping = stopping or threading.Event()
        self._hints = Hints(clock)
        self._sweeping = threading.Lock()
        self._has_warned_of_clocks = False
        self._unreadable: set[str] = set()
        self.reference_read_at: datetime | None = None
        self._sought: set[str] = set()
        self.on_hint: Callable[[], None] = _nothing

    def refresh_reference_data(self) -> None:
        """Read clients, contacts, devices, boards and priorities again.

        What a credential may not read does not keep the rest from being read; it is raised at the end.
        """
        self._sought.clear()
        self._mirror.save_companies(self._until_stopped(self._system.companies()), complete=True)
        self._mirror.save_people(self._until_stopped(self._system.people()), complete=True, seen_at=self._clock())
        self._mirror.reach(self._has_reference)
        self.reference_read_at = self._clock()
        refused: list[ConnectorError] = []
        for read in (self._read_devices, self._read_priorities, self._read_boards):
            try:
                read()
            except (AuthorizationError, NotFoundError, RejectedError) as error:
                refused.append(error)
        if refused:
            raise refused[0]

    def backfill(self, progress: ProgressReport) -> None:
        """Read what there is before the first poll: reference data, tickets, and closed tickets' notes.

        Only what was not read yet: calling it again after it ended, or was ended, is cheap.
        """
        with self._sweeping:
            self._catch_up(progress)
        self.read_history(progress)

    def poll(self) -> PollReport:
        """Read what changed since the last sweep, and queue the new tickets. Catches up first where needed."""
        with self._sweeping:
            caught_up = self._catch_up(_silent)
            return caught_up + self._sweep(cursors.read(self._records, self.connector), _silent)

    def read_history(self, progress: ProgressReport) -> None:
        """Read the notes of the latest closed tickets where they were not read since the ticket last changed."""
        lacking = self._mirror.closed_tickets(limit=self._settings.history_notes, without_notes=True)
        ids = [past.ticket.id for past in reversed(lacking)]
        with ThreadPoolExecutor(self._settings.readers, thread_name_prefix="history") as pool:
            futures = [pool.submit(copy_context().run, self._read_notes, ticket_id) for ticket_id in ids]
            try:
                for done, future in enumerate(as_completed(futures), start=1):
                    future.result()
                    progress(done, len(ids))
            finally:
                pool.shutdown(cancel_futures=True)

    def read_ticket(self, ticket_id: str) -> tuple[Ticket, tuple[Note, ...]]:
        """Read one ticket and all its notes from the PSA as they are now, and mirror them.

        A client or a contact that is newer than the mirror is looked for, once until reference data is read again.
        """
        ticket = self._system.ticket(ticket_id)
        notes = self._system.notes(ticket_id)
        self._meet(ticket)
        self._mirror.save_tickets([ticket])
        self._mirror.save_notes(ticket_id, notes)
        return ticket, notes

    def hint(self, signal: Signal) -> bool:
        """Remember that a ticket may have changed; False where that is known already. Never evidence, only haste.

        Calls ``on_hint`` where it is news; what drives this intake sets that.
        """
        if signal.connector != self.connector or not self._hints.add(signal.ticket_id):
            return False
        self.on_hint()
        return True

    def follow_hints(self) -> PollReport:
        """Read the hinted tickets again, each once, and queue the new ones. One that does not exist is ignored."""
        report = _NOTHING
        for ticket_id in self._hints.take() if self.has_caught_up else ():
            self._refuse_if_stopping()
            try:
                ticket = self._system.ticket(ticket_id)
            except NotFoundError:
                log.debug("hint names no ticket", connector=self.connector, ticket=ticket_id)
                continue
            new = self._mirror.save_tickets([ticket])
            report += PollReport(1, len(new), self._commit(None, [ticket]))
        return report

    def _meet(self, ticket: Ticket) -> None:
        company, contact, address = ticket.company, ticket.contact, ticket.contact_email
        if company and self._mirror.company(company.id) is None:
            self._seek(f"company {company.id}", lambda: self._mirror.save_companies(self._system.companies()))
        if contact and address and contact.id not in {each.id for each in self._mirror.people_by_email(address)}:
            self._seek(
                f"contact {contact.id} {address}",
                lambda: self._mirror.save_people(self._system.people_by_email(address), seen_at=self._clock()),
            )

    def _seek(self, record: str, read: Callable[[], object]) -> None:
        if record in self._sought:
            return
        try:
            read()
        except RejectedError as error:
            log.info("record not found", connector=self.connector, reason=str(error))
        self._sought.add(record)

    @property
    def has_caught_up(self) -> bool:
        """Tell whether everything from before the first poll was read, into this very mirror."""
        return self._mirror.has_reached(self._has_history)

    @property
    def _has_reference(self) -> str:
        return f"{self.connector}: reference data"

    @property
    def _has_begun(self) -> str:
        return f"{self.connector}: tickets begun"

    @property
    def _has_history(self) -> str:
        return f"{self.connector}: tickets"

    def _catch_up(self, progress: ProgressReport) -> PollReport:
        if not self._mirror.has_reached(self._has_reference):
            self.refresh_reference_data()
        if self.has_caught_up:
            return _NOTHING
        cursor = cursors.read(self._records, self.connector)
        if cursor == Cursor():
            cursor = self._begin()
        elif not self._mirror.has_reached(self._has_begun):
            cursor = self._begin_again(cursor)
        self._mirror.reach(self._has_begun)
        return self._sweep(cursor, progress)

    def _begin(self) -> Cursor:
        """Note the first start, and where history begins."""
        first = self._first_start()
        cursor = Cursor(since=self._start_of_history(first.moment), highest=first.moment)
        with self._records.transaction(ACTOR) as transaction:
            note_first_start(transaction, self.connector, first)
            cursors.move(transaction, self.connector, cursor)
        return cursor

    def _begin_again(self, cursor: Cursor) -> Cursor:
        """Read history into a mirror that was rebuilt, leaving out nothing the cursor had still to read."""
        history = self._start_of_history(cursor.highest)
        since = None if history is None or cursor.since is None else min(history, cursor.since)
        again = Cursor(since=since, highest=cursor.highest)
        with self._records.transaction(ACTOR) as transaction:
            cursors.move(transaction, self.connector, again)
        return again

    def _start_of_history(self, newest: datetime | None) -> datetime | None:
        days = self._settings.history_days
        return newest - timedelta(days=days) if newest and days else None

    def _first_start(self) -> FirstStart:
        """Ask the PSA for its newest change: the latest moment its clock has provably reached.

        Our own clock only guesses how far back to look first; a wrong guess costs requests, nothing else.
        """
        for days in (1, 30, 365, None):
            since = None if days is None else self._clock() - timedelta(days=days)
            tickets = [ticket for page in self._pages(since) for ticket in page.tickets]
            changes = [ticket.updated_at for ticket in tickets]
            if changes:
                return first_start(self._latest_credible(changes) or max(changes), tickets)
        return FirstStart()

    def _pages(self, since: datetime | None) -> Iterator[TicketPage]:
        page = self._page(since, None)
        yield page
        while page.next_after is not None:
            page = self._page(since, page.next_after)
            yield page

    def _sweep(self, cursor: Cursor, progress: ProgressReport) -> PollReport:
        """Read from the cursor to the last page, storing and queueing page by page.

        Between pages ``highest`` holds the newest change known when the sweep began: whatever changes on a page that
        was already read is dated no earlier, so the next sweep starts there. At rest it is the newest change seen.
        """
        report, newest = _NOTHING, cursor.highest
        while True:
            page = self._page(cursor.since, cursor.after)
            newest = self._latest_credible((each.updated_at for each in page.tickets), newest)
            if cursor.after is None:
                cursor = replace(cursor, highest=newest)
            self._tell_of_unreadable(page.unreadable)
            new = self._mirror.save_tickets(page.tickets)
            cursor = self._end(cursor, newest) if page.next_after is None else replace(cursor, after=page.next_after)
            report += PollReport(len(page.tickets), len(new), self._commit(cursor, page.tickets))
            progress(report.seen, 0)
            if cursor.after is None:
                return report

    def _tell_of_unreadable(self, ticket_ids: Iterable[str]) -> None:
        """Say once for each ticket that the PSA shows it in a shape nobody documented; the others go on."""
        for ticket_id in ticket_ids:
            if ticket_id not in self._unreadable:
                self._unreadable.add(ticket_id)
                log.error("ticket cannot be read and is skipped", connector=self.connector, ticket=ticket_id)

    def _end(self, cursor: Cursor, newest: datetime | None) -> Cursor:
        """Return where the next sweep starts; the mirror first learns that history is complete."""
        if cursor.phase == "backfill":
            self._mirror.reach(self._has_history)
        overlap = timedelta(seconds=self._settings.overlap_seconds)
        return Cursor(since=cursor.highest and cursor.highest - overlap, highest=newest, phase="poll")

    def _commit(self, cursor: Cursor | None, tickets: Iterable[Ticket]) -> int:
        """Queue what is new and move the cursor, in one transaction; return how many were queued."""
        first = read_first_start(self._records, self.connector)
        enqueued = 0
        with self._records.transaction(ACTOR) as transaction:
            for ticket in tickets:
                reason = self._reason_to_triage(ticket, first)
                if reason is not None:
                    enqueued += work.enqueue(transaction, self.connector, ticket.id, ticket.version, reason=reason)
            if cursor is not None:
                cursors.move(transaction, self.connector, cursor)
        return enqueued

    def _reason_to_triage(self, ticket: Ticket, first: FirstStart) -> str | None:
        if ticket.is_closed:
            return None
        if not first.is_backlog(ticket):
            return "created since the first start"
        return "open before the first start" if self._settings.triage_backlog else None

    def _page(self, since: datetime | None, after: str | None) -> TicketPage:
        self._refuse_if_stopping()
        return self._system.tickets_since(since, after)

    def _latest_credible(self, changes: Iterable[datetime], known: datetime | None = None) -> datetime | None:
        horizon = self._clock() + CREDIBLE_LEAD
        moments = list(changes)
        credible = [each for each in moments if each <= horizon]
        if len(credible) < len(moments) and not self._has_warned_of_clocks:
            self._has_warned_of_clocks = True
            log.warning(
                "the PSA dates changes more than a day ahead of this machine: check both clocks",
                connector=self.connector,
                newest=max(moments).isoformat(),
                here=self._clock().isoformat(),
                next="such changes are read again at every poll; nothing is lost",
            )
        return max((*credible, *([known] if known else [])), default=None)

    def _read_notes(self, ticket_id: str) -> None:
        self._refuse_if_stopping()
        try:
            notes = self._system.notes(ticket_id)
        except (NotFoundError, RejectedError) as error:
            if isinstance(error, NotFoundError):
                self._system.check()  # where credentials are refused, everything can look as if it did not exist
            log.info("history without notes", connector=self.connector, ticket=ticket_id, reason=str(error))
            notes = ()
        self._mirror.save_notes(ticket_id, notes)

    def _read_devices(self) -> None:
        self._mirror.save_devices(self._until_stopped(self._system.devices()), complete=True)

    def _read_priorities(self) -> None:
        self._mirror.save_priorities(self._system.priorities())

    def _read_boards(self) -> None:
        for board in self._until_stopped(self._system.boards()):
            self._mirror.save_taxonomy(self._system.taxonomy(board.id))

    def _until_stopped(self, records: Iterable[T]) -> Iterator[T]:
        self._refuse_if_stopping()
        for record in records:
            self._refuse_if_stopping()
            yield record

    def _refuse_if_stopping(self) -> None:
        if self.stopping.is_set():
            raise StoppedError(f"{self.connector}: intake stops; everything read so far is stored")


def _silent(done: int, total: int) -> None:
    del done, total


def _nothing() -> None:
    pass
