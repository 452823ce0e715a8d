"""How one client differs from an automation's base: only listed paths, never looser, each with its reason."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import Field, JsonValue, ValidationError, model_validator

from deskhand.automation.document import Automation, AutomationName, Given, Precondition, Step
from deskhand.automation.rules import ApprovalRule, Part
from deskhand.automation.words import Line

_TEXTS = frozenset({"title", "description"})


class OverlayRefusedError(ValueError):
    """An overlay asks for what none may change; the message names the path and what may be done."""


class OverlayChange(Part):
    """One difference: the path, what stands there at this client, and why."""

    path: str = Field(pattern=r"^[a-z_]+(\.[A-Za-z0-9_]+)*$", max_length=160)
    value: JsonValue = None
    because: Line

    @model_validator(mode="after")
    def _has_a_value(self) -> "OverlayChange":
        if "value" not in self.model_fields_set:
            raise ValueError("`value` is missing: say what stands there at this client")
        return self


class Overlay(Part):
    """What is different at one client.

    Paths that may differ: ``title``, ``description``, ``preconditions`` (its value is one more), ``steps.<id>.title``,
    ``steps.<id>.arguments.<name>.constant`` or ``.prompt``, ``approval.role``, ``approval.expires_minutes`` and
    ``approval.quorum``.
    """

    base: AutomationName
    changes: tuple[OverlayChange, ...] = Field(min_length=1, max_length=50)


@dataclass(frozen=True, slots=True)
class EffectiveDifference:
    """A path at which a client differs: the base's value, the client's, and why."""

    path: str
    base: str
    here: str
    because: str


@dataclass(frozen=True, slots=True)
class Effective:
    """The automation as it holds at one client, and every difference from its base."""

    document: Automation
    differences: tuple[EffectiveDifference, ...] = ()


def effective(base: Automation, overlay: Overlay | None) -> Effective:
    """Lay an overlay over a base. Raises OverlayRefusedError where it loosens, or changes what is not its to change."""
    if overlay is None:
        return Effective(base)
    if overlay.base != base.name:
        raise OverlayRefusedError(f"it is for {overlay.base}, not for {base.name}: correct `base`")
    document, found = base, []
    for change in overlay.changes:
        found.append(
            EffectiveDifference(change.path, _at(document, change.path), _worded(change.value), change.because)
        )
        document = _changed(document, change)
    return Effective(document, tuple(found))


def _changed(document: Automation, change: OverlayChange) -> Automation:
    match change.path.split("."):
        case [name] if name in _TEXTS:
            return _replaced(document, change, {name: change.value})
        case ["preconditions"]:
            return _with_precondition(document, change)
        case ["approval", name] if name in ApprovalRule.model_fields:
            return _with_approval(document, change, name)
        case ["steps", step_id, *rest]:
            return _with_step(document, change, step_id, rest)
    raise _untouchable(change)


def _with_precondition(document: Automation, change: OverlayChange) -> Automation:
    values = change.value if isinstance(change.value, dict) else {}
    added = _read(Precondition, change, {**values, "because": change.because})
    return document.model_copy(update={"preconditions": (*document.preconditions, added)})


def _with_approval(document: Automation, change: OverlayChange, name: str) -> Automation:
    old = document.approval
    new = _read(ApprovalRule, change, {**_dumped(old), name: change.value})
    if old and _is_looser(new, old):
        raise OverlayRefusedError(f"{change.path}: an approval may be stricter or shorter at a client, never looser")
    return document.model_copy(update={"approval": new})


def _is_looser(new: ApprovalRule, old: ApprovalRule) -> bool:
    is_longer = new.expires_minutes > old.expires_minutes
    return is_longer or new.role.strictness < old.role.strictness or new.quorum < old.quorum


def _with_step(document: Automation, change: OverlayChange, step_id: str, rest: list[str]) -> Automation:
    old = next((each for each in document.steps if each.id == step_id), None)
    if old is None:
        raise OverlayRefusedError(f"{change.path}: {document.name} has no step {step_id}")
    match rest:
        case ["title"]:
            new = _replaced(old, change, {"title": change.value})
        case ["arguments", name, kind] if name in old.arguments and kind in {"constant", "prompt"}:
            new = _with_argument(old, change, name, kind)
        case _:
            raise _untouchable(change)
    return document.model_copy(update={"steps": tuple(new if each is old else each for each in document.steps)})


def _with_argument(step: Step, change: OverlayChange, name: str, kind: str) -> Step:
    if step.arguments[name].kind != kind:
        raise OverlayRefusedError(f"{change.path}: it is a {step.arguments[name].kind}, and stays one at every client")
    given = _read(Given, change, {kind: change.value})
    return step.model_copy(update={"arguments": {**step.arguments, name: given}})


P = TypeVar("P", bound=Part)


def _replaced(part: P, change: OverlayChange, values: Mapping[str, JsonValue]) -> P:
    return _read(type(part), change, {**_dumped(part), **values})


def _read(kind: type[P], change: OverlayChange, values: Mapping[str, JsonValue]) -> P:
    try:
        return kind.model_validate_json(json.dumps(values))
    except ValidationError as error:
        problems = "; ".join(each["msg"] for each in error.errors(include_url=False, include_input=False))
        raise OverlayRefusedError(f"{change.path}: {problems}") from error


def _dumped(part: Part | None) -> dict[str, JsonValue]:
    return {} if part is None else part.model_dump(mode="json")


def _untouchable(change: OverlayChange) -> OverlayRefusedError:
    allowed = "texts, one more of `preconditions`, constants and questions of a step, a stricter approval"
    return OverlayRefusedError(f"{change.path}: this is the same for every client; an overlay changes {allowed}")


def _at(document: Automation, path: str) -> str:
    """Word what stands at a path now."""
    value: JsonValue = _dumped(document)
    for part in path.split("."):
        if isinstance(value, list):
            value = next((each for each in value if isinstance(each, dict) and each.get("id") == part), None)
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return _worded(value)


def _worded(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    return "nothing" if value in (None, []) else json.dumps(value, ensure_ascii=False)
