"""The record store as an account for some clients sees it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select, Table, select

from deskhand.records.confinement import CLIENTS, Clients
from deskhand.records.database import Records, Transaction
from deskhand.records.rows import Value


class ConfinedRecords(Records):
    """A store whose reading is confined to some clients. Writing is the whole store's: services check who may."""

    def __init__(self, whole: Records, clients: Clients) -> None:
        self._whole = whole
        self._clients = clients

    @contextmanager
    def transaction(self, actor: str) -> Iterator[Transaction]:
        """Change records, as `Records.transaction` does."""
        with self._whole.transaction(actor) as transaction:
            yield transaction

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection on which rows of other clients are not there."""
        with self._whole.reading() as connection:
            yield connection.execution_options(**{CLIENTS: self._clients})

    def find(self, table: Table, key: Mapping[str, Value]) -> dict[str, Any] | None:
        """Read the row with this whole primary key, if it is one of these clients'."""
        query = select(table).where(*(table.c[name] == value for name, value in key.items()))
        with self.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else dict(row)

    def ask(self, query: Select[Any], values: Mapping[str, Value] | None = None) -> list[Any]:
        """Run a query, and return the rows that are these clients' as tuples."""
        with self.reading() as connection:
            return [tuple(row) for row in connection.execute(query, dict(values or {}))]

    def close(self) -> None:
        """Leave the database to whoever opened it."""
