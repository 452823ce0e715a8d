"""Proves that no entry of the log, and no record it vouches for, was changed; or names the first that was.

What is caught: any change to an entry, by its place; a missing, moved or added entry; any change to a signed part even
with the chain made anew, unless by whoever held the key of that very epoch at the time; any row of the record store
that is not what the last entry says. What takes an anchor kept elsewhere: entries cut off the end together with the
checkpoints over them, and a rewrite of what the present epoch's key will sign.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, Row, create_engine, event, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, DBAPIError

from deskhand.records import schema
from deskhand.records.audit.anchors import Anchor
from deskhand.records.audit.checkpoints import Checkpoint
from deskhand.records.audit.entries import CHAIN_START, chained, read_entry
from deskhand.records.audit.keys import Trust
from deskhand.records.audit.merkle import Frontier, leaf_hash
from deskhand.records.audit.notes import NoteError, open_note
from deskhand.records.database import connect, key_files
from deskhand.records.failures import RecordsUnavailableError, mend
from deskhand.records.generated import EntryField
from deskhand.records.state import State

_BATCH = 1000
_SEEN_EVERY = 10_000
_RECORD_CHANGED = (
    "the log is whole, but a record (work, cursor, effect, explanation, quarantine or rule) was changed without it"
)


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome. ``first_bad`` is the number of the first entry that cannot be trusted, where that is known.

    ``entries`` were read; the first ``covered`` of them are vouched for by a signature or an anchor, the rest only by
    the chain. ``anchor`` is what to note elsewhere when all is well.
    """

    first_bad: int | None
    reason: str
    entries: int
    covered: int
    anchor: Anchor | None = None
    trust: Trust | None = None

    @property
    def ok(self) -> bool:
        """Tell whether nothing was found."""
        return not self.reason


class _FoundError(Exception):
    """Something is not as it was written."""

    def __init__(self, first_bad: int | None, reason: str) -> None:
        super().__init__(reason)
        self.first_bad = first_bad
        self.reason = reason


_ENTRY_BYTES = {"sqlite": "CAST(entry AS BLOB)", "postgresql": "convert_to(entry, 'UTF8')"}
"""The entry exactly as stored, valid UTF-8 or not."""

_TRIGGERS = """
SELECT c.relname, t.tgenabled::text, t.tgtype::int, p.prosrc FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE c.relnamespace = 'public'::regnamespace AND t.tgqual IS NULL AND t.tgnargs = 0
"""
"""Type 58 is BEFORE (2) with DELETE (8), UPDATE (16) and TRUNCATE (32): PostgreSQL's catalog/pg_trigger.h."""


Progress = Callable[[int, int], None]
"""Is told how many entries of how many were read, every now and then."""


def unwatched(done: int, total: int) -> None:
    """Take no note of how far a verification is."""
    del done, total


@dataclass(slots=True)
class _Walk:
    """How far the log has been read, and what it promised to be at which size."""

    promises: dict[int, list[bytes]] = field(default_factory=dict)
    frontier: Frontier = field(default_factory=Frontier)
    chain: bytes = CHAIN_START
    last_entry: bytes = b""
    covered: int = 0
    progress: Progress = unwatched


def verify(
    url: str,
    *,
    signing: Path | None = None,
    trust: Trust | None = None,
    anchors: Sequence[Anchor] = (),
    progress: Progress = unwatched,
) -> Verification:
    """Check a whole record store in constant memory, changing nothing; it may be in use.

    Trusts the public keys in the trust file unless ``trust`` brings them from a safer place. Never raises for what is
    wrong with the store: that is the answer.
    """
    walk = _Walk(progress=progress)
    try:
        trust = trust or _trust_on_file(url, signing)
        engine = _open_only_to_read(url)
        try:
            with engine.connect() as connection:
                _check(connection, walk, trust, anchors)
        finally:
            engine.dispose()
    except _FoundError as found:
        return Verification(found.first_bad, found.reason, walk.frontier.size, walk.covered, trust=trust)
    except DBAPIError as error:
        return Verification(None, f"the store cannot be read further: {mend(error)}", walk.frontier.size, walk.covered)
    except UnicodeDecodeError:  # sqlite3 quotes a damaged schema in its error message, and cannot
        return Verification(None, "the store cannot be read: its schema is damaged", walk.frontier.size, walk.covered)
    size = walk.frontier.size
    return Verification(None, "", size, walk.covered, Anchor(size, walk.frontier.root()), trust)


