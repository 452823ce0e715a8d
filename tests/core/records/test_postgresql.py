"""What can be said of PostgreSQL without one: the statements are its own. Issue 4 runs them."""

from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import CreateTable

from deskhand.records import schema


def test_the_tables_are_written_in_its_words() -> None:
    dialect = PGDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so
    tables = schema.LOG + schema.RECORDS
    written = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in tables)
    assert "chain BYTEA NOT NULL" in written
    assert "ticket TEXT COLLATE \"C\" GENERATED ALWAYS AS ((entry::json ->> 'ticket')) STORED" in written
    assert "STRICT" not in written
