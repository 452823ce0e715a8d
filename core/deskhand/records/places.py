"""Runs that have begun to change something, in order: a run takes its place once, with its first intent.

Transactions run one after another, so whoever counts and takes a place in one never takes one too many.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, select

from deskhand.records.accounts import AUTOMATION
from deskhand.records.canonical import written_time
from deskhand.records.database import Transaction
from deskhand.records.rows import Rows, Value
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
    asked: dict[str, Value] = {"tenant": tenant, "automation": automation, "run_id": run_id}
    rows = Rows.of(connection)
    own = rows.find(places, {"run_id": run_id})
    if own is None:
        query, asked["since"] = _IN_THE_HOUR, written_time(now - HOUR)
    else:
        query, asked["place"] = _BEFORE, own["place"]
        asked["since"] = written_time(datetime.fromisoformat(own["taken_at"]) - HOUR)
    ((everywhere, at_tenant, of_automation, by_automations),) = rows.ask(query, asked)
    return Begun(at_tenant or 0, (of_automation or 0) if automation else 0, everywhere, by_automations or 0)


def submitted(connection: Connection, now: datetime, *, tenant: str, automation: str) -> Begun:
    """Count the runs that were submitted in the hour up to now, whether they have begun or not; shadow runs too."""
    here, of_any = runs.c.tenant_id == tenant, runs.c.automation != ""
    query = select(
        func.count(), _counted(here), _counted(and_(here, runs.c.automation == automation)), _counted(of_any)
    ).where(runs.c.started_at > written_time(now - HOUR))
    everywhere, at_tenant, of_automation, by_automations = connection.execute(query).one()
    return Begun(at_tenant or 0, of_automation or 0, everywhere, by_automations or 0)


def _counted(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))


_AT_TENANT = places.c.tenant_id == bindparam("tenant")
_SINCE = places.c.taken_at > bindparam("since")
_COUNTS = select(
    func.count(),
    _counted(_AT_TENANT),
    _counted(and_(_AT_TENANT, places.c.automation == bindparam("automation"))),
    _counted(places.c.requested_by.startswith(AUTOMATION, autoescape=True)),
)
_IN_THE_HOUR = _COUNTS.where(_SINCE, places.c.run_id != bindparam("run_id"))
_BEFORE = _COUNTS.where(_SINCE, places.c.place < bindparam("place"))
"""Made once: every step counts, twice."""
