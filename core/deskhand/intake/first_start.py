"""The moment of the first start, by the PSA's own clock: what was there is backlog, what came later is work."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from deskhand.records import cursors
from deskhand.records.cursors import Cursor
from deskhand.records.database import Records, Transaction
from deskhand.sdk.models import Ticket


@dataclass(frozen=True, slots=True)
class FirstStart:
    """The newest change the PSA showed at the first start; None where it had no tickets.

    ``known`` names the tickets created at that very moment: clocks that count whole seconds cannot tell them from
    tickets created just after.
    """

    moment: datetime | None = None
    known: frozenset[str] = frozenset()

    def is_backlog(self, ticket: Ticket) -> bool:
        """Tell whether the ticket was there already."""
        if self.moment is None or ticket.created_at > self.moment:
            return False
        return ticket.created_at < self.moment or ticket.id in self.known


def first_start(moment: datetime, tickets: Iterable[Ticket]) -> FirstStart:
    """Return the first start at a moment at which these tickets were seen."""
    return FirstStart(moment, frozenset(ticket.id for ticket in tickets if ticket.created_at == moment))


def note_first_start(transaction: Transaction, connector: str, first: FirstStart) -> None:
    """Put the first start on the record, where a rebuilt mirror cannot lose it."""
    cursor = Cursor(after=",".join(sorted(first.known)) or None, highest=first.moment, phase="poll")
    cursors.move(transaction, _key(connector), cursor)


def read_first_start(records: Records, connector: str) -> FirstStart:
    """Return the first start that was noted."""
    cursor = cursors.read(records, _key(connector))
    return FirstStart(cursor.highest, frozenset((cursor.after or "").split(",")))


def _key(connector: str) -> str:
    return f"{connector} first start"
