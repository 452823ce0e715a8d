"""Which steps of a run that is over are done again when somebody takes it up once more."""

from typing import Any

from pydantic import JsonValue

from deskhand.automation.flow import Pause, block_at, leaves
from deskhand.automation.plan import Plan
from deskhand.records.runs import Run, RunState, StepState
from deskhand.sdk.actions import Tier
from deskhand.workflow.course import PASSED, TURNED_AWAY
from deskhand.workflow.journal import RunRefusedError

_FRESH: dict[str, Any] = {"attempts": 0, "prompts": 0, "error": "", "cause": None, "ring": "", "ended_at": None}
_MISSED = (StepState.FAILED, StepState.SKIPPED, StepState.UNKNOWN, StepState.RUNNING)


def to_repeat(run: Run, plan: Plan, from_step: str | None = None) -> Run:
    """Return the run with what did not happen planned again.

    From ``from_step`` on, in the flow's order, what only read is planned again too: what it said may be out of date.
    What changed something stays done. Raises RunRefusedError where there is no such step.
    """
    if run.undoing:
        for step_id in run.undoing:
            run = run.with_step(step_id, attempts=0)
        return run
    for step_id in run.having(*_MISSED):
        run = run.with_step(step_id, state=StepState.PLANNED, **_FRESH)
    run = run.model_copy(update={"marks": _asked_anew(run), "ends_as": RunState.DONE})
    return run if from_step is None else _read_anew(run, plan, from_step)


def _asked_anew(run: Run) -> dict[str, Any]:
    """Forget that going on was turned down, so that it is asked about again."""
    return {place: mark for place, mark in run.marks.items() if mark != TURNED_AWAY}


def _read_anew(run: Run, plan: Plan, from_step: str) -> Run:
    order = [leaf.step_id for leaf in leaves(plan.course)]
    name = from_step.partition(".")[0]
    if name not in order:
        raise RunRefusedError(f"run {run.id} has no step {from_step}: it has {', '.join(order)}")
    anew = {each for each in order[order.index(name) :] if plan.step(each).tier == Tier.READ}
    asked = {leaf.step_id: leaf.before for leaf in leaves(plan.course)}
    for record in run.steps:
        own = record.id.partition(".")[0]
        is_read = own in anew and record.state is StepState.DONE
        is_decided = record.state is StepState.LEFT_OUT and asked[own] & anew
        if is_read or is_decided:
            run = run.with_step(record.id, state=StepState.PLANNED, anew=record.anew + is_read, **_FRESH)
    kept = {place: mark for place, mark in run.marks.items() if _still_holds(plan, name, place, mark)}
    return run.model_copy(update={"marks": kept})


def _still_holds(plan: Plan, from_step: str, place: str, mark: JsonValue) -> bool:
    """Tell whether what was found at a block holds although the steps from one on are read anew.

    A for-each keeps the list it began with, and a pause that has passed has passed; decisions are taken again, and
    branches gone through again, past what is done.
    """
    if isinstance(mark, int):
        return True
    block = block_at(plan.course, place.partition("#")[0])
    is_earlier = int(place.partition(".")[0].partition("#")[0]) < _top(plan, from_step)
    return isinstance(block, Pause) or (is_earlier and mark == PASSED)


def _top(plan: Plan, step_id: str) -> int:
    """Return at which of the flow's outermost blocks a step is."""
    found = (
        place for place, block in enumerate(plan.course) if any(each.step_id == step_id for each in leaves((block,)))
    )
    return next(found)
