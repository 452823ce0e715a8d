"""One attempt's step: what is known of it when its turn has come."""

from dataclasses import dataclass
from typing import Self

from pydantic import SecretStr

from deskhand.automation import plans
from deskhand.automation.plan import Plan, PlannedStep
from deskhand.records.accounts import AUTOMATION
from deskhand.records.database import Records
from deskhand.records.runs import Run, StepRecord, StepState
from deskhand.sdk.traffic import Purpose
from deskhand.workflow.journal import Journal
from deskhand.workflow.witnesses import DoneWitness, UndoneWitness


@dataclass(frozen=True, slots=True)
class Turn:
    """A step whose turn has come, forward or back."""

    run: Run
    segment: int
    plan: Plan
    step: PlannedStep
    step_id: str
    """The step's id in the run: of a repetition, where it is one."""
    is_plan_intact: bool

    @classmethod
    def of(cls, records: Records, run: Run, segment: int, step_id: str) -> Self:
        """Read the plan of a run. Raises LookupError where it was never kept."""
        plan = plan_of(records, run)
        return cls(run, segment, plan, plan.step(step_id), step_id, plan.sha256() == run.plan_sha256)

    @property
    def record(self) -> StepRecord:
        """What is known of the step so far."""
        return self.run.step(self.step_id)

    @property
    def purpose(self) -> Purpose:
        """Whom the step is for: whoever asked, unless an automation began it by itself."""
        is_by_itself = self.run.requested_by.startswith(AUTOMATION) and not self.is_undo
        return Purpose.AUTOMATIONS if is_by_itself else Purpose.PEOPLE

    @property
    def is_undo(self) -> bool:
        """Tell whether the step is being undone."""
        return bool(self.run.undoing)

    @property
    def is_over(self) -> bool:
        """Tell whether a process that died since has finished it."""
        is_looked_at = self.run.is_shadow and self.record.state is StepState.SKIPPED
        return is_looked_at or self.run.has_made(self.step_id)

    @property
    def attempts(self) -> int:
        """Count the attempts, with this one."""
        return self.record.attempts + 1

    @property
    def key(self) -> str:
        """The effect's key: the same for every attempt, in every process."""
        return key_of(self.run.id, self.step_id, is_undo=self.is_undo, anew=self.record.anew)

    def witness(self, journal: Journal, typed: SecretStr | None) -> DoneWitness | UndoneWitness:
        """Return who writes down what becomes of it."""
        if self.is_undo:
            return UndoneWitness(journal, self.run.id, self.segment, self.step_id)
        return DoneWitness(journal, self.run.id, self.segment, self.plan, self.step, self.step_id, typed)


def key_of(run_id: str, step_id: str, *, is_undo: bool = False, anew: int = 0) -> str:
    """Return the key of a step's effect, fit for a vendor.

    Step names have no hyphen and begin with a letter, and repetitions count from 1, so no two are alike.
    """
    name, _, number = step_id.partition(".")
    parts = (run_id, f"0-{anew}" if anew else "", number, name.replace("_", "-"))
    return f"{'undo-' if is_undo else ''}{'-'.join(filter(None, parts))}"


def plan_of(records: Records, run: Run) -> Plan:
    """Read the plan of a run. Raises LookupError where it was never kept."""
    plan = plans.find(records, run.plan_id)
    if plan is None:
        raise LookupError(f"plan {run.plan_id} is gone")
    return plan
