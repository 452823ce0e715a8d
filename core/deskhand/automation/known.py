"""What a document may name: the actions this installation offers, as data, without their functions."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from deskhand.sdk.actions import AnyAction, Effect


@dataclass(frozen=True, slots=True)
class KnownAction:
    """An action of the catalogue. ``fields`` are its arguments by name."""

    name: str
    title: str
    tier: int
    effect: Effect
    irreversible: str | None
    undo_hours: int
    needs_proof: bool
    proves_identity: bool
    fields: Mapping[str, FieldInfo] = field(repr=False)
    is_call_back: bool = False
    resets_proof: bool = False

    @classmethod
    def of(cls, action: AnyAction) -> "KnownAction":
        """Describe an action."""
        return cls(
            name=action.name,
            title=action.title,
            tier=int(action.tier),
            effect=action.effect,
            irreversible=action.irreversible,
            undo_hours=action.undo_hours,
            needs_proof=action.needs_proof,
            proves_identity=action.proves_identity,
            fields=action.arguments.model_fields,
            is_call_back=action.is_call_back,
            resets_proof=action.resets_proof,
        )

    @property
    def required(self) -> frozenset[str]:
        """Name the arguments that cannot be left out."""
        return frozenset(name for name, each in self.fields.items() if each.is_required())

    def problem(self, argument: str, value: JsonValue) -> str | None:
        """Say what is wrong with a value of an argument; None where it fits, and for what is no argument."""
        found = self.fields.get(argument)
        if found is None:
            return None
        kind: Any = Annotated[(found.annotation, *found.metadata)] if found.metadata else found.annotation
        try:
            _adapter(kind).validate_json(_written(value), strict=True)
        except ValidationError as error:
            return "; ".join(each["msg"] for each in error.errors(include_url=False, include_input=False))
        return None


KnownActions: TypeAlias = Mapping[str, KnownAction]
"""The actions by name."""


def known(actions: Iterable[AnyAction]) -> KnownActions:
    """Describe every action."""
    return {action.name: KnownAction.of(action) for action in actions}


def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401  # any type an argument may have
    """Return what judges values of a type, made once where the type can be remembered."""
    try:
        return _remembered(kind)
    except TypeError:  # its constraints are not hashable
        return TypeAdapter(kind)


@lru_cache(maxsize=1024)
def _remembered(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401  # as above
    return TypeAdapter(kind)


def _written(value: JsonValue) -> bytes:
    return json.dumps(value).encode()
