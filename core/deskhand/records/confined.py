"""The record store as an account for some clients sees it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from deskhand.records.confinement import CLIENTS, Clients
from deskhand.records.database import Records, Transaction


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

    def close(self) -> None:
        """Leave the database to whoever opened it."""
