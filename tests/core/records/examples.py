"""Records of invented tickets, with only what a test says about them."""

from datetime import UTC, datetime

from deskhand.records import effects, explanations, work
from deskhand.records.database import Records
from deskhand.records.documents import OutcomeKind, Why
from deskhand.records.work import WorkItem

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PSA = "psa_example"


def why(ticket_id: str = "1", outcome: OutcomeKind = OutcomeKind.TRIAGED, tenant_id: str | None = "19") -> Why:
    reasons = ("The ticket belongs to Marlow & Tern.", "Grüße 🙂")
    return Why(ticket_id=ticket_id, outcome=outcome, tenant_id=tenant_id, reasons=reasons, decided_at=START)


def enqueue(records: Records, *ticket_ids: str) -> None:
    with records.transaction("intake") as transaction:
        for ticket_id in ticket_ids:
            work.enqueue(transaction, PSA, ticket_id, "1", reason="new")


def handle(records: Records, ticket_id: str) -> None:
    """Take a ticket the whole way: six entries in four commits."""
    enqueue(records, ticket_id)
    with records.transaction("desk") as transaction:
        effects.claim(
            transaction, f"note-{ticket_id}", action="note", tenant="19", ticket=ticket_id, arguments_sha256="a"
        )
    with records.transaction("desk") as transaction:
        effects.record(transaction, f"note-{ticket_id}", {"reference": f"4{ticket_id}"})
    with records.transaction("desk") as transaction:
        explanations.save(transaction, why(ticket_id))
        work.finish(transaction, WorkItem(PSA, ticket_id, "1"), why(ticket_id))
