"""Rows of one table, by their key: read many at once, and written only where something changed."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from sqlite_utils import Database

T = TypeVar("T")
Row: TypeAlias = dict[str, Any]

BATCH = 1000
"""Records saved in one transaction: large enough to be fast, small enough that readers hardly wait."""


def batches(records: Iterable[T]) -> Iterator[list[T]]:
    """Split records into lists of at most 1,000; what comes lazily is taken no faster than it is used."""
    iterator = iter(records)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def rows_of(database: Database, table: str, keys: Iterable[str], *, key: str = "id", select: str = "*") -> list[Row]:
    """Return the rows whose ``key`` column is among ``keys``, in no particular order."""
    values = list(keys)
    return list(database.table(table).rows_where(_among(key, len(values)), values, select=select))


def write_changed(database: Database, table: str, rows: Sequence[Row]) -> list[Row]:
    """Insert or replace, by ``id``, the rows whose document differs from the stored one, and return those."""
    stored = {row["id"]: row["document"] for row in rows_of(database, table, (row["id"] for row in rows))}
    changed = [row for row in rows if stored.get(row["id"]) != row["document"]]
    database.table(table).upsert_all(changed, pk="id")
    return changed


def delete_where_key(database: Database, table: str, key: str, keys: Iterable[str]) -> None:
    """Delete the rows whose ``key`` column is among ``keys``."""
    values = list(keys)
    database.table(table).delete_where(_among(key, len(values)), values)


def _among(key: str, count: int) -> str:
    """Return the condition that a column holds one of ``count`` bound values; SQLite takes 32,766 of them."""
    return f"{key} in ({', '.join('?' * count)})"
