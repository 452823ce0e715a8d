"""Whose turn it is to write to a SQLite file, by a lock of this process: SQLite itself has writers ask again and again.

A writer that finds the file taken sleeps, looks again and sleeps longer. Beside threads of the same process, which take
the file the moment it is free, it would hardly ever come to its turn. Other processes still wait SQLite's way.
"""

import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any, Protocol
from weakref import WeakValueDictionary

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL

_CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
"""Before these the driver begins a transaction that writes."""


class WriteLock(AbstractContextManager[Any], Protocol):
    """A reentrant lock."""

    def acquire(self) -> bool:
        """Wait for one's turn."""
        ...

    def release(self) -> None:
        """Let the next one have it. Raises RuntimeError in a thread that does not have it."""
        ...


_known: "WeakValueDictionary[str, WriteLock]" = WeakValueDictionary()
_knowing = threading.Lock()


def write_lock(url: URL) -> WriteLock:
    """Return the lock of everybody in this process who writes to the same file; on a server, one of one's own."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return threading.RLock()
    with _knowing:
        return _known.setdefault(str(Path(url.database).resolve()), threading.RLock())


def take_turns(engine: Engine, lock: WriteLock) -> None:
    """Have an engine whose driver begins transactions by itself wait for its turn before it writes.

    The turn ends when the connection goes back to the pool: then what it wrote is committed, or gone.
    """
    writing: set[int] = set()

    def before(connection: Connection, _cursor: object, statement: str, *_: Any) -> None:  # noqa: ANN401  # SQLAlchemy's
        mine = id(connection.connection.driver_connection)
        if mine not in writing and statement.lstrip()[:7].upper().startswith(_CHANGES):
            lock.acquire()
            writing.add(mine)

    def after(connection: SQLiteConnection | None, *_: Any) -> None:  # noqa: ANN401  # SQLAlchemy's
        if id(connection) in writing:
            writing.discard(id(connection))
            with suppress(RuntimeError):  # collected in another thread: nobody writes by it any more
                lock.release()

    event.listen(engine, "before_cursor_execute", before)
    for end in ("checkin", "invalidate", "close"):
        event.listen(engine, end, after)