def _check(connection: Connection, walk: _Walk, trust: Trust, anchors: Sequence[Anchor]) -> None:
    _check_layout(connection, trust)
    doubt = _collect_promises(connection, walk, trust)
    for anchor in anchors:
        walk.promises.setdefault(anchor.size, []).append(anchor.root)
    _walk_entries(connection, walk)
    if doubt is not None:
        raise doubt
    _check_head(connection, walk)
    _check_indexes(connection)


def _check_layout(connection: Connection, trust: Trust) -> None:
    """Compare tables, indexes and triggers with what this version creates, and the store's name with the trusted."""
    is_as_made = _is_guarded if connection.dialect.name == "postgresql" else _is_laid_out
    if not is_as_made(connection):
        raise _FoundError(None, "a table, an index or a trigger of the store is missing or was changed")
    rows = connection.execute(text("SELECT id, version, origin FROM store")).all()
    if [tuple(row) for row in rows] != [(1, schema.VERSION, trust.origin)]:
        raise _FoundError(None, f"the store does not say that it is {trust.origin}, version {schema.VERSION}")


def _is_laid_out(connection: Connection) -> bool:
    return _layout(connection) == _expected_layout()


def _is_guarded(connection: Connection) -> bool:
    """Tell whether the triggers that keep the log append-only are there, enabled and as they were made."""
    found = {tuple(row) for row in connection.execute(text(_TRIGGERS))}
    return found >= {(table, "O", 58, schema.refusal(table)) for table in (schema.audit.name, schema.checkpoints.name)}


def _layout(connection: Connection) -> set[tuple[Any, ...]]:
    rows = connection.execute(text("SELECT tbl_name, type, name, sql FROM sqlite_master"))
    return {tuple(row) for row in rows if row.tbl_name in schema.metadata.tables}


@cache
def _expected_layout() -> frozenset[tuple[Any, ...]]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        schema.create(connection)
        expected = _layout(connection)
    engine.dispose()
    return frozenset(expected)


def _collect_promises(connection: Connection, walk: _Walk, trust: Trust) -> _FoundError | None:
    """Check every checkpoint's signature; return the first doubt, and trust none after it."""
    query = text("SELECT epoch, size, note FROM checkpoints ORDER BY epoch")
    with connection.execute(query, execution_options={"yield_per": _BATCH}) as rows:
        return _check_checkpoints(rows, walk, trust)


def _check_checkpoints(rows: Iterable[Row[Any]], walk: _Walk, trust: Trust) -> _FoundError | None:
    key, good = b"", 0
    for epoch, row in enumerate(rows):
        key = trust.keys.get(epoch, key)
        try:
            checkpoint = Checkpoint.read(open_note(str(row.note), trust.origin, key))
        except (NoteError, ValueError) as error:
            return _FoundError(good, f"checkpoint {epoch} is not signed as it must be ({error}): {_unvouched(good)}")
        said = (row.epoch, row.size, checkpoint.epoch, checkpoint.origin)
        if said != (epoch, checkpoint.size, epoch, trust.origin) or checkpoint.size < good:
            return _FoundError(good, f"checkpoint {epoch} is out of place: {_unvouched(good)}")
        walk.promises.setdefault(checkpoint.size, []).append(checkpoint.root)
        key, good = checkpoint.next_key, checkpoint.size
    return None


def _unvouched(good: int) -> str:
    return f"nothing vouches for entries from {good} on"


def _walk_entries(connection: Connection, walk: _Walk) -> None:
    _keep_promises(walk)
    total = int(connection.execute(text("SELECT coalesce(max(seq) + 1, 0) FROM audit")).scalar_one())
    with closing(_stored_entries(connection, walk)) as stored:
        _follow_chain(stored, walk, total)
    if walk.promises:
        size = walk.frontier.size
        raise _FoundError(size, f"entries are cut off: there are {size}, and {max(walk.promises)} were vouched for")


def _follow_chain(stored: Iterable[Row[int, bytes, bytes]], walk: _Walk, total: int) -> None:
    for seq, entry, chain in stored:
        size = walk.frontier.size
        if seq != size:
            raise _FoundError(size, f"entry {size} is missing: entry {seq} follows entry {size - 1}")
        leaf = leaf_hash(entry or b"")
        walk.chain = chained(walk.chain, leaf)
        if walk.chain != chain or not entry:
            raise _FoundError(size, f"entry {size} was changed, or does not follow the one before it")
        walk.frontier.append(leaf)
        walk.last_entry = entry
        if size + 1 in walk.promises:
            _keep_promises(walk)
        if size % _SEEN_EVERY == 0:
            walk.progress(size + 1, total)


