"""Who carries runs out, a row a process, and when each was last heard of, by the database's own clock.

Only on a server: a SQLite store has one desk, and nobody beside it. The rows are no promise and no part of the record:
they lie beside the durable engine's tables. Nothing of DBOS is imported here.
"""

import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.metadata import version
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import Engine
from sqlalchemy.schema import CreateSchema

from deskhand.sdk.errors import ConfigurationError
from deskhand.workflow.tables import SCHEMA

SILENCE = timedelta(seconds=15)
"""Whoever was not heard of for so long is taken for dead, and its work is taken up."""
FORGOTTEN = timedelta(days=7)

_executors = Table(
    "executors",
    MetaData(schema=SCHEMA),
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("connectors", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("heard_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
)


class Kind(StrEnum):
    """What an executor is: the desk, of which there is one, or a hand."""

    DESK = "desk"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class Executor:
    """One process that carries runs out, for as long as it lives.

    ``place`` is a place only one living process can have (see `StateLock.place`): whoever was there before is dead.
    """

    kind: Kind = Kind.DESK
    name: str = "desk"
    place: str = ""
    connectors: frozenset[str] = frozenset()
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    host: str = field(default_factory=socket.gethostname)
    version: str = field(default_factory=lambda: version("deskhand"))

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.kind.value} {self.name} on {self.host}"


@dataclass(frozen=True, slots=True)
class Heard:
    """An executor as others see it: since when it is there, and how long ago it was heard of."""

    executor: Executor
    started_at: datetime
    heard_at: datetime
    silent_for: timedelta

    @property
    def is_living(self) -> bool:
        """Tell whether it is taken for alive."""
        return self.silent_for < SILENCE


@dataclass(frozen=True, slots=True)
class Register:
    """The rows of all executors of one store. Thread-safe. Raises SQLAlchemyError where it cannot be reached."""

    engine: Engine
    silence: timedelta = SILENCE

    def create(self) -> None:
        """Make the table where there is none; one process at a time."""
        with self.engine.begin() as connection:
            connection.execute(CreateSchema(SCHEMA, if_not_exists=True))
            _executors.create(connection, checkfirst=True)

    def refuse_beside_a_desk(self, me: Executor) -> None:
        """Raise ConfigurationError where a desk would be beside a living one, before anything there is touched."""
        with self.engine.begin() as connection:
            if me.kind is Kind.DESK and inspect(connection).has_table(_executors.name, schema=SCHEMA):
                self._refuse_second_desk(connection, me)

    def enter(self, me: Executor) -> None:
        """Be heard of from now on, in place of whoever was at the same place before.

        Raises ConfigurationError where a desk enters beside a living one.
        """
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f'LOCK TABLE "{SCHEMA}".executors IN SHARE ROW EXCLUSIVE MODE')
            is_predecessor = (_executors.c.place == me.place) & (_executors.c.place != "")
            is_old = _silence() > FORGOTTEN
            connection.execute(delete(_executors).where(is_predecessor | is_old))
            if me.kind is Kind.DESK:
                self._refuse_second_desk(connection, me)
                connection.execute(delete(_executors).where(_other_desks(me)))
            connection.execute(insert(_executors).values(_row(me)))

    def beat(self, me: Executor) -> datetime | None:
        """Be heard of, and return the database's time; None where the row is gone: others have given this one up."""
        mine = update(_executors).where(_executors.c.id == me.id).values(heard_at=func.clock_timestamp())
        with self.engine.begin() as connection:
            heard: datetime | None = connection.execute(mine.returning(_executors.c.heard_at)).scalar_one_or_none()
        return heard

    def leave(self, me: Executor) -> None:
        """Be there no more; nothing is left to be taken up."""
        with self.engine.begin() as connection:
            connection.execute(delete(_executors).where(_executors.c.id == me.id))

    def living(self) -> frozenset[str]:
        """Return the ids of those that were heard of lately."""
        with self.engine.begin() as connection:
            return frozenset(connection.execute(select(_executors.c.id).where(_silence() < self.silence)).scalars())

    def _refuse_second_desk(self, connection: Connection, me: Executor) -> None:
        rows = connection.execute(select(_executors.c.host, _silence()).where(_other_desks(me))).all()
        for host, silence in rows:
            if silence < self.silence:
                raise ConfigurationError(
                    f"another desk works on this record store: it runs on {host}, heard of "
                    f"{silence.total_seconds():.0f} s ago; stop that one. More workers are hands: `deskhand hand`"
                )


def _other_desks(me: Executor) -> ColumnElement[bool]:
    """Pick the desks that are neither this process nor who was at its place before."""
    is_elsewhere = (_executors.c.place != me.place) | (_executors.c.place == "")
    return (_executors.c.kind == Kind.DESK.value) & (_executors.c.id != me.id) & is_elsewhere


def listing(connection: Connection) -> tuple[Heard, ...]:
    """List every executor that was not forgotten, the desk first; none where the store is no server's."""
    if connection.dialect.name == "sqlite" or not inspect(connection).has_table(_executors.name, schema=SCHEMA):
        return ()
    query = select(_executors, _silence().label("silent_for")).order_by(_executors.c.kind, _executors.c.name)
    return tuple(_heard(dict(row)) for row in connection.execute(query).mappings())


def _silence() -> ColumnElement[timedelta]:
    return func.clock_timestamp() - _executors.c.heard_at


def _row(me: Executor) -> dict[str, str]:
    row = {name: str(getattr(me, name)) for name in ("id", "kind", "name", "host", "place", "version")}
    return {**row, "connectors": " ".join(sorted(me.connectors))}


def _heard(row: Mapping[str, Any]) -> Heard:
    fields = {name: row[name] for name in ("id", "name", "host", "place", "version")}
    executor = Executor(kind=Kind(row["kind"]), connectors=frozenset(row["connectors"].split()), **fields)
    return Heard(executor, row["started_at"], row["heard_at"], row["silent_for"])
