"""A failed run as diagnosis sees it: its record, the plan, the automation's text, and what happened around it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deskhand.automation.document import Automation, Given
from deskhand.automation.plan import Plan, PlannedStep, SourceKind
from deskhand.records.runs import Cause, Run, RunState, StepRecord, StepState
from deskhand.sdk.actions import connector_of

ENDED_BADLY = frozenset({RunState.FAILED, RunState.NEEDS_REVIEW})


@dataclass(frozen=True, slots=True)
class Need:
    """What an action needs at its vendor: the permission, and the page that documents it."""

    permission: str
    documentation: str


@dataclass(frozen=True, slots=True)
class FailedRun:
    """One failed run and its surroundings. Raises ValueError where no step of it failed."""

    run: Run
    plan: Plan
    document: Automation | None
    """The automation it was pinned to, as it was approved; None where it had none."""
    text: str
    """That version's YAML."""
    lately: Sequence[Run]
    """Other runs, newest first, of every automation and client."""
    earlier: Sequence[tuple[Run, Plan]]
    """Other runs of this automation with their plans, newest first."""
    needs: Mapping[str, Need]
    """By action."""
    is_accepted_now: bool | None = None
    """Whether the vendor accepts the credential as such, asked after an authorisation failed; None: not known."""

    def __post_init__(self) -> None:
        _ = self.step

    @property
    def step(self) -> StepRecord:
        """The step it failed at: forward, or while it was being undone."""
        for each in self.run.steps:
            if each.cause is not None and each.state in {StepState.FAILED, StepState.UNKNOWN}:
                return each
        if self.run.undoing and self.run.step(self.run.undoing[0]).cause is not None:
            return self.run.step(self.run.undoing[0])
        raise ValueError(f"no step of run {self.run.id} failed")

    @property
    def planned(self) -> PlannedStep:
        """The same step as it was planned."""
        return self.plan.step(self.step.id)

    @property
    def cause(self) -> Cause:
        """What the engine recorded."""
        return self.step.cause or Cause.BUG

    @property
    def connector(self) -> str:
        """Whose vendor it was."""
        return connector_of(self.step.action)

    @property
    def constants(self) -> dict[str, str]:
        """The arguments of the failing step that the automation's text fixes, by name."""
        return constants_of(self.planned)

    @property
    def is_overlaid(self) -> bool:
        """Tell whether a constant of the failing step is this client's own, and not what the automation says."""
        step = (
            next((each for each in self.document.steps if each.id == self.step.name), None) if self.document else None
        )
        given = step.arguments if step is not None else {}
        return any(name in given and given[name] != Given(constant=value) for name, value in self.constants.items())

    def same_action(self) -> Iterator[tuple[Run, StepRecord]]:
        """Go through other runs' steps of the same action that came to an end, newest first."""
        for run in self.lately:
            for step in run.steps:
                if step.action == self.step.action and step.state in _ENDED:
                    yield run, step

    def same_connector(self, *, here: bool) -> Iterator[tuple[Run, StepRecord]]:
        """Go through steps at the same vendor that came to an end, at this client or at the others."""
        for run in (self.run, *self.lately):
            if (run.tenant_id == self.run.tenant_id) is not here:
                continue
            for step in run.steps:
                if step.action.startswith(f"{self.connector}.") and step.state in _ENDED and step != self.step:
                    yield run, step

    def worked_before(self) -> list[tuple[Run, StepRecord]]:
        """List when this very step of this automation was carried out with the same constants, newest first."""
        return [
            (run, step)
            for run, plan in self.earlier
            for step in run.steps
            if step.name == self.step.name
            and step.state is StepState.DONE
            and constants_of(plan.step(step.id)) == self.constants
        ]

    def failed_likewise(self) -> list[Run]:
        """List other runs of this automation that failed at the same step in the same way, newest first."""
        return [run for run, _ in self.earlier if _failed_at(run, self.step)]


_ENDED = frozenset({StepState.DONE, StepState.FAILED, StepState.UNKNOWN})


def constants_of(step: PlannedStep) -> dict[str, str]:
    """Return the arguments of a step that are fixed texts, by name."""
    return {
        name: each.value
        for name, each in step.arguments.items()
        if each.source is SourceKind.CONSTANT and isinstance(each.value, str)
    }


def _failed_at(run: Run, failing: StepRecord) -> bool:
    """Tell whether a run failed at the same step in the same way, for whatever entry of a list."""
    return run.state in ENDED_BADLY and any(
        each.name == failing.name and each.action == failing.action and each.cause is failing.cause
        for each in run.steps
    )
