"""Brings a store's tables to the present version, one small step after another."""

import secrets
from collections.abc import Callable

from sqlalchemy import Connection, func, insert, inspect, select, update

from deskhand.records import schema
from deskhand.records.audit.entries import CHAIN_START
from deskhand.records.failures import RecordsUnavailableError
from deskhand.records.state import State

_MIGRATING = int.from_bytes(b"deskhand")
"""The advisory lock that makes processes open a new store on a server one after another."""


def _create(connection: Connection) -> None:
    schema.create(connection)
    origin = f"deskhand/{secrets.token_hex(8)}"
    connection.execute(insert(schema.store).values(id=1, version=schema.VERSION, origin=origin))
    empty = {"size": 0, "chain": CHAIN_START, "frontier": b"", "state": State().stored()}
    connection.execute(insert(schema.audit_head).values(id=1, **empty))


def _add_runs_and_automations(connection: Connection) -> None:
    schema.metadata.create_all(connection, tables=[*schema.SINCE_VERSION_2, *schema.COUNTERS])


STEPS: tuple[Callable[[Connection], None], ...] = (_add_runs_and_automations,)
"""The first takes a store from version 1 to 2, and so on. A step that rewrites rows also renews the head's state."""


def version_of(connection: Connection) -> int:
    """Return the version of the tables, 0 where there are none yet."""
    if not inspect(connection).has_table(schema.store.name):
        return 0
    version: int = connection.execute(select(schema.store.c.version)).scalar_one()
    return version


def migrate(connection: Connection) -> bool:
    """Bring the tables up to date and tell whether anything was to do. Idempotent; the caller commits.

    Raises RecordsUnavailableError for a store written by a newer deskhand.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
    version = version_of(connection)
    if version > schema.VERSION:
        raise RecordsUnavailableError(
            f"the record store has version {version} and this deskhand knows versions up to {schema.VERSION}: "
            "run the deskhand that wrote it or a newer one, or restore a backup made before the upgrade"
        )
    if version == 0:
        _create(connection)
    elif version < schema.VERSION:
        for step in STEPS[version - 1 :]:
            step(connection)
        connection.execute(update(schema.store).values(version=schema.VERSION))
    return version < schema.VERSION
