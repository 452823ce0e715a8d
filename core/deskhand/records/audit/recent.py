"""Looks back from the end of the log: the entries of one kind since a moment, without reading what lies before it."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select

from deskhand.records.audit.entries import Entry, read_entry
from deskhand.records.failures import damaged
from deskhand.records.schema import audit

_AT_ONCE = 500


def entries_since(connection: Connection, moment: datetime, *, kind: str, tenant: str | None = None) -> Iterator[Entry]:
    """Yield entries of a kind since a moment, newest first: of every tenant, or of one.

    Raises RecordsUnavailableError where an entry is no longer one.
    """
    mark = f'"kind":"{kind}"'
    query = select(audit.c.seq, audit.c.entry).order_by(audit.c.seq.desc()).limit(_AT_ONCE)
    if tenant is not None:
        query = query.where(audit.c.tenant == tenant)
    before: int | None = None
    while True:
        rows = connection.execute(query if before is None else query.where(audit.c.seq < before)).all()
        for row in rows:
            if mark in row.entry and (entry := _read(row.entry)).kind == kind and entry.at >= moment:
                yield entry
        if len(rows) < _AT_ONCE or _read(rows[-1].entry).at < moment:
            return
        before = rows[-1].seq


def _read(written: str) -> Entry:
    try:
        return read_entry(written)
    except ValueError as error:
        raise damaged("audit log") from error
