"""Runs that have begun to change something, in order: a run takes its place once, with its first intent.

Transactions run one after another, so whoever counts and takes a place in one never takes one too many.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from deskhand.records.accounts import AUTOMATION
from deskhand.records.canonical import written_time
from deskhand.records.database import Transaction
from deskhand.records.rows import Value
from deskhand.records.schema import places, runs

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Begun:
    """How many runs took their place in an hour: at a client, of an automation there, over all clients."""

    at_tenant: int = 0
    of_automation: int = 0
    everywhere: int = 0
    by_automations: int = 0
    """Over all clients, begun by automations themselves."""


def take(transaction: Transaction, run_id: str, *, tenant: str, automation: str, requested_by: str) -> None:
    """Give a run its place; one that has it keeps it. The caller's own entry vouches for it."""
    if transaction.find(places, {"run_id": run_id}) is not None:
        return
    values: dict[str, Value] = {"tenant_id": tenant, "automation": automation, "requested_by": requested_by}
    taken: dict[str, Value] = {"taken_at": written_time(transaction.clock()), "place": transaction.next_seq}
    transaction.insert(places, {"run_id": run_id, **values, **taken})


def begun(connection: Connection, now: datetime, *, tenant: str, automation: str, run_id: str = "") -> Begun:
    """Count what began in the hour up to now; for a run that has its place, in the hour up to that, before it."""
    others = _before(connection, run_id)
    if others is None:
        others = and_(places.c.taken_at > written_time(now - HOUR), places.c.run_id != run_id)
    here = places.c.tenant_id == tenant
    by_itself = places.c.requested_by.startswith(AUTOMATION, autoescape=True)
    query = select(
        func.count(),
        _counted(here),
        _counted(and_(here, places.c.automation == automation)),
        _counted(by_itself),
    ).where(others)
    everywhere, at_tenant, of_automation, by_automations = connection.execute(query).one()
    return Begun(at_tenant or 0, (of_automation or 0) if automation else 0, everywhere, by_automations or 0)


def submitted(connection: Connection, now: datetime, *, tenant: str, automation: str) -> Begun:
    """Count the runs that were submitted in the hour up to now, whether they have begun or not; shadow runs too."""
    here, of_any = runs.c.tenant_id == tenant, runs.c.automation != ""
    query = select(
        func.count(), _counted(here), _counted(and_(here, runs.c.automation == automation)), _counted(of_any)
    ).where(runs.c.started_at > written_time(now - HOUR))
    everywhere, at_tenant, of_automation, by_automations = connection.execute(query).one()
    return Begun(at_tenant or 0, of_automation or 0, everywhere, by_automations or 0)


def _before(connection: Connection, run_id: str) -> ColumnElement[bool] | None:
    query = select(places.c.taken_at, places.c.place).where(places.c.run_id == run_id)
    own = connection.execute(query).one_or_none()
    if own is None:
        return None
    since = written_time(datetime.fromisoformat(own.taken_at) - HOUR)
    return and_(places.c.taken_at > since, places.c.place < own.place)


def _counted(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))
