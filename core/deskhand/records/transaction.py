"""One state change and its audit entries, committed together or not at all."""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Connection, Table

from deskhand.records import schema
from deskhand.records.audit.entries import Entry, chained, write_entry
from deskhand.records.audit.merkle import Frontier, leaf_hash
from deskhand.records.canonical import storable
from deskhand.records.failures import UnauditedChangeError, damaged
from deskhand.records.rows import Rows, Value
from deskhand.records.state import State
from deskhand.sdk.clock import Clock

Redact = Callable[[str], str]
"""Takes what must not be kept out of a text that is about to be written."""

OPTION = "deskhand_transaction"
"""The execution option that ties a connection to its transaction, for `watch_statement`."""

COUNTING = "counting"
"""In place of a transaction: the connection may change what is only counted, and nothing else."""

_HEAD = {"id": 1}
_HARMLESS = re.compile(r"\s*(SELECT|WITH|BEGIN|SAVEPOINT|RELEASE|ROLLBACK|PRAGMA|EXPLAIN|SHOW|SET)\b", re.IGNORECASE)
_TARGET = re.compile(r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+\"?(\w+)", re.IGNORECASE)
_GUARDED = frozenset(table.name for table in (*schema.RECORDS, *schema.LOG))
_COUNTED = frozenset(table.name for table in schema.COUNTERS)


@dataclass(slots=True)
class Head:
    """Where the log ends: read when a transaction begins, written when it commits, so a rollback needs no undoing."""

    frontier: Frontier
    chain: bytes
    state: State

    @classmethod
    def read(cls, connection: Connection) -> "Head":
        """Read the head; on PostgreSQL this makes other writers wait, as BEGIN IMMEDIATE does on SQLite.

        Raises RecordsUnavailableError where there is none.
        """
        row = Rows.of(connection).find(schema.audit_head, _HEAD, is_locking=True)
        if row is None:
            raise damaged("audit log")
        return cls(Frontier(row["size"], row["frontier"]), row["chain"], State(row["state"]))

    def values(self) -> dict[str, int | bytes]:
        """Return the row this head is stored as."""
        return {
            "size": self.frontier.size,
            "chain": self.chain,
            "frontier": self.frontier.stored(),
            "state": self.state.stored(),
        }


