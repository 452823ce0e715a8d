"""How much was done in the last hour: what the caps of policy are compared with."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from deskhand.governance.request import Rates
from deskhand.records import places
from deskhand.records.audit.recent import entries_since
from deskhand.records.database import Records

HOUR = timedelta(hours=1)


def last_hour(
    records: Records, *, now: datetime, tenant: str, automation: str = "", action: str = "", run_id: str = ""
) -> Rates:
    """Count what was begun in the hour up to now, as `rates_in` does."""
    with records.reading() as connection:
        return rates_in(connection, now=now, tenant=tenant, automation=automation, action=action, run_id=run_id)


def rates_in(
    connection: Connection, *, now: datetime, tenant: str, automation: str = "", action: str = "", run_id: str = ""
) -> Rates:
    """Count what was begun in the hour up to now, leaving out the run that asks; inside a transaction it is exact.

    Of a run that has its place already, what was begun before it counts, so that it is not stopped half-way by others.
    ``of_automation`` is 0 where no automation is named. ``of_action`` counts claims of the effect ledger, so what the
    present run did with the same action counts too.
    """
    found = places.begun(connection, now, tenant=tenant, automation=automation, run_id=run_id)
    claims = entries_since(connection, now - HOUR, kind="effect.claimed", tenant=tenant) if action else ()
    return Rates(
        at_tenant=found.at_tenant,
        of_automation=found.of_automation,
        of_action=sum(entry.detail.get("action") == action for entry in claims),
        everywhere=found.everywhere,
        by_automations=found.by_automations,
    )
