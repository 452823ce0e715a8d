"""Approvals: a single-use, expiring capability over one plan's hash, given by people other than who asked.

All of it happens in the caller's transaction. The record store lets one writer in at a time, so what is read here is
still so when it is written: of two people who decide at the same moment one is told that it is decided.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from deskhand.automation.plan import Plan
from deskhand.governance.approval_text import text
from deskhand.governance.votes import Electorate, Objection, RefusedBecause
from deskhand.records import approvals
from deskhand.records.accounts import AUTOMATION, Account, account_name
from deskhand.records.approvals import Approval, ApprovalState, Vote, Way
from deskhand.records.database import Transaction
from deskhand.records.schema import automation_versions

__all__ = [
    "LASTS",
    "Approval",
    "ApprovalRefusedError",
    "ApprovalState",
    "RefusedBecause",
    "Verdict",
    "decide",
    "expire",
    "note_refusal",
    "redeem",
    "request",
    "text",
    "withdraw",
]

LASTS = timedelta(hours=24)
"""How long a request waits for a decision, and the decision for its use, unless the request says otherwise."""


class Verdict(StrEnum):
    """What a person decides."""

    APPROVE = "approve"
    DENY = "deny"


class ApprovalRefusedError(Exception):
    """An approval is not taken or not honoured; the message says why, fit for a person."""

    def __init__(self, because: RefusedBecause, message: str, approval: Approval | None = None) -> None:
        """Keep what it was about, for the record."""
        super().__init__(message)
        self.because = because
        self.approval = approval


def request(  # noqa: PLR0913  # each is a condition of its own
    transaction: Transaction,
    plan: Plan,
    *,
    by: str,
    expires: datetime | None = None,
    approvers: frozenset[str] = frozenset(),
    quorum: int = 1,
    managers: frozenset[str] = frozenset(),
    way: Way | None = None,
) -> Approval:
    """Ask for a decision about a plan and return the request.

    ``by`` is the account that submits it; neither it nor who asked for the plan can decide. ``approvers``, where any
    are named, are the only accounts that can, or that a delegate can decide for. It takes ``quorum`` different people,
    one of the ``managers`` among them where any are named. ``way`` says where a run waits for it.
    """
    now = transaction.clock()
    asked = Approval(
        id=approvals.new_id(),
        plan_id=plan.id,
        plan_sha256=plan.sha256(),
        ticket_id=plan.ticket_id,
        tenant_id=plan.tenant.id,
        requested_by=plan.requested_by,
        state=ApprovalState.PENDING,
        requested_at=now,
        expires_at=expires or now + LASTS,
        approvers=tuple(sorted(map(account_name, approvers))),
        own=_whose_own(transaction, plan, by),
        quorum=quorum,
        managers=tuple(sorted(map(account_name, managers))),
        way=way,
    )
    approvals.add(transaction, asked)
    return asked


def decide(
    transaction: Transaction,
    approval_id: str,
    *,
    by: Account,
    plan_sha256: str,
    verdict: Verdict,
    comment: str = "",
    on_behalf_of: str | None = None,
) -> Approval:
    """Vote on a pending request and return it as it is then: still pending where it takes more people to approve it.

    ``plan_sha256`` is of the plan that was read. ``on_behalf_of`` names whose delegate votes; where it is left out, the
    voter votes for themselves if they may, else as the delegate they are. One denial ends it. Raises
    ApprovalRefusedError, changing nothing.
    """
    approval = _found(transaction, approval_id)
    if approval.state is not ApprovalState.PENDING:
        raise _refusal(RefusedBecause.NOT_PENDING, f"it is {approval.state.value} already", approval)
    _refuse_expired(transaction, approval)
    if plan_sha256 != approval.plan_sha256:
        raise _refusal(
            RefusedBecause.OTHER_PLAN, "the plan you read is not the one that waits: read it again", approval
        )
    electorate = _electorate(transaction)
    cast = _vote(electorate, approval, by, verdict, on_behalf_of, transaction.clock(), comment)
    if verdict is Verdict.DENY:
        return approvals.vote(transaction, approval, cast, ApprovalState.DENIED)
    is_enough = electorate.is_enough(approval, (*electorate.holding(approval), cast))
    to = ApprovalState.APPROVED if is_enough else ApprovalState.PENDING
    return approvals.vote(transaction, approval, cast, to)


def redeem(transaction: Transaction, approval_id: str, plan: Plan) -> Approval:
    """Use an approval for the plan it is about, once, and return it. Everything is checked again.

    Raises ApprovalRefusedError, changing nothing.
    """
    approval = _found(transaction, approval_id)
    if approval.state is not ApprovalState.APPROVED:
        raise _not_approved(approval)
    _refuse_expired(transaction, approval)
    if (approval.ticket_id, approval.tenant_id) != (plan.ticket_id, plan.tenant.id):
        raise _refusal(RefusedBecause.OTHER_TICKET, "it was given for another ticket or client", approval)
    if (approval.plan_id, approval.plan_sha256) != (plan.id, plan.sha256()):
        raise _refusal(RefusedBecause.OTHER_PLAN, "the plan is not the one that was approved, to the byte", approval)
    _refuse_too_few(_electorate(transaction), approval)
    return approvals.move(transaction, approval, ApprovalState.USED)


def withdraw(transaction: Transaction, approval_id: str, *, by: Account) -> Approval:
    """Take back a request, or an approval that was not used yet. Raises ApprovalRefusedError, changing nothing.

    Whoever asked may do so, and whoever could have decided.
    """
    approval = _found(transaction, approval_id)
    if approval.state not in {ApprovalState.PENDING, ApprovalState.APPROVED}:
        raise _refusal(RefusedBecause.NOT_PENDING, f"it is {approval.state.value} already", approval)
    if account_name(by.name) not in approval.own:
        _refuse(_electorate(transaction).objection(approval, account_name(by.name)), approval)
    return approvals.move(transaction, approval, ApprovalState.WITHDRAWN)


def expire(transaction: Transaction) -> tuple[Approval, ...]:
    """Bring to an end what waited too long, and return it, so that what depends on it can be ended too."""
    late = approvals.overdue(transaction, now=transaction.clock())
    return tuple(approvals.move(transaction, each, ApprovalState.EXPIRED) for each in late)


def note_refusal(transaction: Transaction, error: ApprovalRefusedError) -> None:
    """Put on the record that an approval was refused: in a transaction of its own, as the one it was in is undone."""
    approval = error.approval
    about = {} if approval is None else {"approval": approval.id, "plan": approval.plan_id}
    transaction.audit(
        "approval.refused",
        tenant="" if approval is None else approval.tenant_id,
        ticket="" if approval is None else approval.ticket_id,
        detail={**about, "because": error.because.value},
    )


def _whose_own(transaction: Transaction, plan: Plan, by: str) -> tuple[str, ...]:
    """Name the accounts that would decide about their own request: where an automation asks, its author's words run."""
    own = {account_name(plan.requested_by), account_name(by)}
    if plan.requested_by.startswith(AUTOMATION) and plan.automation is not None:
        pin = plan.automation
        row = transaction.find(automation_versions, {"name": pin.name, "version": pin.version})
        own |= {account_name(str(row["author"]))} if row is not None else set()
    return tuple(sorted(own))


