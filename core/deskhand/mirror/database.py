"""The mirror's file: opened, brought up to date, guarded by one lock, and honest about what is wrong with it."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlite_utils import Database

from deskhand.mirror.schema import MIGRATIONS

REBUILD = "stop deskhand and run `deskhand db rebuild-mirror`; it is read again from the vendors"
WAIT_FOR_OTHERS_SECONDS = 10.0

_DIAGNOSES = {
    sqlite3.SQLITE_FULL: (
        "the disk is full",
        "free some space there; intake tries again by itself and has not moved past what it could not store",
    ),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", REBUILD),
    sqlite3.SQLITE_NOTADB: ("the file is not a database", REBUILD),
    sqlite3.SQLITE_CANTOPEN: (
        "the file cannot be opened",
        "check that the folder exists and this user may write there",
    ),
    sqlite3.SQLITE_READONLY: ("the file is read-only", "let this user write the file and its folder"),
    sqlite3.SQLITE_PERM: ("access was denied", "let this user write the file and its folder"),
    sqlite3.SQLITE_BUSY: ("another process keeps it locked", "stop the other deskhand, or wait for it to finish"),
    sqlite3.SQLITE_IOERR: (
        "the disk failed to read or write it (full, over quota, or failing)",
        "check its free space and the system's log; intake tries again by itself",
    ),
}


class MirrorUnavailableError(Exception):
    """The mirror cannot be read or written. Nothing is lost: it holds only what the vendors hold too.

    ``path`` is the file, ``problem`` what is wrong with it, ``fix`` what a person can do about it.
    """

    def __init__(self, path: Path, problem: str, fix: str) -> None:
        """Word the message from the three parts."""
        super().__init__(f"mirror {path}: {problem}. Fix: {fix}.")
        self.path = path
        self.problem = problem
        self.fix = fix


class MirrorFile:
    """One open mirror. Threads share one connection behind one lock; a write is durable when it returns.

    ``synchronous=FULL``: the cursor in the record store moves only after the mirror has what lies behind it, also
    across a power loss (docs/decisions/0003-mirror-and-cursor.md).
    """

    def __init__(self, path: Path, database: Database) -> None:
        self.path = path
        self._database = database
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the mirror at ``path``, creating it where there is none and bringing an older one up to date.

        Raises MirrorUnavailableError, also for a mirror that a newer deskhand wrote.
        """
        with _explained(path):
            database = _connect(path)
            try:
                _configure(database)
                _bring_up_to_date(path, database)
            except BaseException:
                database.close()
                raise
            return cls(path, database)

    @classmethod
    def rebuild(cls, path: Path) -> Self:
        """Replace whatever is at ``path``, damaged or not, by an empty mirror. Intake then reads everything again.

        Raises MirrorUnavailableError where another process has the mirror open.
        """
        with _explained(path):
            _refuse_if_in_use(path)
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        return cls.open(path)

    def close(self) -> None:
        """Close the file. The mirror is not used afterwards."""
        with self._lock, _explained(self.path):
            self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[Database]:
        with self._lock, _explained(self.path):
            yield self._database

    @contextmanager
    def _writing(self) -> Iterator[Database]:
        """All of the block or nothing of it, on disk when the block ends."""
        with self._lock, _explained(self.path), self._database.atomic():
            yield self._database


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise MirrorUnavailableError(path, *_diagnose(error)) from error
    except OSError as error:
        problem = f"the file cannot be replaced ({type(error).__name__})"
        raise MirrorUnavailableError(path, problem, "let this user write the file and its folder") from error


def _diagnose(error: sqlite3.Error) -> tuple[str, str]:
    code = _primary_code(error)
    if code is None:
        return f"it is closed, or was misused ({error})", "restart deskhand"
    return _DIAGNOSES.get(code, (f"SQLite answered {error.sqlite_errorname}", REBUILD))


def _primary_code(error: sqlite3.Error) -> int | None:
    """Return SQLite's result code without its extension; None where the error is the Python module's own."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _connect(path: Path) -> Database:
    if not path.parent.is_dir():
        raise MirrorUnavailableError(path, "its folder does not exist", f"create the folder {path.parent}")
    if path.exists() and not os.access(path, os.W_OK):
        raise MirrorUnavailableError(path, *_DIAGNOSES[sqlite3.SQLITE_READONLY])
    connection = sqlite3.connect(path, check_same_thread=False, timeout=WAIT_FOR_OTHERS_SECONDS)
    return Database(connection, execute_plugins=False)


def _configure(database: Database) -> None:
    database.enable_wal()
    database.execute("pragma synchronous = full")
    database.execute("pragma cache_size = -32000")


def _bring_up_to_date(path: Path, database: Database) -> None:
    applied = {step.name for step in MIGRATIONS.applied(database)}
    unknown = applied - _known_steps()
    if unknown:
        steps = ", ".join(sorted(unknown))
        raise MirrorUnavailableError(
            path, f"a newer deskhand wrote it (step {steps})", f"install that one, or {REBUILD}"
        )
    if not applied and database.table_names():
        raise MirrorUnavailableError(path, "it is some other program's database", "name another file")
    MIGRATIONS.apply(database)


def _known_steps() -> set[str]:
    with Database(memory=True, execute_plugins=False) as empty:
        return {step.name for step in MIGRATIONS.pending(empty)}


def _refuse_if_in_use(path: Path) -> None:
    """Take the file for ourselves for a moment, which SQLite allows only while nobody else has it open."""
    if not path.exists():
        return
    connection = sqlite3.connect(path, timeout=0)
    try:
        connection.execute("pragma locking_mode = exclusive")
        connection.execute("begin exclusive")
    except sqlite3.Error as error:
        if _primary_code(error) == sqlite3.SQLITE_BUSY:
            raise
    finally:
        connection.close()
