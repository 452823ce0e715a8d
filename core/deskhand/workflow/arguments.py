"""The arguments of a step when its turn comes: what was planned, what earlier steps returned, what a person typed."""

from collections.abc import Mapping

from pydantic import JsonValue, SecretStr, ValidationError

from deskhand.automation.plan import Argument, PlannedStep, SourceKind
from deskhand.records.canonical import canonical_json
from deskhand.records.runs import Run
from deskhand.sdk.actions import Arguments
from deskhand.workflow.calls import RefusedError, RingName

REFERENCE = "reference"
_DETAIL = "detail."


def question_of(step: PlannedStep) -> str | None:
    """Return what a person is asked when the step's turn comes; None where nobody is."""
    questions = [each.origin for each in step.arguments.values() if each.source is SourceKind.PROMPT]
    return questions[0] if questions else None


def arguments(kind: type[Arguments], step: PlannedStep, run: Run, answer: SecretStr | None) -> Arguments:
    """Build them. Raises RefusedError where they do not fit the action, or an earlier step returned no such thing."""
    values = {name: _value(step, name, argument, run, answer) for name, argument in step.arguments.items()}
    try:
        return kind.model_validate_json(canonical_json(values))
    except ValidationError as error:
        names = ", ".join(sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]})) or "the whole"
        raise RefusedError(f"step {step.id}: arguments that do not fit: {names}", ring=RingName.PLAN) from None


def _value(step: PlannedStep, name: str, argument: Argument, run: Run, answer: SecretStr | None) -> JsonValue:
    if argument.source is SourceKind.PROMPT:
        return None if answer is None else answer.get_secret_value()
    if argument.source is SourceKind.STEP:
        return _returned(step, name, argument.origin, run)
    return argument.value


def _returned(step: PlannedStep, name: str, origin: str, run: Run) -> JsonValue:
    earlier, _, path = origin.partition(".")
    record = run.step(earlier)
    detail: Mapping[str, JsonValue] = record.detail
    if path == REFERENCE and record.reference:
        return record.reference
    key = path.removeprefix(_DETAIL)
    if path.startswith(_DETAIL) and key in detail:
        return detail[key]
    raise RefusedError(f"step {step.id}: {name} comes from {origin}, which is not there", ring=RingName.PLAN)
