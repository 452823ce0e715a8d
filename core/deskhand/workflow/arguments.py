"""The arguments of a step when its turn comes: what was planned, what earlier steps returned, what a person typed."""

from pydantic import JsonValue, SecretStr, ValidationError

from deskhand.automation.document import WHOLE_ITEM
from deskhand.automation.flow import ITEM
from deskhand.automation.plan import Argument, PlannedStep, SourceKind
from deskhand.records.canonical import canonical_json
from deskhand.records.runs import Run, StepRecord
from deskhand.sdk.actions import Arguments
from deskhand.workflow.calls import RefusedError, RingName

REFERENCE = "reference"
_DETAIL = "detail."


def question_of(step: PlannedStep) -> str | None:
    """Return what a person is asked when the step's turn comes; None where nobody is."""
    questions = [each.origin for each in step.arguments.values() if each.source is SourceKind.PROMPT]
    return questions[0] if questions else None


def arguments(
    kind: type[Arguments], step: PlannedStep, run: Run, step_id: str, answer: SecretStr | None = None
) -> Arguments:
    """Build them. Raises RefusedError where they do not fit the action, or an earlier step returned no such thing.

    ``step_id`` is the step's in the run: a repetition is given its own item, and what its own round returned.
    """
    values = {name: _value(step_id, name, argument, run, answer) for name, argument in step.arguments.items()}
    try:
        return kind.model_validate_json(canonical_json(values))
    except ValidationError as error:
        names = ", ".join(sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]})) or "the whole"
        raise RefusedError(f"step {step.id}: arguments that do not fit: {names}", ring=RingName.PLAN) from None


def _value(step_id: str, name: str, argument: Argument, run: Run, answer: SecretStr | None) -> JsonValue:
    if argument.source is SourceKind.PROMPT:
        return None if answer is None else answer.get_secret_value()
    if argument.source is SourceKind.STEP:
        found = _returned(step_id, argument.origin, run)
        if found is None:
            reason = f"step {step_id}: {name} comes from {argument.origin}, which is not there"
            raise RefusedError(reason, ring=RingName.PLAN)
        return found
    return argument.value


def _returned(step_id: str, origin: str, run: Run) -> JsonValue:
    """Return what an origin stands for in a run; None where it is not there."""
    earlier, _, path = origin.partition(".")
    if earlier == ITEM:
        item = run.step(step_id).item
        return item if path == WHOLE_ITEM else item.get(path) if isinstance(item, dict) else None
    record = _of_this_round(earlier, step_id, run)
    if path == REFERENCE:
        return record.reference or None
    return record.detail.get(path.removeprefix(_DETAIL)) if path.startswith(_DETAIL) else None


def _of_this_round(earlier: str, step_id: str, run: Run) -> StepRecord:
    """Find an earlier step; where both are repeated, as it was in the same round."""
    number = step_id.partition(".")[2]
    same = next((each for each in run.steps if number and each.id == f"{earlier}.{number}"), None)
    return same if same is not None else run.step(earlier)
