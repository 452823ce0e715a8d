"""Carries out plans as runs that survive the process: each change at most once, each run to its end.

A decision about a run (to begin it, to answer it, to stop, repeat or undo it) is one transaction: the run's row, the
audit entry and the queued segment that follows from it.
"""

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

import structlog
from pydantic import JsonValue, SecretStr

from deskhand.automation import plans
from deskhand.automation.plan import Plan, SourceKind
from deskhand.governance import approval
from deskhand.records import effects, runs
from deskhand.records.approvals import Approval
from deskhand.records.database import Records, Transaction
from deskhand.records.runs import Run, RunState, StepRecord, StepState, WaitKind
from deskhand.sdk.actions import AnyAction, Tier
from deskhand.sdk.clock import Clock
from deskhand.sdk.models import TenantContext
from deskhand.sdk.roles import Connector
from deskhand.workflow import tables, waits
from deskhand.workflow.attempts import Attempts, Envelope, Patience
from deskhand.workflow.calls import Observer, unobserved
from deskhand.workflow.executors import Executor
from deskhand.workflow.gate import Gate
from deskhand.workflow.handover import Handover
from deskhand.workflow.journal import Journal, Queue, RunRefusedError
from deskhand.workflow.pulse import Company
from deskhand.workflow.repeating import to_repeat
from deskhand.workflow.segments import Port, Segments
from deskhand.workflow.turn import key_of
from deskhand.workflow.undoing import obstacle_to_undo, reversible
from deskhand.workflow.watch import Fates, Watch

if TYPE_CHECKING:
    from deskhand.workflow.durable import Durable

__all__ = ["Patience", "RunEngine", "RunRefusedError"]

log = structlog.get_logger(__name__)


class Carrier(Queue, Port, Fates, Protocol):
    """What keeps segments, and carries them out once it is launched."""

    def launch(self, segment: Callable[[str, int], None], attempt: Callable[[str, int, str], Envelope]) -> None:
        """Carry out segments from now on, and attempts for others, beginning with those a dead process left."""
        ...

    def close(self, *, patience: float = 10.0) -> None:
        """Wait, for so many seconds at most, for what is being carried out, and let go of everything."""
        ...


def new_run_id() -> str:
    """Return an identifier no other run has."""
    return f"r-{secrets.token_hex(8)}"


