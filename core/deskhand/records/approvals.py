"""Requests for a decision on a plan, every vote on them, and what became of each."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, Field, JsonValue
from sqlalchemy import select

from deskhand.records.canonical import canonical_json, read_time, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.rows import Value
from deskhand.records.schema import approvals

MOST_VOTES = 5
"""No request waits for more approvers than this: an MSP would wait for ever."""


class ApprovalState(StrEnum):
    """Where a request stands. It ends in one of the last four."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    USED = "used"
    WITHDRAWN = "withdrawn"


class Vote(StoredDocument):
    """What one person said to a request. Names are account names in their one spelling."""

    by: str
    verdict: Literal["approve", "deny"]
    at: AwareDatetime
    on_behalf_of: str | None = None
    """Whose approving they exercised as a delegate; None where it was their own."""
    comment: str = ""

    @property
    def right_of(self) -> str:
        """Name the account whose right to approve was exercised."""
        return self.on_behalf_of or self.by


class Way(StoredDocument):
    """Where a run waits for a decision on going on, and what it had done by then."""

    run_id: str
    position: str
    results_sha256: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for a decision about exactly one plan; ``approvers``, where it names any, are who may give it.

    It takes as many votes of different people as ``quorum`` says. ``decided_by`` is whose vote decided it.
    """

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
    quorum: int = 1
    managers: tuple[str, ...] = ()
    """The accounts of which one has to be among those who approve; none named: it takes no manager."""
    votes: tuple[Vote, ...] = ()
    """Every vote that was taken, the oldest first."""
    way: Way | None = None
    """Where a run waits for it; None where it is about the plan as a whole."""
    opened_by: tuple[str, ...] = ()
    """The accounts that have come to it by the link in the PSA's note."""


class _Document(StoredDocument):
    comment: str = ""
    approvers: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    quorum: int = Field(default=1, ge=1, le=MOST_VOTES)
    managers: tuple[str, ...] = ()
    votes: tuple[Vote, ...] = ()
    way: Way | None = None
    opened_by: tuple[str, ...] = ()


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
            "document": _written(approval),
            "place": transaction.next_seq,
        },
    )
    expires = written_time(approval.expires_at)
    detail: dict[str, JsonValue] = {
        "expires": expires,
        "approvers": [*approval.approvers],
        "managers": [*approval.managers],
        "quorum": approval.quorum,
    }
    if approval.way is not None:
        detail |= {"run": approval.way.run_id, "at": approval.way.position}
    _audit(transaction, approval, "approval.requested", detail)


def vote(transaction: Transaction, approval: Approval, cast: Vote, to: ApprovalState) -> Approval:
    """Add a vote to a request that still waits, bring it to the state it then has, and return it as it is then.

    Raises LookupError where it is not as given any more: nobody's vote replaces another's.
    """
    _refuse_moved(transaction, approval)
    voted = replace(approval, state=to, votes=(*approval.votes, cast))
    if to is not ApprovalState.PENDING:
        voted = replace(voted, decided_by=cast.by, decided_at=cast.at, comment=cast.comment)
    decided_at = written_time(voted.decided_at) if voted.decided_at is not None else None
    decided: dict[str, Value] = {"decided_by": voted.decided_by, "decided_at": decided_at}
    transaction.update(approvals, {"id": approval.id}, {"state": to, "document": _written(voted), **decided})
    kind = "voted" if to is ApprovalState.PENDING else to.value
    said: dict[str, JsonValue] = {"by": cast.by, "on_behalf_of": cast.on_behalf_of, "comment": cast.comment}
    _audit(transaction, approval, f"approval.{kind}", {**said, "votes": len(voted.votes), "quorum": approval.quorum})
    return _present(transaction, approval.id)


def opened(transaction: Transaction, approval: Approval, *, by: str) -> Approval:
    """Keep that an account has come to a request by its link, and return it as it is then. Raises LookupError."""
    _refuse_moved(transaction, approval)
    document = _written(replace(approval, opened_by=(*approval.opened_by, by)))
    transaction.update(approvals, {"id": approval.id}, {"document": document})
    _audit(transaction, approval, "approval.link_opened", {"by": by})
    return _present(transaction, approval.id)


def move(transaction: Transaction, approval: Approval, to: ApprovalState) -> Approval:
    """Bring a request that is still as given to another state without a vote, and return it as it is then.

    Raises LookupError where it is not as given any more.
    """
    _refuse_moved(transaction, approval)
    transaction.update(approvals, {"id": approval.id}, {"state": to})
    _audit(transaction, approval, f"approval.{to.value}", {})
    return _present(transaction, approval.id)


def _present(transaction: Transaction, approval_id: str) -> Approval:
    found = find_in(transaction, approval_id)
    if found is None:
        raise LookupError(f"there is no approval {approval_id}")
    return found


def _refuse_moved(transaction: Transaction, approval: Approval) -> None:
    if _present(transaction, approval.id) != approval:
        raise LookupError(f"approval {approval.id} is no longer {approval.state.value}, or somebody has voted since")


def find(records: Records, approval_id: str) -> Approval | None:
    """Look up a request."""
    row = records.find(approvals, {"id": approval_id})
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


def _audit(transaction: Transaction, approval: Approval, kind: str, detail: Mapping[str, JsonValue]) -> None:
    about: dict[str, JsonValue] = {
        "approval": approval.id,
        "plan": approval.plan_id,
        "plan_sha256": approval.plan_sha256,
    }
    transaction.audit(kind, tenant=approval.tenant_id, ticket=approval.ticket_id, detail={**about, **detail})


def _written(approval: Approval) -> str:
    document = _Document(
        comment=approval.comment,
        approvers=approval.approvers,
        own=approval.own,
        quorum=approval.quorum,
        managers=approval.managers,
        votes=approval.votes,
        way=approval.way,
        opened_by=approval.opened_by,
    )
    return canonical_json(document.model_dump(mode="json"))


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
        quorum=document.quorum,
        managers=document.managers,
        votes=document.votes,
        way=document.way,
        opened_by=document.opened_by,
    )
