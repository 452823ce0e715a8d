"""The record store: one database, opened safely, written by one transaction at a time."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any, Self

from sqlalchemy import Connection, Engine, Select, Table, create_engine, event, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from deskhand.records.audit.checkpoints import Checkpoint, CheckpointPolicy, last_checkpoint, seal, settle_key
from deskhand.records.audit.entries import Entry
from deskhand.records.audit.export import entries
from deskhand.records.audit.keys import KeyFiles, Trust
from deskhand.records.audit.renewal import renew_key
from deskhand.records.confinement import confine
from deskhand.records.failures import RecordsUnavailableError, UnauditedChangeError, damaged, explained
from deskhand.records.migrations import migrate, version_of
from deskhand.records.rows import Rows, Value, raising_as_sqlalchemy
from deskhand.records.schema import VERSION, audit_head
from deskhand.records.server import BUSY_SECONDS, alone, connect_to_server
from deskhand.records.transaction import COUNTING, OPTION, Head, Redact, Transaction, watch_statement
from deskhand.records.write_lock import write_lock
from deskhand.sdk.clock import Clock

__all__ = ["Records", "RecordsUnavailableError", "Transaction", "UnauditedChangeError", "url_of"]

_SQLITE_BEGIN = "deskhand_begin"
_READING: Mapping[str, Mapping[str, Any]] = {"sqlite": {}, "postgresql": {"isolation_level": "REPEATABLE READ"}}
_WRITING: Mapping[str, Any] = {_SQLITE_BEGIN: "BEGIN IMMEDIATE"}

_SIZE: Mapping[str, str] = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    "postgresql": "SELECT pg_database_size(current_database())",
}


def url_of(database: Path) -> str:
    """Return the URL of a SQLite record store in this file."""
    return URL.create("sqlite", database=str(database)).render_as_string()


class Records:
    """What we promise to keep. Thread-safe; transactions run one after another."""

    def __init__(self, engine: Engine, clock: Clock, keys: KeyFiles | None, policy: CheckpointPolicy) -> None:
        """``keys`` are None where another process signs."""
        self._engine = engine
        self._clock = clock
        self._own_keys = keys
        self._policy = policy
        self._covered = 0
        self._sealed_at = clock()
        self._location = location_of(engine.url)
        self._redact: Redact = str
        self._reader = engine.execution_options(**_READING[engine.dialect.name])
        self._changer = engine.execution_options(**_WRITING)
        self._writer = write_lock(engine.url)
        self._is_writing = False

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock,
        signing: Path | None = None,
        policy: CheckpointPolicy | None = None,
        redact: Redact = str,
    ) -> Self:
        """Open a store, creating or upgrading its tables and keys as needed. The log is not read.

        ``signing`` is where the key files are, without their suffix: beside a SQLite database unless said otherwise.
        ``redact`` takes secrets out of whatever is written, before it is hashed.
        Raises RecordsUnavailableError, naming the fix, where the store or its signing key cannot be used.
        """
        records = cls(connect(url), clock, key_files(url, signing), policy or CheckpointPolicy())
        records._redact = redact
        try:
            records._migrate()
            records._settle()
        except UnicodeDecodeError as error:  # sqlite3 quotes a damaged schema in its error message, and cannot
            records.close()
            raise damaged(records._location) from error
        except BaseException:
            records.close()
            raise
        return records

    @classmethod
    def join(cls, url: str, *, clock: Clock, redact: Redact = str) -> Self:
        """Open a store on a server that another process makes, upgrades and signs: no key is needed, and none is made.

        ``redact`` is as for `open`. Raises RecordsUnavailableError, naming the fix, where there is none, or where it is
        another version's.
        """
        records = cls(connect(url), clock, None, CheckpointPolicy())
        records._redact = redact
        try:
            records._expect_present_version()
        except BaseException:
            records.close()
            raise
        return records

    @classmethod
    def renew_key(cls, url: str, *, clock: Clock, actor: str, signing: Path | None = None) -> Trust:
        """Sign with a new key from here on, where the old one is lost, put that on the record and return whom to trust.

        Raises RecordsUnavailableError where the store itself cannot be used.
        """
        records = cls(connect(url), clock, key_files(url, signing), CheckpointPolicy())
        try:
            records._migrate()
            with records.transaction(actor) as transaction:
                return renew_key(transaction, records._keys)
        finally:
            records.close()

    @contextmanager
    def transaction(self, actor: str) -> Iterator[Transaction]:
        """Change records and put on the record why, in one durable commit when the block ends without an error.

        Raises UnauditedChangeError where rows changed after the last audit entry, RecordsUnavailableError where the
        store cannot be written; either way nothing was. Transactions do not nest, and others wait for this one to end.
        """
        with self._writer, explained(self._location):
            if self._is_writing:
                raise RuntimeError("transactions do not nest: pass the open one on")
            self._is_writing = True
            try:
                with _connected(self._changer) as connection:
                    transaction = Transaction(connection, actor, self._clock, Head.read(connection), self._redact)
                    connection.execution_options(**{OPTION: transaction})
                    yield transaction
                    transaction.finish()
            finally:
                self._is_writing = False

    @contextmanager
    def counting(self) -> Iterator[Connection]:
        """Yield a connection that may change what is only counted, and commit when the block ends without an error.

        Raises RecordsUnavailableError. Not to be used in the midst of a transaction.
        """
        with self._writer, explained(self._location):
            if self._is_writing:
                raise RuntimeError("nothing is counted in the midst of a transaction")
            with _connected(self._changer.execution_options(**{OPTION: COUNTING})) as connection:
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees the store as it is at the first query, whatever is written meanwhile."""
        with explained(self._location), _connected(self._reader) as connection:
            yield connection

    def find(self, table: Table, key: Mapping[str, Value]) -> dict[str, Any] | None:
        """Read the row with this whole primary key, as it is now."""
        with explained(self._location), _lent(self._engine) as rows:
            return rows.find(table, key)

    def ask(self, query: Select[Any], values: Mapping[str, Value] | None = None) -> list[Any]:
        """Run a query that was made once, when its module was imported, and return its rows as tuples."""
        with explained(self._location), _lent(self._engine) as rows:
            return rows.ask(query, values or {})

    def audit_entries(
        self, *, tenant: str | None = None, ticket: str | None = None, newest: int | None = None
    ) -> list[Entry]:
        """List audit entries of a tenant, a ticket, both or all, in order; with ``newest`` that many, newest first."""
        with self.reading() as connection:
            return entries(connection, tenant=tenant, ticket=ticket, newest=newest)

    def checkpoint(self) -> Checkpoint | None:
        """Sign the log as it is and replace the signing key; return None where nothing is new since the last time."""
        with self.transaction("audit") as transaction:
            sealed = seal(transaction, self._keys)
        if sealed is not None:
            self._settle()
        return sealed

    def checkpoint_if_due(self) -> Checkpoint | None:
        """Sign the log where the policy says it is time. Cheap enough to call after every ticket."""
        with self.reading() as connection:
            size = connection.execute(select(audit_head.c.size)).scalar_one()
        if not self._policy.is_due(size - self._covered, self._clock() - self._sealed_at):
            return None
        return self.checkpoint()

    def size(self) -> int:
        """Return how many bytes the store takes."""
        with self.reading() as connection:
            return int(connection.execute(text(_SIZE[connection.dialect.name])).scalar_one())

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @property
    def _keys(self) -> KeyFiles:
        if self._own_keys is None:
            raise RuntimeError("only the process that opened this store signs it, not one that joined it")
        return self._own_keys

    def _migrate(self) -> None:
        with self.reading() as connection:
            version = version_of(connection)
        if version != VERSION:
            migrating = self._changer.execution_options(**{OPTION: "migration"})
            with explained(self._location), _connected(migrating) as connection:
                migrate(connection)

    def _expect_present_version(self) -> None:
        with self.reading() as connection:
            version = version_of(connection)
        if version != VERSION:
            raise RecordsUnavailableError(_unjoinable(self._location, version))

    def _settle(self) -> None:
        """Finish what a crash or a commit left to do to the signing key, and remember what is signed."""
        with self._writer, explained(self._location), _connected(self._changer) as connection:
            Head.read(connection)
            settle_key(connection, self._keys)
            last = last_checkpoint(connection)
        if last is not None:
            self._covered, self._sealed_at = last.size, last.at


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction of its own; one that failed is thrown away, never used again."""
    with engine.connect() as connection:
        try:
            with connection.begin():
                yield connection
        except DBAPIError:
            connection.invalidate()
            raise


@contextmanager
def _lent(engine: Engine) -> Iterator[Rows]:
    """Yield a connection's rows for one statement, which needs no transaction; one that failed is thrown away."""
    with raising_as_sqlalchemy(engine.dialect, "connect"):
        connection = engine.raw_connection()
    try:
        with alone(connection.driver_connection):
            yield Rows(connection.driver_connection, engine.dialect)
    except DBAPIError:
        connection.invalidate()
        raise
    finally:
        connection.close()