@dataclass(slots=True, kw_only=True)
class RunEngine:
    """The runs of one desk. Thread-safe; one launched engine a process.

    ``contexts`` says whose a ticket is now; it raises RefusedError where that is not certain. ``actions`` finds an
    action by its name and raises LookupError. Whoever only submits, answers or decides needs no `launch`: the segments
    wait for the process that does. Nothing of DBOS is imported before it is needed.
    """

    records: Records
    url: str
    gate: Gate
    actions: Callable[[str], AnyAction]
    connectors: Mapping[str, Connector]
    contexts: Callable[[str], TenantContext]
    clock: Clock
    patience: Patience = field(default_factory=Patience)
    carrier: Callable[[], Carrier] | None = None
    """Makes what carries segments out, in place of DBOS."""
    me: Executor | None = None
    """Which process this is among those that carry out runs of the same store; the desk unless said otherwise."""
    company: Company | None = None
    new_id: Callable[[], str] = new_run_id
    at: Observer = unobserved
    handover: Handover = field(init=False)
    _journal: Journal = field(init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _carrier: Carrier | None = field(default=None, init=False)
    _watch: Watch | None = field(default=None, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    def __post_init__(self) -> None:
        """Join the parts, and make the durable engine's tables where there are none."""
        leak = self.gate.governing.leak
        self.handover = Handover(self.clock, leak.scanner if leak is not None else None)
        self._journal = Journal(self.records, self._queue, self.at)
        if self.carrier is None and not tables.are_there(self.records):
            _durable().migrate(self.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # Lifetime

    def launch(self) -> None:
        """Carry out runs from now on, beginning with those a dead process left. Launching twice changes nothing."""
        with self._lock:
            if self._watch is not None:
                return
            carrier = self._queue()
            attempts = self._attempts()
            segments = Segments(carrier, self._journal, attempts, self.patience.store_pause, self.at)
            watch = Watch(self.records, self._journal, carrier, self.gate.governing.switch)
            carrier.launch(segments.carry_out, attempts.make)
            watch.look()
            watch.start()
            self._watch = watch

    def close(self, *, patience: float = 10.0) -> None:
        """Stop before the next step of each run, which the next process takes up, and let go of everything."""
        self._stopping.set()
        if self._watch is not None:
            self._watch.stop()
        if self._carrier is not None:
            self._carrier.close(patience=patience)
            self._carrier = None

    # Decisions

    def submit(
        self, transaction: Transaction, plan: Plan, *, approval_id: str | None = None, is_shadow: bool = False
    ) -> Run:
        """Begin a run of a plan and return it, queued. The approval, where one is given, is used by it.

        Raises ApprovalRefusedError where the approval does not hold, RunRefusedError where the plan cannot run.
        """
        _refuse_unfit(plan, has_approval=approval_id is not None or is_shadow)
        if not plans.is_kept(transaction, plan):
            plans.save(transaction, plan)
        used = approval.redeem(transaction, approval_id, plan) if approval_id is not None else None
        run = Run(
            id=self.new_id(),
            plan_id=plan.id,
            plan_sha256=plan.sha256(),
            ticket_id=plan.ticket_id,
            tenant_id=plan.tenant.id,
            automation=plan.automation.name if plan.automation is not None else "",
            steps=tuple(StepRecord(id=step.id, action=step.action) for step in plan.steps),
            requested_by=plan.requested_by,
            approval_id=approval_id,
            approved_by=used.decided_by if used is not None else None,
            started_at=transaction.clock(),
            is_shadow=is_shadow,
        )
        return self._journal.start(transaction, run)

    def go_on(self, transaction: Transaction, decided: Approval) -> Run:
        """Carry on the run that waits for a decision, by an approval somebody has given; it is used by that.

        Raises ApprovalRefusedError where it does not hold, RunRefusedError where the run does not wait for it.
        """
        return waits.go_on_after(transaction, self._journal, self._plan(decided.plan_id), decided)

    def turn_away(self, transaction: Transaction, decided: Approval) -> Run | None:
        """Have the run that waits for a decision take its other way, or end: nobody approves of going on.

        Returns None where no run waits for it any more.
        """
        return waits.turn_away(transaction, self._journal, self._plan(decided.plan_id), decided)

    def answer(self, run_id: str, step_id: str, value: SecretStr, *, by: str) -> Run:
        """Give a waiting run what a person typed; it is in memory alone, of the process that carries the run out.

        Raises RunRefusedError where the run does not wait for this step's answer, or this is not that process.
        """
        if self._watch is None:
            raise RunRefusedError(
                "an answer is in memory alone: give it to the desk that runs, in the panel, once it has started"
            )
        with self._deciding(run_id, by) as (transaction, run):
            wait = run.waits_for
            if wait is None or wait.kind is not WaitKind.PROMPT or wait.step_id != step_id:
                raise RunRefusedError(f"run {run_id} does not wait for an answer to {step_id}")
            self.handover.answer(run_id, step_id, value)  # where the commit fails, the next answer takes its place
            return self._journal.go_on(transaction, run, "run.answered", {"step": step_id, "by": by})

    def cancel(self, run_id: str, *, by: str) -> Run:
        """Stop a run before its next step; what was done stays done. Raises RunRefusedError where it is over."""
        with self._deciding(run_id, by) as (transaction, run):
            if run.state.is_over:
                raise RunRefusedError(f"run {run_id} is over: it is {run.state.value}")
            if run.state is RunState.WAITING and not run.branches:
                return self._journal.go_on(transaction, run, "run.cancel_asked", {"by": by}, cancelled_by=by)
            asked = run.model_copy(update={"cancelled_by": by})
            saved = runs.save(transaction, asked, "run.cancel_asked", {"by": by})
            return self._journal.drop_branches(transaction, saved) if run.branches else saved

    def hold(self, run_id: str, *, by: str) -> Run:
        """Have a run wait before its next step until it is let go. Raises RunRefusedError where it is over or held."""
        with self._deciding(run_id, by) as (transaction, run):
            if run.state.is_over:
                raise RunRefusedError(f"run {run_id} is over: it is {run.state.value}")
            if run.held_by is not None:
                raise RunRefusedError(f"{run.held_by} holds run {run_id} already")
            return runs.save(transaction, run.model_copy(update={"held_by": by}), "run.held", {"by": by})

    def let_go(self, run_id: str, *, by: str) -> Run:
        """Have a run that is held go on. Raises RunRefusedError where nobody holds it."""
        with self._deciding(run_id, by) as (transaction, run):
            if run.held_by is None:
                raise RunRefusedError(f"nobody holds run {run_id}")
            free = run.model_copy(update={"held_by": None})
            lanes = [lane for lane, wait in run.waits if wait.kind is WaitKind.HOLD]
            saved = runs.save(transaction, free, "run.let_go", {"by": by})
            for lane in lanes:
                saved = self._journal.go_on(transaction, saved, "run.released", lane=lane)
            return saved

    def retry(self, run_id: str, *, by: str, from_step: str | None = None) -> Run:
        """Take up a run at the step that failed; what was done is not done again.

        From ``from_step`` on, where it is given, what only read is read anew, with what it decided. Raises
        RunRefusedError where nothing is to be repeated.
        """
        plan = self._plan_of(run_id)
        with self._deciding(run_id, by) as (transaction, run):
            if run.state not in {RunState.FAILED, RunState.CANCELLED, RunState.NEEDS_REVIEW}:
                raise RunRefusedError(f"run {run_id} is {run.state.value}: only what failed or was stopped is repeated")
            if not run.undoing and run.having(StepState.UNDONE):
                raise RunRefusedError(f"something of run {run_id} was undone: make a new plan")
            again = to_repeat(run, plan, from_step)
            detail: dict[str, JsonValue] = {"by": by, "from": from_step}
            return self._journal.go_on(transaction, again, "run.retry_asked", detail, cancelled_by=None, held_by=None)

    def undo(self, run_id: str, *, by: str, step_id: str | None = None) -> Run:
        """Put back what a run changed, newest first, or one step of it, from the state captured before each change.

        Raises RunRefusedError, saying why, where there is nothing that can be undone.
        """
        plan = self._plan_of(run_id)
        with self._deciding(run_id, by) as (transaction, run):
            steps = _to_undo(run, plan, step_id, transaction.clock())
            is_all = set(reversible(run, plan, transaction.clock())) == set(steps) and not run.having(StepState.UNKNOWN)
            ends_as = RunState.UNDONE if is_all else run.state
            detail: dict[str, JsonValue] = {"by": by, "steps": list(steps)}
            values: dict[str, Any] = {"undoing": steps, "undone_by": by, "cancelled_by": None, "ends_as": ends_as}
            return self._journal.go_on(transaction, run, "run.undo_asked", detail, **values)

    def settle(self, run_id: str, step_id: str, *, by: str, is_done: bool) -> Run:
        """Say what a person found at the vendor about a step whose outcome is unknown; then the run can be repeated.

        Raises RunRefusedError where nothing is unknown of that step.
        """
        with self._deciding(run_id, by) as (transaction, run):
            if run.state is not RunState.NEEDS_REVIEW or run.step(step_id).state is not StepState.UNKNOWN:
                raise RunRefusedError(f"nothing is unknown of step {step_id} of run {run_id}")
            is_undo = step_id in run.undoing
            _settle_effect(transaction, key_of(run_id, step_id, is_undo=is_undo), by, is_done=is_done)
            was, becomes = (StepState.DONE, StepState.UNDONE) if is_undo else (StepState.FAILED, StepState.DONE)
            settled = run.with_step(step_id, state=becomes if is_done else was, error="", cause=None, ring="")
            settled = settled.model_copy(update={"state": RunState.FAILED})
            return runs.save(transaction, settled, "step.settled", {"step": step_id, "is_done": is_done, "by": by})

    # Parts

    @contextmanager
    def _deciding(self, run_id: str, by: str) -> Iterator[tuple[Transaction, Run]]:
        with self.records.transaction(by) as transaction:
            yield transaction, runs.current(transaction, run_id)
            self.at("decision: committing", run_id)
        self.at("decision: committed", run_id)

    def _queue(self) -> Carrier:
        if self._carrier is not None:
            return self._carrier
        with self._lock:
            if self._carrier is None:
                self._carrier = (
                    self.carrier()
                    if self.carrier is not None
                    else _durable()(self.url, me=self.me, company=self.company)
                )
            return self._carrier

    def _attempts(self) -> Attempts:
        return Attempts(
            records=self.records,
            journal=self._journal,
            gate=self.gate,
            handover=self.handover,
            actions=self.actions,
            connectors=self.connectors,
            contexts=self.contexts,
            clock=self.clock,
            patience=self.patience,
            stopping=self._stopping,
        )

    def _plan_of(self, run_id: str) -> Plan:
        run = runs.find(self.records, run_id)
        if run is None:
            raise RunRefusedError(f"there is no run {run_id}")
        return self._plan(run.plan_id)

    def _plan(self, plan_id: str) -> Plan:
        plan = plans.find(self.records, plan_id)
        if plan is None:
            raise RunRefusedError(f"there is no plan {plan_id}")
        return plan


def _durable() -> "type[Durable]":
    from deskhand.workflow.durable import Durable  # noqa: PLC0415  # importing DBOS takes a second

    return Durable


def _refuse_unfit(plan: Plan, *, has_approval: bool) -> None:
    for step in plan.steps:
        prompts = [each for each in step.arguments.values() if each.source is SourceKind.PROMPT]
        if len(prompts) > 1:
            raise RunRefusedError(f"step {step.id} asks for {len(prompts)} answers, and a run asks for one at a time")
    if plan.tier >= Tier.NEVER_AUTOMATED:
        raise RunRefusedError(f"plan {plan.id} holds what is never automated: a person does that")
    if plan.tier >= Tier.HARD_GATE and not has_approval:
        raise RunRefusedError(f"plan {plan.id} needs an approval")


def _settle_effect(transaction: Transaction, key: str, by: str, *, is_done: bool) -> None:
    if is_done:
        effects.record(transaction, key, {"reference": "", "detail": {"settled_by": by}})
    else:
        effects.fail(transaction, key, f"{by} found nothing of it", is_unchanged=True)


def _to_undo(run: Run, plan: Plan, step_id: str | None, now: datetime) -> tuple[str, ...]:
    if not run.state.is_over:
        raise RunRefusedError(f"run {run.id} is not over: cancel it first")
    if step_id is None:
        steps = reversible(run, plan, now)
        if not steps:
            raise RunRefusedError(f"nothing of run {run.id} can be undone")
        return steps
    if run.step(step_id).state is not StepState.DONE:
        raise RunRefusedError(f"step {step_id} of run {run.id} is {run.step(step_id).state.value}, not done")
    obstacle = obstacle_to_undo(run, plan, step_id, now)
    if obstacle is not None:
        raise RunRefusedError(f"step {step_id} of run {run.id} cannot be undone: {obstacle}")
    return (step_id,)
