"""Undoing a step as an action of its own, so that it passes the same gate as everything else."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import JsonValue

from deskhand.automation.plan import Plan, PlannedStep, SourceKind
from deskhand.records.canonical import canonical_json
from deskhand.records.runs import Run, StepRecord, StepState
from deskhand.sdk.actions import AnyAction, Arguments, Effect, Receipt, Tier
from deskhand.sdk.errors import NotFoundError
from deskhand.sdk.roles import Connector
from deskhand.workflow.calls import RefusedError
from deskhand.workflow.rings import UNDO

_LOOKS = 4
_PAUSE = 0.25
"""Seconds before the second look; each pause is twice the one before."""


def undoing(
    action: AnyAction,
    prior_state: Mapping[str, JsonValue],
    receipt: Receipt,
    sleep: Callable[[float], None] = time.sleep,
) -> AnyAction:
    """Return the action that restores the captured prior state. Raises RefusedError where there is no way back.

    It may be repeated. That it was done is read back wherever the prior state says what there is to read.
    """
    undo = action.undo
    if undo is None:
        raise RefusedError(f"{action.name} cannot be undone: {action.irreversible or 'it changed nothing'}")

    def apply(connector: Connector, arguments: Arguments, key: str) -> Receipt:
        del key
        try:
            undo(connector, arguments, prior_state, receipt)
        except NotFoundError:
            if prior_state:
                raise
            return Receipt(receipt.reference, {"was_gone": True})  # what the step made is not there, which is the aim
        return Receipt(receipt.reference)

    def verify(connector: Connector, arguments: Arguments, _undone: Receipt) -> bool:
        return not prior_state or _eventually(
            lambda: _is_same(action.inspect(connector, arguments).prior_state, prior_state), sleep
        )

    return replace(
        action,
        name=f"{action.name}{UNDO}",
        effect=Effect.IDEMPOTENT,
        apply=apply,
        verify=verify,
        probe=None,
        needs_proof=False,
        proves_identity=False,
        is_call_back=False,
        resets_proof=False,
    )


def _is_same(found: Mapping[str, JsonValue], captured: Mapping[str, JsonValue]) -> bool:
    """Compare two states as they are stored."""
    return canonical_json(dict(found)) == canonical_json(dict(captured))


def _eventually(is_so: Callable[[], bool], sleep: Callable[[float], None]) -> bool:
    pause = _PAUSE
    for _ in range(_LOOKS - 1):
        if is_so():
            return True
        sleep(pause)
        pause *= 2
    return is_so()


def undone_until(step: PlannedStep, record: StepRecord) -> datetime | None:
    """Return the moment until which a step that was done can be undone, as it declared; None where it is not done."""
    return record.ended_at + timedelta(hours=step.undo_hours) if record.ended_at is not None else None


def reversible(run: Run, plan: Plan, now: datetime) -> tuple[str, ...]:
    """List the steps that can be undone, newest first: done, with a way back, and not without effect."""
    done = run.having(StepState.DONE)
    return tuple(step_id for step_id in reversed(done) if obstacle_to_undo(run, plan, step_id, now) is None)


def obstacle_to_undo(run: Run, plan: Plan, step_id: str, now: datetime) -> str | None:
    """Say why a step that was done cannot be undone, or None."""
    step = plan.step(step_id)
    if step.irreversible is not None:
        return step.irreversible
    if step.tier == Tier.READ:
        return "it only read"
    if not run.step(step_id).changes:
        return "it changed nothing"
    if any(each.source is SourceKind.PROMPT for each in step.arguments.values()):
        return "what was typed for it was not kept"
    until = undone_until(step, run.step(step_id))
    if until is not None and now >= until:
        return f"that could be done until {until:%Y-%m-%d %H:%M} UTC: look at how things are, and make a new plan"
    return None
