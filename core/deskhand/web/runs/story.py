"""What became of a plan, in the order a person reads it: the plan, its dry run, its approval, its run."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from deskhand.automation import plans
from deskhand.automation.plan import Argument, Plan, PlannedStep, SourceKind
from deskhand.desk.desk import Desk
from deskhand.desk.previewing import StepPreview
from deskhand.governance.approval_text import course
from deskhand.records import approvals, runs
from deskhand.records.approvals import Approval
from deskhand.records.runs import RecordedChange, Run, RunState, StepRecord, StepState, WaitKind
from deskhand.sdk.actions import Change
from deskhand.workflow.undoing import obstacle_to_undo

LONGEST_TARGET = 90
_KNOWN_ANYWAY = frozenset({"ticket_id", "company_id", "member_id", "started_at"})
_IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One step as it stands: what it is, what it would change or changed, and what can be done about it."""

    number: int
    step: PlannedStep
    record: StepRecord | None
    changes: Sequence[Change | RecordedChange]
    problem: str
    is_privileged: bool
    is_late: bool
    can_be_undone: bool
    has_secret: bool

    @property
    def id(self) -> str:
        """The step's id; of a repetition, its own."""
        return self.record.id if self.record else self.step.id

    @property
    def title(self) -> str:
        """What it is, and of a repetition for what."""
        if self.record is None or self.record.item is None:
            return self.step.title
        return f"{self.step.title}: {_item(self.record.item)}"

    @property
    def state(self) -> str:
        """The step's state in a word, empty before the run."""
        return self.record.state.value if self.record else ""

    @property
    def look(self) -> str:
        """How it is drawn."""
        match self.record.state if self.record else None:
            case StepState.DONE:
                return "is-done"
            case StepState.RUNNING:
                return "is-running"
            case StepState.WAITING:
                return "is-waiting"
            case StepState.FAILED | StepState.UNKNOWN:
                return "is-failed"
            case _:
                return ""

    @property
    def target(self) -> str:
        """What it acts on, short: the values it is called with."""
        names = (name for name in self.step.arguments if name not in _KNOWN_ANYWAY)
        return " · ".join(filter(None, (_told(self.step.arguments[name]) for name in names)))

    @property
    def took(self) -> str:
        """How long it took, for people; empty while it has not ended."""
        if self.record is None or self.record.started_at is None or self.record.ended_at is None:
            return ""
        seconds = (self.record.ended_at - self.record.started_at).total_seconds()
        return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"

    @property
    def arguments(self) -> list[tuple[str, str, str]]:
        """Name, value and source of each argument."""
        return [(name.replace("_", " "), _value(each), _source(each)) for name, each in self.step.arguments.items()]


@dataclass(frozen=True, slots=True)
class Story:
    """A plan and what became of it so far."""

    plan: Plan
    approval: Approval | None
    run: Run | None
    lines: tuple[Line, ...]

    @property
    def done(self) -> int:
        """How many steps are behind us; those that were left out only count once the run has come to its end."""
        behind = {"done", "undone", "left out"}
        if self.run and self.run.state is RunState.DONE:
            behind |= {"skipped"}
        return sum(line.state in behind for line in self.lines)

    @property
    def problems(self) -> int:
        """How many steps the dry run found trouble with."""
        return sum(bool(line.problem) for line in self.lines)

    @property
    def looked_at(self) -> int:
        """How many steps the dry run could look at."""
        return sum(not line.is_late for line in self.lines)

    @property
    def lasting(self) -> tuple[int, ...]:
        """The numbers of the steps that cannot be undone."""
        return tuple(line.number for line in self.lines if line.step.irreversible and line.step.tier > 0)

    @property
    def needs_proof(self) -> bool:
        """Tell whether somebody has to prove who they are."""
        return any(line.step.needs_proof for line in self.lines)

    @property
    def is_under_way(self) -> bool:
        """Tell whether the run still goes on."""
        return self.run is not None and not self.run.state.is_over

    @property
    def can_be_undone(self) -> bool:
        """Tell whether there is anything to put back."""
        return any(line.can_be_undone for line in self.lines)

    @property
    def order(self) -> str:
        """In what order the steps are done, in lines; empty where it is the order they are listed in."""
        return "\n".join(course(self.plan)).strip()

    @property
    def sentence(self) -> str:
        """Say where it stands, in one line."""
        if self.run is None:
            return ""
        if self.run.undoing and not self.run.state.is_over:
            return "Undoing"
        wait = self.run.waits_for
        if wait is not None and not wait.step_id:
            return wait.text
        at = wait.step_id if wait is not None else ""
        current = next((line for line in self.lines if line.state in _CURRENT or line.id == at), None)
        where = f"step {current.number} of {len(self.lines)}: {current.step.title}" if current else "its end"
        return _SENTENCES[self.run.state].format(where=where, done=self.done, all=len(self.lines))

    @property
    def standstill(self) -> str:
        """Say why it stands still where that is no question to a person; empty where it does not."""
        if self.run is None or self.run.state.is_over:
            return ""
        if self.run.held_by is not None:
            return f"{self.run.held_by} holds it: it goes no further until somebody lets it go on."
        wait = self.run.waits_for
        if wait is None or not wait.step_id or wait.kind is WaitKind.PROMPT:
            return ""
        action = next((line.step.action for line in self.lines if line.id == wait.step_id), "")
        return wait.text.removeprefix(f"{action}: ")