def _keep_promises(walk: _Walk) -> None:
    size, last = walk.frontier.size, walk.covered
    promises = walk.promises.pop(size, [])
    if any(root != walk.frontier.root() for root in promises):
        raise _FoundError(last, f"an entry from {last} to {size - 1} was changed and the chain made anew")
    walk.covered = size if promises else last


def _stored_entries(connection: Connection, walk: _Walk) -> Generator[Row[int, bytes, bytes]]:
    query = text(f"{_select_entries(connection)} ORDER BY seq")
    try:
        with connection.execute(query, execution_options={"yield_per": _BATCH}) as rows:
            yield from rows
    except DatabaseError as error:
        first_bad = _first_unreadable(connection, walk.frontier.size)
        raise _FoundError(first_bad, f"entry {first_bad} cannot be read: {mend(error)}") from error


def _select_entries(connection: Connection) -> str:
    return f"SELECT seq, {_ENTRY_BYTES[connection.dialect.name]}, chain FROM audit"  # noqa: S608  # two constants


def _first_unreadable(connection: Connection, start: int) -> int:
    """Find where a damaged table stops answering; a batch that failed hides which of its rows did."""
    connection.rollback()  # PostgreSQL answers nothing more in a transaction that failed
    query = text(f"{_select_entries(connection)} WHERE seq = :seq")
    for seq in range(start, start + 2 * _BATCH):
        try:
            if connection.execute(query, {"seq": seq}).one_or_none() is None:
                return seq
        except DatabaseError:
            return seq
    return start


def _check_head(connection: Connection, walk: _Walk) -> None:
    """Compare the end of the log, and every row it vouches for, with what is stored."""
    heads = connection.execute(text("SELECT id, size, chain, frontier, state FROM audit_head")).all()
    state = _state_now(connection)
    expected = (1, walk.frontier.size, walk.chain, walk.frontier.stored(), state.stored())
    if not heads or tuple(heads[0])[:4] != expected[:4]:
        raise _FoundError(None, "the log's end is not where the store says it is")
    if walk.last_entry and _state_after(walk) != state.digest():
        raise _FoundError(None, _RECORD_CHANGED)
    if [tuple(head) for head in heads] != [expected]:
        raise _FoundError(None, "the log's end does not stand for the records as they are")


def _state_now(connection: Connection) -> State:
    try:
        return State.of(connection)
    except TypeError as error:  # a damaged row holds bytes where no record does
        raise _FoundError(None, _RECORD_CHANGED) from error


def _state_after(walk: _Walk) -> str:
    try:
        return read_entry(walk.last_entry).state
    except ValidationError as error:
        last = walk.frontier.size - 1
        raise _FoundError(last, f"entry {last} is not written as an entry") from error


def _check_indexes(connection: Connection) -> None:
    """Make sure that looking entries up by tenant or ticket finds exactly what the entries say."""
    if connection.dialect.name == "sqlite":
        problem = connection.execute(text("PRAGMA integrity_check(1)")).scalar_one()
        if problem != "ok":
            raise _FoundError(None, f"the log is whole, but the file is damaged elsewhere: {problem}")
        return
    for name in ("tenant", "ticket"):
        column = schema.audit.c[name]
        query = select(schema.audit.c.seq).where(column.is_distinct_from(EntryField(name)))
        seq = connection.execute(query.order_by(schema.audit.c.seq).limit(1)).scalar_one_or_none()
        if seq is not None:
            raise _FoundError(seq, f"entry {seq} is filed under another {name} than it says")


def _trust_on_file(url: str, signing: Path | None) -> Trust:
    try:
        files = key_files(url, signing)
        trust = files.trust()
    except RecordsUnavailableError as error:
        raise _FoundError(None, str(error)) from error
    if trust is None:
        raise _FoundError(
            None, f"{files.trust_file} is missing: verify with the line of it that was noted elsewhere (--key)"
        )
    return trust


def _open_only_to_read(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return connect(url).execution_options(isolation_level="REPEATABLE READ")
    file = Path(str(parsed.database))
    if not file.is_file():
        raise _FoundError(None, f"there is no record store at {file}")
    engine = create_engine(f"sqlite:///file:{file.resolve()}?mode=ro&uri=true")
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine
