"""Tickets whose tenant is in doubt, and what people decided about them so that the same doubt is not raised twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import Row, select

from deskhand.records import work
from deskhand.records.canonical import canonical_json, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.rows import Value
from deskhand.records.schema import identity_rules, quarantine
from deskhand.sdk.models import Reference, TenantEvidence

_CANDIDATES = TypeAdapter(tuple[Reference, ...])
_EVIDENCE = TypeAdapter(tuple[TenantEvidence, ...])


class QuarantineState(StrEnum):
    """Whether someone has decided."""

    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """A ticket held back: why, whose it might be, and what would settle it."""

    connector: str
    ticket_id: str
    held_at: datetime
    reason: str
    suggestion: str
    candidates: tuple[Reference, ...]
    evidence: tuple[TenantEvidence, ...]


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """A decision that is remembered: what this address, domain or device sends belongs to this tenant."""

    kind: Literal["address", "domain", "device"]
    value: str
    tenant: Reference


def hold(
    transaction: Transaction,
    connector: str,
    ticket_id: str,
    *,
    reason: str,
    candidates: Sequence[Reference],
    suggestion: str,
    evidence: Sequence[TenantEvidence],
) -> None:
    """Hold a ticket back until a person decides; holding it again brings its reasons up to date."""
    values: dict[str, Value] = {
        "state": QuarantineState.OPEN,
        "place": transaction.next_seq,
        "held_at": written_time(transaction.clock()),
        "reason": reason,
        "suggestion": suggestion,
        "candidates": canonical_json(_CANDIDATES.dump_python(tuple(candidates), mode="json")),
        "evidence": canonical_json(_EVIDENCE.dump_python(tuple(evidence), mode="json")),
        "tenant_id": None,
        "tenant_name": None,
    }
    transaction.put(quarantine, {"connector": connector, "ticket_id": ticket_id}, values)
    transaction.audit(
        "quarantine.held",
        ticket=ticket_id,
        detail={"connector": connector, "reason": reason, "candidates": [each.id for each in candidates]},
    )


def open_entries(records: Records) -> tuple[QuarantineEntry, ...]:
    """List what waits for a person, the longest waiting first."""
    query = select(quarantine).where(quarantine.c.state == QuarantineState.OPEN).order_by(quarantine.c.place)
    with records.reading() as connection:
        return tuple(_entry(row) for row in connection.execute(query))


def resolve(transaction: Transaction, ticket_id: str, tenant: Reference, rule: IdentityRule | None) -> None:
    """Settle whose ticket it is, remember the rule if there is one, and put the ticket back into the queue.

    Raises LookupError where the ticket is not held.
    """
    query = select(quarantine).where(quarantine.c.ticket_id == ticket_id, quarantine.c.state == QuarantineState.OPEN)
    rows = transaction.connection.execute(query).all()
    if not rows:
        raise LookupError(f"ticket {ticket_id} is not in quarantine")
    if rule is not None:
        remember(transaction, rule)
    for row in rows:
        key = {"connector": row.connector, "ticket_id": ticket_id}
        settled = {"state": QuarantineState.RESOLVED, "tenant_id": tenant.id, "tenant_name": tenant.name}
        transaction.update(quarantine, key, settled)
        transaction.audit(
            "quarantine.resolved", tenant=tenant.id, ticket=ticket_id, detail={"connector": row.connector}
        )
        work.release(transaction, row.connector, ticket_id, f"{transaction.actor} said whose it is")


def resolution(records: Records, connector: str, ticket_id: str) -> Reference | None:
    """Return the tenant a person named for this very ticket."""
    query = select(quarantine).where(
        quarantine.c.connector == connector,
        quarantine.c.ticket_id == ticket_id,
        quarantine.c.state == QuarantineState.RESOLVED,
    )
    with records.reading() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Reference(row.tenant_id, row.tenant_name)


def remember(transaction: Transaction, rule: IdentityRule) -> None:
    """Keep a rule, in place of an earlier one about the same address, domain or device. Case does not matter."""
    key = {"kind": rule.kind, "value": rule.value.strip().lower()}
    transaction.put(identity_rules, key, {"tenant_id": rule.tenant.id, "tenant_name": rule.tenant.name})
    transaction.audit("identity.rule_made", tenant=rule.tenant.id, detail={**key})


def rules(records: Records) -> tuple[IdentityRule, ...]:
    """List every rule, by kind and value; values are lower case."""
    query = select(identity_rules).order_by(identity_rules.c.kind, identity_rules.c.value)
    with records.reading() as connection:
        return tuple(
            IdentityRule(row.kind, row.value, Reference(row.tenant_id, row.tenant_name))
            for row in connection.execute(query)
        )


def _entry(row: Row[Any]) -> QuarantineEntry:
    return QuarantineEntry(
        connector=row.connector,
        ticket_id=row.ticket_id,
        held_at=datetime.fromisoformat(row.held_at),
        reason=row.reason,
        suggestion=row.suggestion,
        candidates=_CANDIDATES.validate_json(row.candidates),
        evidence=_EVIDENCE.validate_json(row.evidence),
    )
