"""Tickets and notes of invented people, with only what a test says about them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deskhand.sdk.models import Note, NoteKind, Reference, Ticket

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def ticket(ticket_id: str = "1", **facts: Any) -> Ticket:  # noqa: ANN401  # any field of the record
    plain = Ticket(
        id=ticket_id,
        version="1",
        summary="Printer on the second floor is jammed",
        board=Reference("1", "Service desk"),
        status=Reference("1", "New"),
        is_closed=False,
        created_at=at(0),
        updated_at=at(0),
    )
    return replace(plain, **facts)


def closed(ticket_id: str = "1", minutes: float = 10, **facts: Any) -> Ticket:  # noqa: ANN401  # any field of the record
    when = at(minutes)
    return ticket(ticket_id, **{"is_closed": True, "updated_at": when, "closed_at": when, **facts})


def note(text: str, ticket_id: str = "1", **facts: Any) -> Note:  # noqa: ANN401  # any field of the record
    plain = Note(
        id=f"n{text[:8]}",
        ticket_id=ticket_id,
        text=text,
        kind=NoteKind.DISCUSSION,
        created_at=at(1),
        from_customer=True,
    )
    return replace(plain, **facts)
