"""Requests for a person's decision on a plan, and what became of each."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from deskhand.records.canonical import canonical_json, read_time, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.schema import approvals
from deskhand.records.transaction import Value


class ApprovalState(StrEnum):
    """Where a request stands. It ends in one of the last four."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    USED = "used"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for a decision about exactly one plan; ``approvers``, where it names any, are who may give it."""

    id: str
    plan_id: str
    plan_sha256: str
    ticket_id: str
    tenant_id: str
    requested_by: str
    state: ApprovalState
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    comment: str = ""
    approvers: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    """The accounts for whom this would be a decision about their own request."""


class _Document(StoredDocument):
    comment: str = ""
    approvers: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


def new_id() -> str:
    """Return an identifier nobody can guess."""
    return f"a-{secrets.token_hex(8)}"


def add(transaction: Transaction, approval: Approval) -> None:
    """Keep a new request. Raises IntegrityError where its id is taken."""
    transaction.insert(
        approvals,
        {
            "id": approval.id,
            "plan_id": approval.plan_id,
            "plan_sha256": approval.plan_sha256,
            "ticket_id": approval.ticket_id,
            "tenant_id": approval.tenant_id,
            "requested_by": approval.requested_by,
            "state": approval.state,
            "requested_at": written_time(approval.requested_at),
            "expires_at": written_time(approval.expires_at),
            "document": _written(approval.comment, approval.approvers, approval.own),
            "place": transaction.next_seq,
        },
    )
    detail = {"expires": written_time(approval.expires_at), "approvers": list(approval.approvers)}
    _audit(transaction, approval, "approval.requested", detail)


def move(
    transaction: Transaction, approval: Approval, to: ApprovalState, *, by: str | None = None, comment: str = ""
) -> Approval:
    """Bring a request that is still as given to another state, and return it as it is then.

    ``by`` is who decided, where it is a decision. Raises LookupError where it is no longer in the state given: nobody's
    decision replaces another's.
    """
    present = find_in(transaction, approval.id)
    if present is None or present.state is not approval.state:
        raise LookupError(f"approval {approval.id} is no longer {approval.state.value}")
    values: dict[str, Value] = {"state": to}
    if by is not None:
        document = _written(comment, present.approvers, present.own)
        values |= {"decided_by": by, "decided_at": written_time(transaction.clock()), "document": document}
    transaction.update(approvals, {"id": approval.id}, values)
    _audit(transaction, approval, f"approval.{to.value}", {"by": by, "comment": comment} if by is not None else {})
    moved = find_in(transaction, approval.id)
    assert moved is not None  # noqa: S101  # it was there a line ago
    return moved


def find(records: Records, approval_id: str) -> Approval | None:
    """Look up a request."""
    with records.reading() as connection:
        row = connection.execute(select(approvals).where(approvals.c.id == approval_id)).mappings().one_or_none()
    return None if row is None else _approval(row)


def find_in(transaction: Transaction, approval_id: str) -> Approval | None:
    """Look up a request as this transaction sees it."""
    row = transaction.find(approvals, {"id": approval_id})
    return None if row is None else _approval(row)


def listing(records: Records, state: ApprovalState | None = None, *, limit: int = 200) -> tuple[Approval, ...]:
    """List requests, newest first: all, or those in one state."""
    query = select(approvals).order_by(approvals.c.place.desc()).limit(limit)
    if state is not None:
        query = query.where(approvals.c.state == state)
    with records.reading() as connection:
        return tuple(_approval(row) for row in connection.execute(query).mappings())


def of_plan(records: Records, plan_id: str) -> tuple[Approval, ...]:
    """List the requests about a plan, newest first."""
    query = select(approvals).where(approvals.c.plan_id == plan_id).order_by(approvals.c.place.desc())
    with records.reading() as connection:
        return tuple(_approval(row) for row in connection.execute(query).mappings())


def overdue(transaction: Transaction, *, now: datetime) -> tuple[Approval, ...]:
    """List requests, decided or not, whose time has passed and that were not used, oldest first."""
    open_states = (ApprovalState.PENDING, ApprovalState.APPROVED)
    query = (
        select(approvals)
        .where(approvals.c.state.in_(open_states), approvals.c.expires_at <= written_time(now))
        .order_by(approvals.c.place)
    )
    return tuple(_approval(row) for row in transaction.connection.execute(query).mappings().all())


def _audit(transaction: Transaction, approval: Approval, kind: str, detail: Mapping[str, Any]) -> None:
    about = {"approval": approval.id, "plan": approval.plan_id, "plan_sha256": approval.plan_sha256}
    transaction.audit(kind, tenant=approval.tenant_id, ticket=approval.ticket_id, detail={**about, **detail})


def _written(comment: str, approvers: tuple[str, ...], own: tuple[str, ...]) -> str:
    return canonical_json(_Document(comment=comment, approvers=approvers, own=own).model_dump(mode="json"))


def _approval(row: Mapping[Any, Any]) -> Approval:
    document = _Document.model_validate_json(row["document"])
    return Approval(
        id=row["id"],
        plan_id=row["plan_id"],
        plan_sha256=row["plan_sha256"],
        ticket_id=row["ticket_id"],
        tenant_id=row["tenant_id"],
        requested_by=row["requested_by"],
        state=ApprovalState(row["state"]),
        requested_at=datetime.fromisoformat(row["requested_at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
        decided_by=row["decided_by"],
        decided_at=read_time(row["decided_at"]),
        comment=document.comment,
        approvers=document.approvers,
        own=document.own,
    )
