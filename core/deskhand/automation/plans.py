"""Plans kept on the record: written once, read back exactly as they were hashed."""

from functools import lru_cache

from pydantic import JsonValue
from sqlalchemy import select

from deskhand.automation.plan import Plan
from deskhand.records.canonical import written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.schema import plans


def save(transaction: Transaction, plan: Plan) -> None:
    """Keep a plan. Raises LookupError where its id is taken: a plan never changes, and a new one has a new id."""
    if transaction.find(plans, {"id": plan.id}) is not None:
        raise LookupError(f"plan {plan.id} is kept already: a plan never changes")
    row: dict[str, str | int | None] = {
        "id": plan.id,
        "sha256": plan.sha256(),
        "ticket_id": plan.ticket_id,
        "tenant_id": plan.tenant.id,
        "requested_by": plan.requested_by,
        "created_at": written_time(transaction.clock()),
        "document": plan.written(),
        "place": transaction.next_seq,
    }
    transaction.insert(plans, row)
    detail: dict[str, JsonValue] = {"plan": plan.id, "sha256": plan.sha256()}
    detail["steps"] = [step.action for step in plan.steps]
    transaction.audit("plan.saved", tenant=plan.tenant.id, ticket=plan.ticket_id, detail=detail)


def is_kept(transaction: Transaction, plan: Plan) -> bool:
    """Tell whether exactly this plan is kept. Raises LookupError where another has its id."""
    row = transaction.find(plans, {"id": plan.id})
    if row is not None and row["sha256"] != plan.sha256():
        raise LookupError(f"plan {plan.id} is not the one that was kept: a plan never changes")
    return row is not None


def find(records: Records, plan_id: str) -> Plan | None:
    """Look a plan up."""
    row = records.find(plans, {"id": plan_id})
    return None if row is None else _read(row["document"])


def of_ticket(records: Records, ticket_id: str) -> list[Plan]:
    """List a ticket's plans, oldest first."""
    query = select(plans.c.document).where(plans.c.ticket_id == ticket_id).order_by(plans.c.place)
    with records.reading() as connection:
        return [_read(document) for document in connection.execute(query).scalars()]


@lru_cache(maxsize=256)
def _read(document: str) -> Plan:
    """Read what is stored now; the same text is the same plan, which never changes, so it is taken apart once."""
    return Plan.model_validate_json(document)
