"""The mirror's tickets and notes, and what triage learns from: closed tickets, searchable."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from deskhand.mirror.database import MirrorFile
from deskhand.mirror.documents import Document, moment, storable
from deskhand.mirror.rows import Row, batches, delete_where_key, rows_of, write_changed
from deskhand.mirror.search_terms import any_of, most_telling, words
from deskhand.sdk.models import Note, NoteKind, Ticket

MOST_INDEXED_CHARACTERS = 20_000
"""Customer text and resolution beyond this are kept in the notes but neither indexed nor learned from."""

_TICKET = Document(Ticket)
_NOTE = Document(Note)

_SEARCH = """
select past_tickets.ticket_id, found.score
from (
    select rowid, bm25(past_tickets_fts, 0.0, 2.0, 1.0, 0.5) as score
    from past_tickets_fts where past_tickets_fts match ? order by score limit ?
) as found join past_tickets on past_tickets.id = found.rowid
order by found.score
"""

_PAST = """
select tickets.document, past.customer_text, past.resolution
from (select * from past_tickets order by closed_at desc, id desc limit ?) as past
join tickets on tickets.id = past.ticket_id
where not ? or past.ticket_id not in (select ticket_id from note_readings)
order by past.closed_at, past.id
"""

_PAST_AFTER = """
select past.closed_at, past.id, tickets.document, past.customer_text, past.resolution
from past_tickets as past join tickets on tickets.id = past.ticket_id
where (past.closed_at, past.id) > (?, ?) order by past.closed_at, past.id limit ?
"""
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class PastTicket:
    """A closed ticket as triage learns from it.

    ``text`` is :func:`problem_text`, ``resolution`` what technicians wrote about how it was solved.
    """

    ticket: Ticket
    text: str
    resolution: str | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A closed ticket that shares words with a text; a higher ``score`` (bm25) is a better match."""

    ticket_id: str
    score: float


class TicketMirror(MirrorFile):
    """Tickets with their notes, closed ones also as examples to learn from and to search."""

    def save_tickets(self, tickets: Iterable[Ticket]) -> tuple[str, ...]:
        """Save tickets and return the ids whose version the mirror did not have, in the order given.

        A state older than the one held, by the vendor's clock, is ignored: readers race, and the newest wins.
        """
        new: list[str] = []
        for batch in batches(tickets):
            with self._writing() as database:
                new.extend(_write_tickets(database, batch))
        return tuple(new)

    def ticket(self, ticket_id: str) -> Ticket | None:
        """Find a ticket."""
        with self._reading() as database:
            rows = rows_of(database, "tickets", [ticket_id], select="document")
        return _TICKET.read(rows[0]["document"]) if rows else None

    def save_notes(self, ticket_id: str, notes: Sequence[Note]) -> None:
        """Save every note of a ticket, in place of those it had."""
        rows = [
            {"id": note.id, "ticket_id": ticket_id, "position": position, "document": _NOTE.write(note)}
            for position, note in enumerate(notes)
        ]
        with self._writing() as database:
            delete_where_key(database, "notes", "ticket_id", [ticket_id])
            database.table("notes").insert_all(rows, replace=True)
            database.table("note_readings").insert({"ticket_id": ticket_id}, ignore=True)
            ticket = rows_of(database, "tickets", [ticket_id], select="document")
            _write_past(database, [_TICKET.read(row["document"]) for row in ticket])

    def notes(self, ticket_id: str) -> tuple[Note, ...]:
        """Return the notes of a ticket, in the order they were saved."""
        with self._reading() as database:
            rows = rows_of(database, "notes", [ticket_id], key="ticket_id", select="position, document")
        return tuple(_NOTE.read(row["document"]) for row in sorted(rows, key=lambda row: int(row["position"])))

    def has_notes(self, ticket_id: str) -> bool:
        """Tell whether the notes were saved since the ticket last changed, also where there were none."""
        with self._reading() as database:
            return bool(rows_of(database, "note_readings", [ticket_id], key="ticket_id"))

    def closed_tickets(self, *, limit: int | None = None, without_notes: bool = False) -> list[PastTicket]:
        """Return the ``limit`` latest closed tickets (all: None), oldest first by the time they were closed.

        With ``without_notes``, only those among them whose notes were not saved since they last changed.
        """
        with self._reading() as database:
            found = database.execute(_PAST, [-1 if limit is None else limit, without_notes]).fetchall()
        return [_past_ticket(*row) for row in found]

    def each_closed_ticket(self) -> Iterator[PastTicket]:
        """Go through every closed ticket, oldest first by the time it was closed; nothing is locked in between."""
        after: tuple[str, int] = ("", 0)
        while True:
            with self._reading() as database:
                found = database.execute(_PAST_AFTER, [*after, _AT_ONCE]).fetchall()
            if not found:
                return
            after = (str(found[-1][0]), int(found[-1][1]))
            yield from (_past_ticket(*row[2:]) for row in found)

    def search(self, text: str, *, limit: int, company_id: str | None = None) -> list[Hit]:
        """Find closed tickets, of one client or of all, that share telling words with a text; best first.

        The text may be hostile or empty: it finds what it finds and never raises for its contents.
        """
        candidates = words(text)
        with self._reading() as database:
            terms = most_telling(candidates, _occurrences(database, candidates))
            if not terms or limit < 1:
                return []
            query = f"{{summary customer_text resolution}} : ({any_of(terms)})"
            if company_id is not None:
                query += f' AND company_key : "{_company_key(company_id)}"'
            found = database.execute(_SEARCH, [query, limit]).fetchall()
        return [Hit(ticket_id, -score) for ticket_id, score in found]


