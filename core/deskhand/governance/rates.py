"""How much was done in the last hour: what the caps of policy are compared with."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from deskhand.governance.request import Rates
from deskhand.records.audit.recent import entries_since
from deskhand.records.canonical import written_time
from deskhand.records.database import Records
from deskhand.records.schema import runs

HOUR = timedelta(hours=1)


def last_hour(
    records: Records, *, now: datetime, tenant: str, automation: str = "", action: str = "", run_id: str = ""
) -> Rates:
    """Count what was begun at a client in the hour up to now, leaving out the run that asks.

    ``of_automation`` is 0 where no automation is named. ``of_action`` counts claims of the effect ledger, so what the
    present run did with the same action counts too.
    """
    since = now - HOUR
    others = (
        select(func.count())
        .select_from(runs)
        .where(runs.c.tenant_id == tenant, runs.c.started_at > written_time(since), runs.c.id != run_id)
    )
    with records.reading() as connection:
        at_tenant = int(connection.execute(others).scalar_one())
        of_automation = 0
        if automation:
            of_automation = int(connection.execute(others.where(runs.c.automation == automation)).scalar_one())
        claims = entries_since(connection, since, kind="effect.claimed", tenant=tenant)
        of_action = sum(entry.detail.get("action") == action for entry in claims) if action else 0
    return Rates(at_tenant=at_tenant, of_automation=of_automation, of_action=of_action)
