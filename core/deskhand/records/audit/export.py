"""Reads the log for people and other systems: the newest entries, those of a ticket or tenant, all as JSON lines."""

from collections.abc import Iterator
from typing import TextIO

from sqlalchemy import Connection, Select, select

from deskhand.records.audit.entries import Entry, read_entry
from deskhand.records.failures import damaged
from deskhand.records.schema import audit


def entries(
    connection: Connection, *, tenant: str | None = None, ticket: str | None = None, newest: int | None = None
) -> list[Entry]:
    """List entries of a tenant, a ticket, both or all, in order; with ``newest`` at most so many, the newest first.

    Raises RecordsUnavailableError where an entry is no longer one.
    """
    query = _entries_of(tenant, ticket)
    query = query.order_by(audit.c.seq) if newest is None else query.order_by(audit.c.seq.desc()).limit(newest)
    try:
        return [read_entry(written) for written in connection.execute(query).scalars()]
    except ValueError as error:
        raise damaged("audit log") from error


def written_entries(connection: Connection, *, tenant: str | None = None, ticket: str | None = None) -> Iterator[str]:
    """Yield entries as they are stored, in order and in constant memory."""
    query = _entries_of(tenant, ticket).order_by(audit.c.seq)
    if connection.dialect.name == "postgresql":  # whoever reads them may take their time
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout TO 0")
    with connection.execute(query, execution_options={"yield_per": 1000}) as rows:
        yield from rows.scalars()


def export(connection: Connection, file: TextIO, *, tenant: str | None = None, ticket: str | None = None) -> int:
    """Write entries as JSON lines, byte for byte as they were hashed, and return how many."""
    count = 0
    for written in written_entries(connection, tenant=tenant, ticket=ticket):
        file.write(written + "\n")
        count += 1
    return count


def _entries_of(tenant: str | None, ticket: str | None) -> Select[str]:
    query = select(audit.c.entry)
    if tenant is not None:
        query = query.where(audit.c.tenant == tenant)
    if ticket is not None:
        query = query.where(audit.c.ticket == ticket)
    return query