def problem_text(summary: str, notes: Iterable[Note]) -> str:
    """Return what a ticket is about in the customer's own words: learn from this, and compare with this.

    The summary, then each discussion note from the customer; where none is marked as theirs, the first discussion
    note, since a dispatcher who types in a call writes it there.
    """
    return "\n".join(part for part in (summary, _customer_text(notes)) if part)


def _customer_text(notes: Iterable[Note]) -> str:
    discussion = [note for note in notes if note.kind is NoteKind.DISCUSSION]
    theirs = [note for note in discussion if note.from_customer] or discussion[:1]
    return "\n".join(note.text for note in theirs)[:MOST_INDEXED_CHARACTERS]


def _resolution(notes: Iterable[Note]) -> str | None:
    text = "\n".join(note.text for note in notes if note.kind is NoteKind.RESOLUTION)
    return text[:MOST_INDEXED_CHARACTERS] or None


def _past_ticket(document: str, customer_text: str, resolution: str | None) -> PastTicket:
    ticket = _TICKET.read(document)
    text = "\n".join(part for part in (ticket.summary, customer_text) if part)
    return PastTicket(ticket, text, resolution)


def _write_tickets(database: Database, tickets: Sequence[Ticket]) -> list[str]:
    stored = {row["id"]: row for row in rows_of(database, "tickets", (ticket.id for ticket in tickets))}
    current = [each for each in tickets if each.id not in stored or not _is_older(each, stored[each.id])]
    written = {row["id"] for row in write_changed(database, "tickets", [_ticket_row(each) for each in current])}
    new = [each.id for each in current if each.id not in stored or stored[each.id]["version"] != each.version]
    delete_where_key(database, "note_readings", "ticket_id", new)
    _write_past(database, [each for each in current if each.id in written])
    return list(dict.fromkeys(new))


def _is_older(ticket: Ticket, stored: Row) -> bool:
    return moment(ticket.updated_at) < str(stored["updated_at"])


def _ticket_row(ticket: Ticket) -> Row:
    return {
        "id": ticket.id,
        "version": storable(ticket.version),
        "updated_at": moment(ticket.updated_at),
        "document": _TICKET.write(ticket),
    }


def _write_past(database: Database, tickets: Sequence[Ticket]) -> None:
    """Bring the examples in step with these tickets: closed ones are examples, reopened ones no longer."""
    delete_where_key(database, "past_tickets", "ticket_id", [each.id for each in tickets if not each.is_closed])
    closed = [each for each in tickets if each.is_closed]
    notes = _notes_of(database, [each.id for each in closed])
    rows = [_past_row(each, notes.get(each.id, [])) for each in closed]
    database.table("past_tickets").upsert_all(rows, pk="ticket_id")


def _notes_of(database: Database, ticket_ids: Sequence[str]) -> dict[str, list[Note]]:
    found: dict[str, list[Note]] = {}
    rows = rows_of(database, "notes", ticket_ids, key="ticket_id", select="ticket_id, position, document")
    for row in sorted(rows, key=lambda row: int(row["position"])):
        found.setdefault(row["ticket_id"], []).append(_NOTE.read(row["document"]))
    return found


def _past_row(ticket: Ticket, notes: Sequence[Note]) -> Row:
    resolution = _resolution(notes)
    return {
        "ticket_id": ticket.id,
        "closed_at": moment(ticket.closed_at or ticket.updated_at),
        "company_key": _company_key(ticket.company.id) if ticket.company else "",
        "summary": storable(ticket.summary),
        "customer_text": storable(_customer_text(notes)),
        "resolution": storable(resolution) if resolution else None,
    }


def _company_key(company_id: str) -> str:
    """Return the id as one word of the index, whatever characters it has."""
    return "company" + company_id.encode("utf-8", "replace").hex()


def _occurrences(database: Database, candidates: Sequence[str]) -> dict[str, int]:
    return {row["term"]: row["doc"] for row in rows_of(database, "past_terms", candidates, key="term")}
