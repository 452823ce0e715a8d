"""The tables of the record store, written once for SQLite and PostgreSQL.

Every value is text, an integer or bytes: times are ISO 8601 in UTC with microseconds, which sort as text, and documents
are JSON text, so that what was hashed is what is stored.
"""

from typing import Any

from sqlalchemy import Column, Computed, Connection, Index, Integer, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler
from sqlalchemy.sql.expression import ColumnElement

VERSION = 1
"""The version of the tables below; `migrations` brings older stores up to it."""

metadata = MetaData()


class EntryField(ColumnElement[str]):
    """One top-level text field of the canonical entry in the column ``entry``."""

    inherit_cache = False
    type = Text()

    def __init__(self, name: str) -> None:
        self.name = name


class GeneratedFromEntry(Computed):
    """An index column computed from the hashed bytes, so that it cannot say anything else.

    SQLite computes it on every read and stores nothing; PostgreSQL before 18 can only store it.
    """


@compiles(EntryField, "sqlite")
def _sqlite_field(field: EntryField, _compiler: SQLCompiler, **_options: object) -> str:
    return f"json_extract(entry, '$.{field.name}')"


@compiles(EntryField, "postgresql")
def _postgresql_field(field: EntryField, _compiler: SQLCompiler, **_options: object) -> str:
    return f"(entry::json ->> '{field.name}')"


@compiles(GeneratedFromEntry, "sqlite")
@compiles(GeneratedFromEntry, "postgresql")
def _generated(column: GeneratedFromEntry, compiler: DDLCompiler, **_options: object) -> str:
    storage = "VIRTUAL" if compiler.dialect.name == "sqlite" else "STORED"
    return f"GENERATED ALWAYS AS ({compiler.sql_compiler.process(column.sqltext)}) {storage}"


def _table(name: str, *parts: Any) -> Table:  # noqa: ANN401  # SQLAlchemy's own boundary: columns and indexes alike
    return Table(name, metadata, *parts, sqlite_strict=True)


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, primary_key=True, autoincrement=False, nullable=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


store = _table("store", _count("id"), _number("version"), _words("origin"))
"""One row: which version wrote the tables, and the name checkpoints are signed under."""

audit = _table(
    "audit",
    _count("seq"),
    _words("entry"),
    _bytes("chain"),
    Column("tenant", Text, GeneratedFromEntry(EntryField("tenant"))),
    Column("ticket", Text, GeneratedFromEntry(EntryField("ticket"))),
    Index("audit_by_tenant", "tenant", "seq"),
    Index("audit_by_ticket", "ticket", "seq"),
)
"""The log: canonical entries in order, each with the hash chain up to and including it. Append only."""

audit_head = _table("audit_head", _count("id"), _number("size"), _bytes("chain"), _bytes("frontier"), _bytes("state"))
"""One row: where the log ends, so that opening a store reads none of it. Checked whenever the log is verified."""

checkpoints = _table("checkpoints", _count("epoch"), _number("size"), _words("note"))
"""Signed notes, one an epoch. Append only."""

work = _table(
    "work",
    _key("connector"),
    _key("ticket_id"),
    _words("version"),
    _words("state"),
    _number("attempts"),
    Column("not_before", Text),
    _number("place"),
    Index("work_by_state", "state", "place"),
)

cursors = _table(
    "cursors", _key("connector"), Column("since", Text), Column("page", Text), Column("highest", Text), _words("phase")
)

effects = _table(
    "effects",
    _key("key"),
    _words("action"),
    _words("tenant"),
    _words("ticket"),
    _words("arguments_sha256"),
    _words("state"),
    Column("receipt", Text),
    _words("reason"),
)

explanations = _table(
    "explanations",
    _key("ticket_id"),
    _words("outcome"),
    Column("tenant_id", Text),
    _number("place"),
    _words("document"),
    Index("explanations_by_place", "place"),
    Index("explanations_by_outcome", "outcome", "place"),
    Index("explanations_by_tenant", "tenant_id", "place"),
)

quarantine = _table(
    "quarantine",
    _key("connector"),
    _key("ticket_id"),
    _words("state"),
    _number("place"),
    _words("held_at"),
    _words("reason"),
    _words("suggestion"),
    _words("candidates"),
    _words("evidence"),
    Column("tenant_id", Text),
    Column("tenant_name", Text),
    Index("quarantine_by_ticket", "ticket_id"),
)

identity_rules = _table("identity_rules", _key("kind"), _key("value"), _words("tenant_id"), _words("tenant_name"))

RECORDS = (work, cursors, effects, explanations, quarantine, identity_rules)
"""The tables whose rows every audit entry vouches for."""

LOG = (store, audit, audit_head, checkpoints)
"""The tables only the audit log itself writes."""


def create(connection: Connection) -> None:
    """Create every table of the present version, and the triggers that keep the log append-only."""
    metadata.create_all(connection)
    for table in (audit, checkpoints):
        for statement in _append_only(table.name, connection.dialect.name):
            connection.execute(text(statement))


def _append_only(table: str, dialect: str) -> tuple[str, ...]:
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for change in ("UPDATE", "DELETE")
        )
    refuse = f"{table}_append_only"
    body = f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    change = f"UPDATE OR DELETE OR TRUNCATE ON {table}"
    return (
        f"CREATE FUNCTION {refuse}() RETURNS trigger LANGUAGE plpgsql AS {body}",
        f"CREATE TRIGGER {refuse} BEFORE {change} FOR EACH STATEMENT EXECUTE FUNCTION {refuse}()",
    )
