"""How far intake has read each connector: moved in the same commit that enqueues what was read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from deskhand.records.canonical import read_time, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.schema import cursors


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a connector's listing.

    ``since`` starts the listing under way, ``after`` continues it from a page, ``highest`` is the newest change seen;
    times are the vendor's. A connector that was never read is at ``Cursor()``.
    """

    since: datetime | None = None
    after: str | None = None
    highest: datetime | None = None
    phase: Literal["backfill", "poll"] = "backfill"


def read(records: Records, connector: str) -> Cursor:
    """Return where a connector's listing stands."""
    with records.reading() as connection:
        row = connection.execute(select(cursors).where(cursors.c.connector == connector)).one_or_none()
    if row is None:
        return Cursor()
    return Cursor(read_time(row.since), row.page, read_time(row.highest), row.phase)


def move(transaction: Transaction, connector: str, cursor: Cursor) -> None:
    """Move a connector's cursor. Moving it to where it is changes nothing and puts nothing on the record."""
    values = {
        "since": None if cursor.since is None else written_time(cursor.since),
        "page": cursor.after,
        "highest": None if cursor.highest is None else written_time(cursor.highest),
        "phase": cursor.phase,
    }
    key = {"connector": connector}
    if transaction.find(cursors, key) == key | values:
        return
    transaction.put(cursors, key, values)
    transaction.audit("cursor.moved", detail={**key, **values})
