"""What a run writes down in the gate's transactions: that a step begins to change something, and what came of it."""

from dataclasses import dataclass, field

from pydantic import JsonValue, SecretStr

from deskhand.automation.plan import Plan, PlannedStep
from deskhand.governance import proof
from deskhand.governance.proof import ProofRefusedError
from deskhand.records import runs
from deskhand.records.database import Transaction
from deskhand.records.runs import RecordedChange, Run, StepState
from deskhand.sdk.actions import Inspection, Receipt
from deskhand.workflow.journal import CancelledError, Journal

TYPED = "•••"


def changes_of(inspection: Inspection, typed: SecretStr | None = None) -> tuple[RecordedChange, ...]:
    """Return the diff as it is kept: without what a person typed for it."""
    return tuple(
        RecordedChange(field=each.field, current=without(each.current, typed), desired=without(each.desired, typed))
        for each in inspection.changes
    )


def without(text: str, typed: SecretStr | None) -> str:
    """Return a text without what a person typed."""
    value = typed.get_secret_value() if typed is not None else ""
    return text.replace(value, TYPED) if value else text


@dataclass(slots=True)
class DoneWitness:
    """Sees a step carried out."""

    journal: Journal
    run_id: str
    segment: int
    plan: Plan
    step: PlannedStep
    step_id: str
    """The step's id in the run: of a repetition, where it is one."""
    typed: SecretStr | None = None
    left: Run | None = field(default=None, init=False)
    """The run as it was left when the step had been carried out."""

    def intends(self, transaction: Transaction, inspection: Inspection) -> None:
        """Keep the prior state and the diff. Raises CancelledError or SupersededError, and then nothing is sent."""
        run = _unstopped(self.journal.own(transaction, self.run_id, self.segment))
        now = transaction.clock()
        changed = run.with_step(
            self.step_id,
            state=StepState.RUNNING,
            prior_state=inspection.prior_state,
            changes=changes_of(inspection, self.typed),
            claimed_at=now,
            started_at=run.step(self.step_id).started_at or now,
        )
        runs.save(transaction, changed, "step.begun", {"step": self.step_id})

    def settled(self, transaction: Transaction, receipt: Receipt) -> None:
        """Keep what the vendor answered, also where the run has gone on without this segment."""
        run = runs.current(transaction, self.run_id)
        changed = run.with_step(
            self.step_id,
            state=StepState.DONE,
            reference=receipt.reference,
            detail=receipt.detail,
            attempts=run.step(self.step_id).attempts + 1,
            ended_at=transaction.clock(),
            error="",
            cause=None,
            ring="",
        )
        detail: dict[str, JsonValue] = {"step": self.step_id, "reference": receipt.reference}
        self.left = runs.save(transaction, changed, "step.done", detail)
        if self.step.proves_identity:
            self._prove(transaction)

    def stands(self, transaction: Transaction) -> None:
        """Make sure that the segment is still the run's. Raises SupersededError."""
        self.journal.own(transaction, self.run_id, self.segment)

    def _prove(self, transaction: Transaction) -> None:
        plan, shown = self.plan, proof.shown_by(self.plan, self.step)
        if shown is None:
            return
        try:
            proof.record(transaction, shown)
        except ProofRefusedError as refusal:
            detail = {"plan": plan.id, "person": shown.person_id, "reason": str(refusal)}
            transaction.audit("proof.refused", tenant=plan.tenant.id, ticket=plan.ticket_id, detail=detail)


@dataclass(slots=True)
class UndoneWitness:
    """Sees a step undone."""

    journal: Journal
    run_id: str
    segment: int
    step_id: str
    left: Run | None = field(default=None, init=False)
    """The run as it was left when the step had been undone."""

    def intends(self, transaction: Transaction, inspection: Inspection) -> None:
        """Note that it begins; what was captured before the change stays as it is."""
        del inspection
        run = _unstopped(self.journal.own(transaction, self.run_id, self.segment))
        changed = run.with_step(self.step_id, claimed_at=transaction.clock())
        runs.save(transaction, changed, "step.undo_begun", {"step": self.step_id})

    def settled(self, transaction: Transaction, receipt: Receipt) -> None:
        """Keep that the step is undone."""
        run = runs.current(transaction, self.run_id)
        changed = run.with_step(self.step_id, state=StepState.UNDONE, error="", cause=None, ring="")
        detail: dict[str, JsonValue] = {"step": self.step_id, "reference": receipt.reference}
        self.left = runs.save(transaction, changed, "step.undone", detail)

    def stands(self, transaction: Transaction) -> None:
        """Make sure that the segment is still the run's. Raises SupersededError."""
        self.journal.own(transaction, self.run_id, self.segment)


def _unstopped(run: Run) -> Run:
    if run.cancelled_by is not None or run.is_failing:
        raise CancelledError(run.id)
    return run
