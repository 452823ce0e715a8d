"""Where a flow itself waits: for a moment, or until somebody approves of going on knowing what was done so far."""

from datetime import datetime, timedelta
from typing import Any

from deskhand.automation.flow import AskApproval, block_at
from deskhand.automation.plan import Plan
from deskhand.automation.rules import ApproverRole
from deskhand.governance import approval
from deskhand.governance.standing import NOBODY
from deskhand.records import accounts, approvals, runs
from deskhand.records.accounts import Role
from deskhand.records.approvals import Approval, Way
from deskhand.records.database import Transaction
from deskhand.records.runs import Run, RunState, Wait, WaitKind
from deskhand.workflow.course import PASSED, TURNED_AWAY, Ask, Rest, moment_of, results_sha256
from deskhand.workflow.journal import ACTOR, Journal, RunRefusedError


def rest(journal: Journal, run_id: str, segment: int, upcoming: Rest, now: datetime) -> None:
    """Let a run wait for the moment its flow names."""
    moment = moment_of(upcoming.delay, now)
    text = f"It goes on at {moment:%Y-%m-%d %H:%M} UTC"
    wait = Wait(kind=WaitKind.MOMENT, position=upcoming.position, text=text, until=moment)
    journal.park(run_id, segment, wait)


def ask_approval(journal: Journal, run_id: str, segment: int, plan: Plan, upcoming: Ask) -> None:
    """Let a run wait for a decision: the request and the wait are one commit."""
    rule = upcoming.block.ask_approval
    with journal.records.transaction(ACTOR) as transaction:
        run = journal.own(transaction, run_id, segment)
        first = approvals.find_in(transaction, run.approval_id) if run.approval_id is not None else None
        expires = transaction.clock() + timedelta(minutes=rule.expires_minutes)
        asked = approval.request(
            transaction,
            plan,
            by=plan.requested_by,
            expires=expires,
            approvers=_who(transaction, first, rule.role),
            managers=frozenset(first.managers) if first is not None else frozenset(),
            quorum=max(rule.quorum, first.quorum if first is not None else 1),
            way=Way(run_id=run.id, position=upcoming.position, results_sha256=results_sha256(run)),
        )
        text = f"Somebody else has to approve of going on: {asked.id}"
        wait = Wait(kind=WaitKind.APPROVAL, position=upcoming.position, approval_id=asked.id, text=text, until=expires)
        journal.wait(transaction, run, segment, wait)


def go_on_after(transaction: Transaction, journal: Journal, plan: Plan, decided: Approval) -> Run:
    """Use an approval on the way: the run goes on, and what comes after is done by it.

    Raises ApprovalRefusedError where it does not hold, RunRefusedError where the run does not wait for it any more.
    """
    run = _waiting(transaction, decided)
    if decided.way is None or decided.way.results_sha256 != results_sha256(run):
        raise RunRefusedError(f"what run {run.id} has done is not what was approved: cancel it")
    used = approval.redeem(transaction, decided.id, plan)
    return _mark(
        transaction, journal, run, PASSED, kind="run.approved", approval_id=used.id, approved_by=used.decided_by
    )


def turn_away(transaction: Transaction, journal: Journal, plan: Plan, decided: Approval) -> Run | None:
    """Have a run take the way for a request that was denied, withdrawn or came to its end; None where it is over.

    Where its flow names no such way, the run ends.
    """
    try:
        run = _waiting(transaction, decided)
    except RunRefusedError:
        return None
    wait = run.waits_for
    block = block_at(plan.course, wait.position) if wait is not None else None
    has_way = isinstance(block, AskApproval) and bool(block.otherwise)
    ends_as = run.ends_as if has_way else RunState.CANCELLED
    return _mark(transaction, journal, run, TURNED_AWAY, kind="run.turned_away", ends_as=ends_as)


def _waiting(transaction: Transaction, decided: Approval) -> Run:
    way = decided.way
    run = runs.current(transaction, way.run_id) if way is not None else None
    if run is None or way is None:
        raise RunRefusedError(f"approval {decided.id} is about no run that is under way")
    wait = run.waits_for
    if run.state is not RunState.WAITING or wait is None or wait.approval_id != decided.id:
        raise RunRefusedError(f"run {run.id} does not wait for approval {decided.id}")
    return run


def _mark(transaction: Transaction, journal: Journal, run: Run, mark: str, *, kind: str, **values: Any) -> Run:  # noqa: ANN401  # fields of a run
    wait = run.waits_for
    position = wait.position if wait is not None else ""
    return journal.go_on(transaction, run, kind, {"at": position}, marks={**run.marks, position: mark}, **values)


def _who(transaction: Transaction, first: Approval | None, role: ApproverRole) -> frozenset[str]:
    """Say who alone may decide: whoever could about the run as a whole, and an admin where the flow asks for one."""
    named = frozenset(first.approvers) if first is not None else frozenset()
    if role is not ApproverRole.ADMIN:
        return named
    everyone = accounts.everyone_in(transaction)
    able = {each.name for each in everyone if each.has(Role.ADMIN) and each.has(Role.APPROVER)}
    return frozenset(able & named if named else able) or frozenset({NOBODY})
