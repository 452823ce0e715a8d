"""Reads the log for people and for other systems: the newest, those of a ticket or tenant, all as JSON lines."""

from collections.abc import Iterator
from typing import TextIO

from sqlalchemy import select

from deskhand.records.audit.entries import Entry, read_entry
from deskhand.records.database import Records
from deskhand.records.schema import audit


def recent(records: Records, limit: int, offset: int = 0) -> list[Entry]:
    """List entries, newest first."""
    query = select(audit.c.entry).order_by(audit.c.seq.desc()).limit(limit).offset(offset)
    with records.reading() as connection:
        return [read_entry(written) for written in connection.execute(query).scalars()]


def entries(records: Records, *, tenant: str | None = None, ticket: str | None = None) -> list[Entry]:
    """List the entries of a tenant, a ticket or both, in the order they were written."""
    return [read_entry(written) for written in written_entries(records, tenant=tenant, ticket=ticket)]


def export(records: Records, file: TextIO, *, tenant: str | None = None, ticket: str | None = None) -> int:
    """Write entries as JSON lines, byte for byte as they were hashed, in constant memory; return how many."""
    count = 0
    for written in written_entries(records, tenant=tenant, ticket=ticket):
        file.write(written + "\n")
        count += 1
    return count


def written_entries(records: Records, *, tenant: str | None = None, ticket: str | None = None) -> Iterator[str]:
    """Yield entries as they are stored, in order, from one consistent view of the log."""
    query = select(audit.c.entry).order_by(audit.c.seq)
    if tenant is not None:
        query = query.where(audit.c.tenant == tenant)
    if ticket is not None:
        query = query.where(audit.c.ticket == ticket)
    with records.reading() as connection:
        yield from connection.execute(query, execution_options={"yield_per": 1000}).scalars()
