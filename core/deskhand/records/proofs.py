"""Who has proven who they are, for which plan, and every attempt that failed."""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select

from deskhand.records.canonical import read_time, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.schema import proofs


class ProofState(StrEnum):
    """What became of an attempt to prove who someone is."""

    PROVEN = "proven"
    USED = "used"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Proof:
    """One attempt of one person (a PSA contact) on one ticket, for one plan; ``method`` names how.

    ``provider`` is the connector by which it was made, ``unchanged_since`` since when the number had been theirs.
    """

    id: str
    person_id: str
    ticket_id: str
    tenant_id: str
    plan_id: str
    method: str
    proven_at: datetime
    state: ProofState
    provider: str = ""
    unchanged_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What someone showed, or failed to show: who, on which ticket, for which plan, by what and by whose service."""

    person_id: str
    ticket_id: str
    tenant_id: str
    plan_id: str
    method: str
    provider: str = ""
    unchanged_since: datetime | None = None


def add(transaction: Transaction, shown: Shown, state: ProofState) -> Proof:
    """Keep an attempt under a new id, made just now."""
    since = shown.unchanged_since
    values = {
        **asdict(shown),
        "id": f"i-{secrets.token_hex(8)}",
        "proven_at": written_time(transaction.clock()),
        "state": state,
        "unchanged_since": None if since is None else written_time(since),
    }
    transaction.insert(proofs, values)
    said = {name: values[name] for name in ("id", "person_id", "plan_id", "method", "provider", "unchanged_since")}
    transaction.audit(f"proof.{state.value}", tenant=shown.tenant_id, ticket=shown.ticket_id, detail=said)
    return _proof(transaction.connection.execute(select(proofs).where(proofs.c.id == values["id"])).one())


def use(transaction: Transaction, proof_id: str) -> Proof:
    """Mark a proof as used and return it; once used it stays so. Raises LookupError where nothing was proven."""
    row = transaction.find(proofs, {"id": proof_id})
    if row is None or row["state"] == ProofState.FAILED:
        raise LookupError(f"there is no proof {proof_id}")
    if row["state"] == ProofState.PROVEN:
        transaction.update(proofs, {"id": proof_id}, {"state": ProofState.USED})
        said = {"id": proof_id, "person_id": row["person_id"], "plan_id": row["plan_id"]}
        transaction.audit("proof.used", tenant=str(row["tenant_id"]), ticket=str(row["ticket_id"]), detail=said)
    query = select(proofs).where(proofs.c.id == proof_id)
    return _proof(transaction.connection.execute(query).one())


def of_plan(records: Records, plan_id: str) -> tuple[Proof, ...]:
    """List the attempts for a plan, the newest first."""
    query = select(proofs).where(proofs.c.plan_id == plan_id).order_by(proofs.c.proven_at.desc(), proofs.c.id)
    with records.reading() as connection:
        return tuple(_proof(row) for row in connection.execute(query))


def failures(connection: Connection, person_id: str, ticket_id: str) -> int:
    """Count the attempts of a person on a ticket that failed, whatever plan they were for."""
    query = (
        select(func.count())
        .select_from(proofs)
        .where(proofs.c.person_id == person_id, proofs.c.ticket_id == ticket_id, proofs.c.state == ProofState.FAILED)
    )
    return int(connection.execute(query).scalar_one())


def _proof(row: Row[Any]) -> Proof:
    return Proof(
        id=row.id,
        person_id=row.person_id,
        ticket_id=row.ticket_id,
        tenant_id=row.tenant_id,
        plan_id=row.plan_id,
        method=row.method,
        proven_at=datetime.fromisoformat(row.proven_at),
        state=ProofState(row.state),
        provider=row.provider,
        unchanged_since=read_time(row.unchanged_since),
    )
