"""Conditions: small expressions in CEL over what earlier steps returned. They end, and they change nothing.

CEL is not Turing complete and its evaluator bounds what is left (https://cel.dev). Ticket text is no variable: what
decides about a step is what a vendor stated.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from cel_expr_python import cel
from pydantic import Field, JsonValue

from deskhand.automation.words import Line

Condition: TypeAlias = Annotated[Line, Field(min_length=1, max_length=160)]
"""An expression that is true or false: ``steps.find.detail.count > 0``, ``item.state == 'stale'``."""

_VARIABLES: Mapping[str, Any] = {
    "steps": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "item": cel.Type.DYN,
}


class UndecidableError(ValueError):
    """A condition that is neither true nor false; the message says why, in one line."""


def problem(condition: Condition) -> str | None:
    """Say what keeps an expression from being a condition; None where nothing does."""
    try:
        _compiled(condition)
    except UndecidableError as error:
        return str(error)
    return None


def holds(condition: Condition, steps: Mapping[str, JsonValue], item: JsonValue = None) -> bool:
    """Tell whether a condition holds. Raises UndecidableError where it says something of what is not there.

    ``steps`` are earlier steps by id: ``is_done``, ``reference`` and ``detail`` of each; ``item`` is what a for-each is
    at.
    """
    expression = _compiled(condition)
    try:
        found = expression.eval(data={"steps": steps, "item": item})
    except RuntimeError as error:  # it took too long
        raise UndecidableError(f"“{condition}” comes to no end: {_first_line(error)}") from error
    value = found.value()
    if found.type() != cel.Type.BOOL:  # some errors come back as values
        raise UndecidableError(f"“{condition}” is neither true nor false: {_first_line(value)}")
    return bool(value)


@lru_cache(maxsize=1024)
def _compiled(condition: Condition) -> cel.Expression:
    try:
        found = _environment().compile(condition)
    except RuntimeError as error:
        raise UndecidableError(f"“{condition}” is no condition: {_first_line(error)}") from error
    if found.return_type() not in (cel.Type.BOOL, cel.Type.DYN):  # they cannot be hashed
        raise UndecidableError(f"“{condition}” is not true or false, but {found.return_type().name().lower()}")
    return found


@lru_cache(maxsize=1)
def _environment() -> cel.Env:
    return cel.NewEnv(variables=dict(_VARIABLES))


def _first_line(words: object) -> str:
    line = str(words).partition("\n")[0]
    return line.removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: ").removeprefix("<input>:")
