"""Columns of the log that are computed from its hashed bytes, on SQLite and on PostgreSQL."""

from sqlalchemy import Computed, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler
from sqlalchemy.sql.expression import ColumnElement


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