@dataclass(slots=True)
class Transaction:
    """Rows and the entries that vouch for them. Made by `Records.transaction`; not for use after it ends.

    Rows of the record store are changed only through `insert`, `update` and `delete`, which keep the state that every
    entry carries. Tables that are not ours may be written through ``connection``; that too needs an entry after it.
    A row is read once: as long as the transaction is open nobody else changes it.
    """

    connection: Connection
    actor: str
    clock: Clock
    head: Head
    redact: Redact = str
    """Every entry and every text of a row passes it on its way to the disk."""
    _rows: Rows = field(init=False)
    _read: dict[tuple[Hashable, ...], dict[str, Value] | None] = field(default_factory=dict, init=False)
    _entries: list[dict[str, int | str | bytes]] = field(default_factory=list, init=False)
    _is_unaudited: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Reach for the rows."""
        self._rows = Rows.of(self.connection)

    @property
    def next_seq(self) -> int:
        """The number the next audit entry will get."""
        return self.head.frontier.size

    def audit(
        self,
        kind: str,
        *,
        tenant: str = "",
        ticket: str = "",
        detail: Mapping[str, JsonValue] | None = None,
    ) -> int:
        """Put on the record what was just done and return the entry's number."""
        seq = self.next_seq
        entry = Entry(
            seq=seq,
            at=self.clock(),
            actor=self.actor,
            kind=kind,
            tenant=tenant,
            ticket=ticket,
            detail=dict(detail or {}),
            state=self.head.state.digest(),
        )
        written = self.redact(write_entry(entry))
        leaf = leaf_hash(written.encode())
        self.head.chain = chained(self.head.chain, leaf)
        self.head.frontier.append(leaf)
        self._entries.append({"seq": seq, "entry": written, "chain": self.head.chain})
        self._is_unaudited = False
        return seq

    def insert(self, table: Table, values: Mapping[str, Value]) -> None:
        """Add a row; columns left out are empty. Raises IntegrityError where its key is taken."""
        row = {column.name: self._kept(table, column.name, values.get(column.name)) for column in table.columns}
        self._rows.insert(table, row)
        self._is_unaudited = True
        self.head.state.add(table.name, row)
        self._read[_place(table, _key_of(table, row))] = row

    def update(self, table: Table, key: Mapping[str, Value], values: Mapping[str, Value]) -> None:
        """Change columns of the row with this whole primary key. Raises LookupError where there is none."""
        old = self.find(table, key)
        if old is None:
            raise LookupError(f"no row {dict(key)} in {table.name}")
        stored = {name: self._kept(table, name, value) for name, value in values.items()}
        changed = {name: value for name, value in stored.items() if old[name] != value}
        if not changed:
            return
        new = old | changed
        self._rows.update(table, _key(table, key), changed)
        self._is_unaudited = True
        self.head.state.remove(table.name, old)
        self.head.state.add(table.name, new)
        del self._read[_place(table, key)]
        self._read[_place(table, _key_of(table, new))] = new

    def put(self, table: Table, key: Mapping[str, Value], values: Mapping[str, Value]) -> None:
        """Change the row with this whole primary key, or add it."""
        if self.find(table, key) is None:
            self.insert(table, {**key, **values})
        else:
            self.update(table, key, values)

    def delete(self, table: Table, key: Mapping[str, Value]) -> None:
        """Remove the row with this whole primary key. Raises LookupError where there is none."""
        old = self.find(table, key)
        if old is None:
            raise LookupError(f"no row {dict(key)} in {table.name}")
        self._rows.delete(table, _key(table, key))
        self._is_unaudited = True
        self.head.state.remove(table.name, old)
        self._read[_place(table, key)] = None

    def find(self, table: Table, key: Mapping[str, Value]) -> dict[str, Value] | None:
        """Read the row with this whole primary key as this transaction sees it."""
        place = _place(table, key)
        if place not in self._read:
            self._read[place] = self._rows.find(table, _key(table, key))
        row = self._read[place]
        return None if row is None else dict(row)

    def finish(self) -> None:
        """Write the entries and the new head. Raises UnauditedChangeError where a change came after the last entry."""
        if self._is_unaudited:
            raise UnauditedChangeError(
                f"{self.actor} changed records and put nothing on the record: add an audit entry"
            )
        if not self._entries:
            return
        for entry in self._entries:
            self._rows.insert(schema.audit, entry)
        self._rows.update(schema.audit_head, _HEAD, self.head.values())

    def seal(self, epoch: int, size: int, note: str) -> None:
        """Add a signed checkpoint; its own signature vouches for it."""
        self._rows.insert(schema.checkpoints, {"epoch": epoch, "size": size, "note": note})

    def noticed(self, statement: str, count: int) -> None:
        """Take note of a statement that was run on the connection, and refuse one that goes past the log."""
        if count == 0 or _HARMLESS.match(statement):
            return
        target = _TARGET.match(statement)
        if target and target[1] in _GUARDED:
            raise UnauditedChangeError(f"{target[1]} is changed only through insert, update and put of its transaction")
        self._is_unaudited = True

    def _kept(self, table: Table, column: str, value: Value) -> Value:
        """Return a value as it is stored; what identifies a row stays as it is."""
        stored = _stored(value)
        if not isinstance(stored, str) or table.columns[column].primary_key:
            return stored
        return self.redact(stored)


def watch_statement(
    connection: Connection,
    cursor: Any,  # noqa: ANN401  # whatever the driver uses
    statement: str,
    _parameters: object,
    _context: object,
    _is_many: bool,  # noqa: FBT001  # SQLAlchemy's signature
) -> None:
    """Tell a connection's transaction what was run on it. Refuses changes through connections that have none."""
    transaction = connection.get_execution_options().get(OPTION)
    if isinstance(transaction, Transaction):
        transaction.noticed(statement, cursor.rowcount)
    elif transaction == COUNTING and ((target := _TARGET.match(statement)) is None or target[1] not in _COUNTED):
        if not _HARMLESS.match(statement):
            raise UnauditedChangeError("only what is counted is changed without an audit entry")
    elif transaction is None and cursor.rowcount != 0 and not _HARMLESS.match(statement):
        raise UnauditedChangeError("records are changed only in a transaction, never while reading")


def _place(table: Table, key: Mapping[str, Value]) -> tuple[Hashable, ...]:
    """Name a row by its table and whole primary key."""
    return (table.name, *_key(table, key).values())


def _key_of(table: Table, row: Mapping[str, Value]) -> dict[str, Value]:
    return {name: row[name] for name in _key_names(table)}


def _key(table: Table, key: Mapping[str, Value]) -> dict[str, Value]:
    names = _key_names(table)
    if key.keys() != set(names):
        raise ValueError(f"{sorted(key)} is not the primary key of {table.name}")
    return {name: _stored(key[name]) for name in names}


@cache
def _key_names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


def _stored(value: Value) -> Value:
    return storable(value) if isinstance(value, str) else value
