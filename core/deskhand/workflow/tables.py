"""Where the durable engine keeps its tables, and whether they are there: told without importing it."""

from sqlalchemy import inspect

from deskhand.records.database import Records

SCHEMA = "deskhand_runs"
"""DBOS's own schema on PostgreSQL. Not a name people give to a role: a role's schema would hide the records' tables."""


def are_there(records: Records) -> bool:
    """Tell whether segments can be queued in this store."""
    with records.reading() as connection:
        schema = None if connection.dialect.name == "sqlite" else SCHEMA
        return inspect(connection).has_table("workflow_status", schema=schema)