_CURRENT = frozenset({"running", "waiting", "failed", "unknown"})
_SENTENCES = {
    RunState.QUEUED: "Starting",
    RunState.RUNNING: "Running {where}",
    RunState.WAITING: "Waiting at {where}",
    RunState.DONE: "Done: all {all} steps, each checked by reading it back.",
    RunState.FAILED: "Failed at {where}",
    RunState.NEEDS_REVIEW: "A person has to look at {where}",
    RunState.CANCELLED: "Cancelled after {done} of {all} steps.",
    RunState.UNDONE: "Undone: what was changed is as it was before.",
}


def of_ticket(desk: Desk, ticket_id: str) -> Story | None:
    """Tell the newest plan of a ticket, with a fresh dry run where it has not run."""
    known = plans.of_ticket(desk.records, ticket_id)
    return of_plan(desk, known[-1]) if known else None


def of_plan(desk: Desk, plan: Plan) -> Story:
    """Tell what became of a plan."""
    asked = approvals.of_plan(desk.records, plan.id)
    ran = [run for run in runs.of_ticket(desk.records, plan.ticket_id) if run.plan_id == plan.id and not run.is_shadow]
    run = ran[-1] if ran else None
    previews = () if run is not None else desk.resolving.preview(plan.id)
    return Story(plan, _approval(asked, run), run, _lines(desk, plan, run, previews))


def of_run(desk: Desk, run: Run) -> Story:
    """Tell a run with its plan."""
    plan = desk.resolving.plan(run.plan_id)
    asked = approvals.of_plan(desk.records, plan.id)
    return Story(plan, _approval(asked, run), run, _lines(desk, plan, run, ()))


def _approval(asked: Sequence[Approval], run: Run | None) -> Approval | None:
    """Pick the newest request about a plan; once it runs, the one it runs by, and none that it waits for."""
    used = [each for each in asked if run is None or each.id == run.approval_id]
    return used[0] if used else None


def fingerprint(desk: Desk, ticket_id: str) -> str:
    """Return a word that changes whenever the ticket's plans, approvals or runs do."""
    known = plans.of_ticket(desk.records, ticket_id)
    newest = known[-1].id if known else ""
    asked = approvals.of_plan(desk.records, newest) if newest else ()
    return _digest(newest, *asked, *runs.of_ticket(desk.records, ticket_id))


def run_fingerprint(run: Run) -> str:
    """Return a word that changes whenever the run does."""
    return _digest(run)


def _digest(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()[:16]


def _lines(desk: Desk, plan: Plan, run: Run | None, previews: Sequence[StepPreview]) -> tuple[Line, ...]:
    seen = {each.step.id: each for each in previews}
    lines = []
    records: Sequence[StepRecord | None] = run.steps if run is not None else [None] * len(plan.steps)
    steps = [plan.step(each.id) for each in run.steps] if run is not None else plan.steps
    for number, (step, record) in enumerate(zip(steps, records, strict=True), 1):
        preview = seen.get(step.id)
        changes: Sequence[Change | RecordedChange] = ()
        if record is not None:
            changes = record.changes
        elif preview is not None:
            changes = preview.changes
        lines.append(
            Line(
                number=number,
                step=step,
                record=record,
                changes=changes,
                problem=(preview.problem or "") if preview is not None else "",
                is_privileged=preview is not None and preview.is_privileged,
                is_late=preview is not None and preview.is_late,
                can_be_undone=_can_be_undone(desk, plan, record, run),
                has_secret=run is not None
                and desk.resolving.engine.handover.holds(run.id, record.id if record is not None else step.id),
            )
        )
    return tuple(lines)


def _can_be_undone(desk: Desk, plan: Plan, record: StepRecord | None, run: Run | None) -> bool:
    if run is None or record is None or not run.state.is_over or record.state is not StepState.DONE:
        return False
    return obstacle_to_undo(run, plan, record.id, desk.clock()) is None


def _item(item: JsonValue) -> str:
    """Say what a repetition is for, short: the entry, or the first of its fields that are words."""
    if isinstance(item, dict):
        return next((_short(each) for each in item.values() if isinstance(each, str)), "")
    return _short(item)


def _told(argument: Argument) -> str:
    """Say a value for people: itself where it can be read, else where it came from."""
    value = _short(argument.value)
    return argument.origin.removeprefix("the ").capitalize() if _IDENTIFIER.fullmatch(value) else value


def _short(value: JsonValue) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    line = " ".join(str(value).split())
    return line if len(line) <= LONGEST_TARGET else f"{line[: LONGEST_TARGET - 1]}…"


def _value(argument: Argument) -> str:
    if argument.source is SourceKind.PROMPT:
        return "asked for during the run"
    return "known during the run" if argument.is_late and argument.value is None else str(argument.value)


def _source(argument: Argument) -> str:
    words = {
        SourceKind.TICKET: "a field of the ticket",
        SourceKind.DIRECTORY: "on record for this client",
        SourceKind.TECHNICIAN: "the technician's words",
        SourceKind.CONSTANT: "fixed",
        SourceKind.STEP: "an earlier step",
        SourceKind.PROMPT: "a person's answer",
    }
    return f"{words[argument.source]}: {argument.origin}"
