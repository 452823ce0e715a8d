"""What can be wrong with the record store, said so that a person can mend it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import (
    SQLITE_BUSY,
    SQLITE_CANTOPEN,
    SQLITE_CORRUPT,
    SQLITE_FULL,
    SQLITE_IOERR,
    SQLITE_LOCKED,
    SQLITE_NOTADB,
    SQLITE_PERM,
    SQLITE_READONLY,
)

from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError


class RecordsUnavailableError(Exception):
    """The record store cannot be read or written now. Nothing was half-written; the message names the fix."""


class UnauditedChangeError(RuntimeError):
    """A transaction changed rows without an audit entry after them; nothing was written. A defect, not a condition."""


_MENDS = {
    SQLITE_FULL: "the disk is full: free some space and it goes on by itself",
    SQLITE_IOERR: "the disk cannot be read or written (full, over quota, or failing): check it, then try again",
    SQLITE_CORRUPT: "it is damaged: `deskhand audit verify` says where; restore it from a backup",
    SQLITE_NOTADB: "the file is not a database: restore it from a backup, or move it away to start an empty store",
    SQLITE_CANTOPEN: "the file cannot be opened or created: check that its folder exists and may be written",
    SQLITE_READONLY: "the file or its folder is read-only: give this user the right to write both",
    SQLITE_PERM: "this user may not open the file: give this user the right to read and write it",
    SQLITE_BUSY: "another process has kept it locked: find and stop whatever has the file open",
    SQLITE_LOCKED: "another process has kept it locked: find and stop whatever has the file open",
}

_MENDS_BY_STATE = {
    "53100": _MENDS[SQLITE_FULL],
    "55P03": "another process has kept it locked: find and end its transaction (`SELECT * FROM pg_stat_activity`)",
    "25006": "the server is read-only (a standby?): point [records] url at the one that may be written",
    "42501": "the database's role may not do this: make it the owner of its database (`ALTER DATABASE … OWNER TO …`)",
    "53300": "the server has no connection to spare: raise its max_connections, or end some",
}
"""By PostgreSQL's SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html"""


@contextmanager
def explained(location: str) -> Iterator[None]:
    """Turn a driver's trouble with the store into RecordsUnavailableError; defects of ours go through."""
    try:
        yield
    except DBAPIError as error:
        is_ours = isinstance(error, IntegrityError | ProgrammingError)
        if is_ours and getattr(error.orig, "sqlstate", None) not in _MENDS_BY_STATE:
            raise
        raise RecordsUnavailableError(f"record store {location}: {mend(error)}") from error


def damaged(location: str) -> RecordsUnavailableError:
    """Return the error for a store, or a part of it, that does not hold what was written."""
    return RecordsUnavailableError(f"record store {location}: {_MENDS[SQLITE_CORRUPT]}")


def mend(error: DBAPIError) -> str:
    """Say what is wrong and what would mend it, from the driver's code alone."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return _MENDS.get(code & 0xFF, f"SQLite error {code} ({getattr(error.orig, 'sqlite_errorname', '')})")
    if isinstance(error.orig, sqlite3.Error):
        return _MENDS[SQLITE_CORRUPT]
    state = getattr(error.orig, "sqlstate", None)
    if state in _MENDS_BY_STATE:
        return _MENDS_BY_STATE[state]
    told = f"{type(error.orig).__name__}, {state}" if state else type(error.orig).__name__
    return f"the database server did not answer ({told}): check that it runs, and host, user and password of the URL"
