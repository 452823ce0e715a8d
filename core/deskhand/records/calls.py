"""How many calls were made to each vendor, minute by minute: by every process of the desk, and across restarts."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from deskhand.records.database import Records
from deskhand.records.schema import calls

Sent = Mapping[tuple[int, str], int]
"""Calls by minute since 1970 and purpose."""

_KEPT_MINUTES = 24 * 60


def add(records: Records, connector: str, sent: Sent, *, since: int) -> Sent:
    """Add calls to what is kept, and return what all processes sent from a minute on. One commit.

    Raises RecordsUnavailableError.
    """
    with records.counting() as connection:
        for (minute, purpose), count in sent.items():
            connection.execute(_addition(connection, connector, minute, purpose, count))
        connection.execute(delete(calls).where(calls.c.minute < since - _KEPT_MINUTES))
        return _since(connection, connector, since)


def sent_since(records: Records, connector: str, since: int) -> Sent:
    """Return what all processes sent from a minute on, as far as they have said."""
    with records.reading() as connection:
        return _since(connection, connector, since)


def _since(connection: Connection, connector: str, since: int) -> Sent:
    query = select(calls.c.minute, calls.c.purpose, calls.c.sent)
    rows = connection.execute(query.where(calls.c.connector == connector, calls.c.minute >= since))
    return {(row.minute, row.purpose): row.sent for row in rows}


def _addition(connection: Connection, connector: str, minute: int, purpose: str, count: int) -> Any:  # noqa: ANN401  # either dialect's own insert
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = insert(calls).values(connector=connector, minute=minute, purpose=purpose, sent=count)
    key = [calls.c.connector, calls.c.minute, calls.c.purpose]
    return row.on_conflict_do_update(index_elements=key, set_={"sent": calls.c.sent + row.excluded.sent})
