"""Connections to a record store on a server, which are made to behave as those to a SQLite file do."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from sqlite3 import Connection as SQLiteConnection
from typing import Any

from sqlalchemy import Dialect, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from deskhand.records.failures import RecordsUnavailableError

BUSY_SECONDS = 10
"""How long a writer waits for another."""
_FRESH_SECONDS = 1.0
"""A connection that was used so lately is used again without asking the server whether it is still there."""
_USED = "deskhand_used"
LONGEST_IDLE_MILLISECONDS = 10_000
"""A server ends the transaction of a process that stands still for so long, or every other writer would wait for it."""
_SESSION = (
    f"SET idle_in_transaction_session_timeout TO {LONGEST_IDLE_MILLISECONDS}",
    "SET search_path TO public",
    "SET client_encoding TO 'UTF8'",
    f"SET lock_timeout TO '{BUSY_SECONDS}s'",
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
)


def connect_to_server(url: URL) -> Engine:
    """Return an engine for a store on a server. Raises RecordsUnavailableError where there is no driver for it."""
    try:
        engine = create_engine(url, isolation_level="READ COMMITTED")
    except (ArgumentError, ImportError):
        raise RecordsUnavailableError(
            f"no driver for {url.drivername} is installed: expected sqlite:///path, or postgresql+psycopg://…"
        ) from None
    event.listen(engine, "connect", _make_dependable)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", partial(_expect_life, engine.dialect))
    return engine


@contextmanager
def alone(driver: Any) -> Iterator[None]:  # noqa: ANN401  # whatever the driver uses
    """Have each statement inside be a transaction of its own: a server is not told of a beginning and an end."""
    is_on_server = not isinstance(driver, SQLiteConnection)
    if is_on_server:
        driver.autocommit = True
    try:
        yield
    finally:
        if is_on_server and not driver.closed:
            driver.autocommit = False


def _make_dependable(connection: Any, _record: object) -> None:  # noqa: ANN401  # whatever the driver uses
    """Make a server's session behave as a SQLite file does, whatever its role is set up with."""
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise RecordsUnavailableError(
            f"the database {connection.info.dbname} does not store UTF-8: make it with `createdb --encoding UTF8 "
            "--template template0`"
        )
    with alone(connection):
        for setting in _SESSION:
            connection.execute(setting)


def _note_use(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_USED] = time.monotonic()


def _expect_life(dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _lent: object) -> None:  # noqa: ANN401  # likewise
    """Have a connection replaced where the server has ended it; one that was used just now is only listened to."""
    is_fresh = time.monotonic() - record.info.get(_USED, 0.0) < _FRESH_SECONDS
    if is_fresh and not _has_word(connection.fileno()):
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError("the server has ended it") from error


def _has_word(descriptor: int) -> bool:
    """Tell whether something has come that nobody asked for, such as that the server has ended the connection."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(0))
