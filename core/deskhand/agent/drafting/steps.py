"""The steps of a draft: those a run carried out, or those a technician's notes tell of."""

from collections.abc import Mapping, Sequence

from deskhand.agent.drafting.lifting import FIELDS, Lifting, ask
from deskhand.automation.document import Given, Step, StepUndo, StepVerification
from deskhand.automation.known import KnownAction, KnownActions
from deskhand.automation.plan import Plan, PlannedStep
from deskhand.knowledge.deeds import deeds_in
from deskhand.records.runs import Run, StepState
from deskhand.sdk.actions import Tier, capability_of

ACCOUNT_OF_PLAN = "deskhand's account of this plan"
"""The origin of what the desk itself writes to the PSA at the end of a plan."""
_START, _CHECK = "start_verification", "check_verification"
_QUESTIONS: Mapping[str, str] = {
    "code": "Which code did the person read out?",
    "text": "What should the text message say?",
}


class NothingToDraftError(ValueError):
    """Nothing was done that an automation could repeat; the message says why, for people."""


def steps_of_run(plan: Plan, run: Run, actions: KnownActions, lifting: Lifting) -> tuple[Step, ...]:
    """Return what a run carried out, in its order, with its literals lifted. Raises NothingToDraftError."""
    done = {each.id for each in run.steps if each.state is StepState.DONE}
    kept: list[Step] = []
    for step in plan.steps:
        if _is_closing(step):
            continue  # the desk adds its note and its time entry to every plan
        if step.id not in done:
            lifting.remarks.append(f"{step.id} ({step.action}) was not carried out, so it is not part of the draft.")
        elif step.action not in actions:
            lifting.remarks.append(f"{step.id}: no connector offers {step.action} any more, so it is left out.")
        else:
            kept.append(_lifted(step, actions[step.action], lifting, [each.id for each in kept]))
    if not kept:
        raise NothingToDraftError("no step of this run was carried out; draft from a run that did something")
    return tuple(kept)


def steps_of_notes(notes: str, actions: KnownActions, lifting: Lifting) -> tuple[Step, ...]:
    """Return what notes say was done, as far as there are actions for it. Raises NothingToDraftError."""
    said = deeds_in(notes)
    by_capability = {capability_of(name): action for name, action in actions.items()}
    for capability in said:
        if capability not in by_capability:
            lifting.remarks.append(f"The notes tell of {capability.replace('_', ' ')}; no connector here can do it.")
    chosen = [by_capability[each] for each in _in_order(said, by_capability) if each in by_capability]
    if not chosen:
        raise NothingToDraftError(
            "the notes tell of nothing a connector here can do; write what was done, such as “reset the password”"
        )
    _remark_on_proof(said, chosen, lifting)
    steps: list[Step] = []
    for action in chosen:
        steps.append(_from_notes(action, steps, lifting))
    return tuple(steps)


def _is_closing(step: PlannedStep) -> bool:
    return any(argument.origin == ACCOUNT_OF_PLAN for argument in step.arguments.values())


def _lifted(step: PlannedStep, action: KnownAction, lifting: Lifting, kept: Sequence[str]) -> Step:
    arguments = {
        name: lifting.lift(step.id, step.title, name, argument, kept) for name, argument in step.arguments.items()
    }
    return guarded(step.id, action, arguments)


def guarded(step_id: str, action: KnownAction, arguments: Mapping[str, Given]) -> Step:
    """Make a step that is read back, and undone from the captured state wherever its action can be."""
    is_read = action.tier == Tier.READ
    return Step(
        id=step_id,
        action=action.name,
        title=action.title,
        arguments=arguments,
        verify=StepVerification.READ_BACK,
        undo=StepUndo.RESTORE if action.irreversible is None and not is_read else StepUndo.NONE,
        irreversible=action.irreversible,
    )


def _in_order(said: Sequence[str], by_capability: Mapping[str, KnownAction]) -> list[str]:
    """Put the proof of identity first, and whole, wherever something needs it or the notes tell of it."""
    needs_proof = any(by_capability[each].needs_proof for each in said if each in by_capability)
    rest = [each for each in said if each not in {_START, _CHECK}]
    can_prove = _START in by_capability and _CHECK in by_capability
    return [_START, _CHECK, *rest] if can_prove and (needs_proof or len(rest) < len(said)) else rest


def _remark_on_proof(said: Sequence[str], chosen: Sequence[KnownAction], lifting: Lifting) -> None:
    capabilities = {capability_of(each.name) for each in chosen}
    if _CHECK in capabilities and _CHECK not in said:
        lifting.remarks.append("The notes tell of no proof of identity; one was put first, since access is handed out.")


def _from_notes(action: KnownAction, before: Sequence[Step], lifting: Lifting) -> Step:
    arguments = {name: _given(name, action, before, lifting) for name in sorted(action.required)}
    return guarded(capability_of(action.name)[:32], action, arguments)


def _given(name: str, action: KnownAction, before: Sequence[Step], lifting: Lifting) -> Given:
    started = next((step for step in before if capability_of(step.action) == _START), None)
    if name == "verification_sid" and started is not None:
        return Given(step=f"{started.id}.reference")
    if name in _QUESTIONS:
        return Given(prompt=_QUESTIONS[name])
    source = FIELDS.get(name)
    if source is not None:
        return lifting.parameter(source)
    lifting.remarks.append(f"Nothing says what {action.name} should take for {name}: it is asked.")
    return ask(action.title, name)