def connect(url: str) -> Engine:
    """Return an engine for a record store. A SQLite file is created with mode 0600 where there is none."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError for a port that is no number
        raise RecordsUnavailableError(
            "the URL of the record store cannot be read: expected sqlite:///path or postgresql+psycopg://…"
        ) from None
    if parsed.get_backend_name() != "sqlite":
        return _watched(connect_to_server(parsed))
    if parsed.database in (None, "", ":memory:"):
        raise RecordsUnavailableError("the record store needs a file to survive in: expected sqlite:///path")
    _create_privately(Path(str(parsed.database)))
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, pool_reset_on_return=None)
    event.listen(engine, "connect", _make_durable)
    event.listen(engine, "begin", _begin)
    return _watched(engine)


def _unjoinable(location: str, version: int) -> str:
    if version == 0:
        return f"{location}: not there yet; start the desk first, with `deskhand run`"
    return (
        f"{location} has version {version}, and this deskhand works on version {VERSION}: "
        "have the desk and its hands run the same deskhand"
    )


def is_made(url: str) -> bool:
    """Tell whether there is a record store, without making one. Raises RecordsUnavailableError."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Path(str(parsed.database)).exists()
    engine = connect(url)
    try:
        with explained(location_of(parsed)), engine.connect() as connection:
            return version_of(connection) > 0
    finally:
        engine.dispose()