def _found(transaction: Transaction, approval_id: str) -> Approval:
    approval = approvals.find_in(transaction, approval_id)
    if approval is None:
        raise ApprovalRefusedError(RefusedBecause.UNKNOWN, "there is no such request for approval")
    return approval


def _refuse_expired(transaction: Transaction, approval: Approval) -> None:
    if transaction.clock() >= approval.expires_at:
        moment = f"{approval.expires_at:%Y-%m-%d %H:%M} UTC"
        raise _refusal(RefusedBecause.EXPIRED, f"it expired at {moment}: ask again", approval)


def _electorate(transaction: Transaction) -> Electorate:
    return Electorate.of(transaction.connection, transaction.clock())


def _vote(  # what a vote is made of
    electorate: Electorate,
    approval: Approval,
    by: Account,
    verdict: Verdict,
    on_behalf_of: str | None,
    at: datetime,
    comment: str,
) -> Vote:
    """Make a vote of what somebody said, by who they are now and not at sign-in. Raises ApprovalRefusedError."""
    name = account_name(by.name)
    try:
        other = account_name(on_behalf_of) if on_behalf_of else electorate.right_of(approval, name)
    except LookupError as error:
        raise _refusal(RefusedBecause.NOT_ENTITLED, str(error), approval) from error
    other = None if other == name else other
    _refuse(electorate.objection(approval, name, other), approval)
    earlier = electorate.has_voted(approval, name, other)
    if verdict is Verdict.APPROVE and earlier is not None:
        words = f"the vote of {earlier} is theirs already, and one person counts once: someone else has to"
        raise _refusal(RefusedBecause.VOTED_ALREADY, words, approval)
    return Vote(by=name, verdict=verdict.value, at=at, on_behalf_of=other, comment=comment)


def _refuse_too_few(electorate: Electorate, approval: Approval) -> None:
    """Refuse an approval whose voters are not as many people as it takes, or may not approve it any more."""
    holding = electorate.holding(approval)
    if electorate.is_enough(approval, holding):
        return
    for each in approval.votes:
        _refuse(electorate.objection(approval, each.by, each.on_behalf_of), approval)
    manager = f", one of {' and '.join(approval.managers)} among them," if approval.managers else ""
    words = f"it takes {approval.quorum} different people{manager} and {electorate.count(holding)} approved it"
    raise _refusal(RefusedBecause.TOO_FEW, words, approval)


def _refuse(objection: Objection | None, approval: Approval) -> None:
    if objection is not None:
        raise _refusal(objection.because, objection.words, approval)


def _not_approved(approval: Approval) -> ApprovalRefusedError:
    reasons = {
        ApprovalState.USED: (RefusedBecause.USED, "it was used already, and serves once"),
        ApprovalState.DENIED: (RefusedBecause.DENIED, "it was denied"),
        ApprovalState.EXPIRED: (RefusedBecause.EXPIRED, "it has expired: ask again"),
    }
    because, words = reasons.get(approval.state, (RefusedBecause.NOT_APPROVED, f"it is {approval.state.value}"))
    return _refusal(because, words, approval)


def _refusal(because: RefusedBecause, words: str, approval: Approval) -> ApprovalRefusedError:
    return ApprovalRefusedError(because, f"approval {approval.id}: {words}", approval)
