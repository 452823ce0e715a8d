"""The durable queue of tickets to handle: each enters once, and leaves with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, or_, select

from deskhand.records.canonical import read_time, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import OutcomeKind, Why
from deskhand.records.rows import Value
from deskhand.records.schema import work


class WorkState(StrEnum):
    """Where a ticket stands."""

    PENDING = "pending"
    DONE = "done"
    QUARANTINED = "quarantined"
    NEEDS_REVIEW = "needs review"


_ENDS: Mapping[OutcomeKind, WorkState] = {
    OutcomeKind.TRIAGED: WorkState.DONE,
    OutcomeKind.LEFT_ALONE: WorkState.DONE,
    OutcomeKind.QUARANTINED: WorkState.QUARANTINED,
    OutcomeKind.NEEDS_REVIEW: WorkState.NEEDS_REVIEW,
}


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A ticket in the queue. Nothing says that it is being handled: after a crash it is simply still there."""

    connector: str
    ticket_id: str
    version: str
    attempts: int = 0
    not_before: datetime | None = None


def enqueue(transaction: Transaction, connector: str, ticket_id: str, version: str, *, reason: str) -> bool:
    """Put a ticket into the queue; return False, changing nothing, where it has been there before."""
    if transaction.find(work, _key(connector, ticket_id)) is not None:
        return False
    transaction.insert(
        work,
        {
            **_key(connector, ticket_id),
            "version": version,
            "state": WorkState.PENDING,
            "attempts": 0,
            "place": transaction.next_seq,
        },
    )
    detail = {"connector": connector, "version": version, "reason": reason}
    transaction.audit("work.enqueued", ticket=ticket_id, detail=detail)
    return True


def pending(records: Records, *, now: datetime, limit: int, latest: datetime | None = None) -> list[WorkItem]:
    """List what is due, in the order it was enqueued; what was put off beyond ``latest`` is due as well."""
    due = or_(work.c.not_before.is_(None), work.c.not_before <= written_time(now))
    if latest is not None:
        due = or_(due, work.c.not_before > written_time(latest))
    query = select(work).where(work.c.state == WorkState.PENDING, due).order_by(work.c.place).limit(limit)
    with records.reading() as connection:
        return [
            WorkItem(row.connector, row.ticket_id, row.version, row.attempts, read_time(row.not_before))
            for row in connection.execute(query)
        ]


def finish(transaction: Transaction, item: WorkItem, why: Why) -> None:
    """Take a ticket out of the queue, to where its outcome says. Raises LookupError where it never was in."""
    state = _ENDS[why.outcome]
    transaction.update(work, _key(item.connector, item.ticket_id), {"state": state, "not_before": None})
    detail = {"connector": item.connector, "outcome": why.outcome.value}
    transaction.audit("work.finished", tenant=why.tenant_id or "", ticket=item.ticket_id, detail=detail)


def postpone(
    transaction: Transaction, item: WorkItem, *, until: datetime, reason: str, is_counted: bool = True
) -> None:
    """Leave the ticket alone until then, and count an attempt that failed by more than somebody else's trouble.

    Raises LookupError where it never was in.
    """
    values: dict[str, Value] = {"attempts": item.attempts + is_counted, "not_before": written_time(until)}
    transaction.update(work, _key(item.connector, item.ticket_id), values)
    detail = {"connector": item.connector, "until": written_time(until), "reason": reason}
    transaction.audit("work.postponed", ticket=item.ticket_id, detail=detail)


def release(transaction: Transaction, connector: str, ticket_id: str, reason: str) -> None:
    """Put a ticket back to pending with a clean slate. Raises LookupError where it never was in the queue."""
    values: dict[str, Value] = {"state": WorkState.PENDING, "attempts": 0, "not_before": None}
    transaction.update(work, _key(connector, ticket_id), values)
    transaction.audit("work.released", ticket=ticket_id, detail={"connector": connector, "reason": reason})


def counts(records: Records) -> dict[str, int]:
    """Count tickets by state; every state is named."""
    query = select(work.c.state, func.count()).group_by(work.c.state)
    with records.reading() as connection:
        found = {str(state): int(count) for state, count in connection.execute(query)}
    return {state.value: found.get(state.value, 0) for state in WorkState}


def _key(connector: str, ticket_id: str) -> dict[str, str]:
    return {"connector": connector, "ticket_id": ticket_id}