def key_files(url: str, signing: Path | None = None) -> KeyFiles:
    """Return a store's signing key files. Raises RecordsUnavailableError where nothing says where they are."""
    database = make_url(url)
    if signing is None and database.get_backend_name() != "sqlite":
        raise RecordsUnavailableError("a record store on a server needs a local path for its signing key")
    return KeyFiles(signing or Path(str(database.database)))


def location_of(url: URL) -> str:
    """Name a store for people, without its password."""
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def _watched(engine: Engine) -> Engine:
    event.listen(engine, "after_cursor_execute", watch_statement)
    event.listen(engine, "before_execute", confine, retval=True)
    return engine


def _create_privately(file: Path) -> None:
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise RecordsUnavailableError(
            f"record store {file}: it cannot be opened or created ({error.strerror}): "
            "check that its folder exists, and that this user may write the folder and the file"
        ) from error


def _make_durable(connection: SQLiteConnection, _record: object) -> None:
    connection.isolation_level = None
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    """Begin by a call to the driver: whatever reads or writes begins, and SQLAlchemy's way takes as long as a row."""
    statement = str(connection.get_execution_options().get(_SQLITE_BEGIN, "BEGIN"))
    with raising_as_sqlalchemy(connection.dialect, statement):
        connection.connection.driver_connection.execute(statement)  # type: ignore[union-attr]  # it is connected
