"""The vendor's filter language, built so that a value can never become part of the filter.

Strings stand in double quotes, whole numbers bare, booleans as True and False, moments in square brackets, fields of a
reference behind a slash (the vendor's Developer Guide, "PSA API Requests"). The guide knows no escape for a quote
inside a string and takes ``*`` for a wildcard, so a value that holds either is refused rather than guessed at.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

Value: TypeAlias = str | int | bool | datetime
Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]

LONGEST_STRING = 250
_FIELD = re.compile(r"[A-Za-z_]+(?:/[A-Za-z_]+)*")
_MEANINGFUL = frozenset('"\\*%[]')
"""Characters that end a string, might escape one, match more than themselves, or open a class."""


class UnsafeValueError(ValueError):
    """A value cannot be written into a condition without changing what the condition means."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A finished condition: made by :func:`compare` and :func:`any_of`, joined with ``&`` and ``|``."""

    text: str

    def __and__(self, other: "Condition") -> "Condition":
        """Both must hold."""
        return Condition(f"({self.text} and {other.text})")

    def __or__(self, other: "Condition") -> "Condition":
        """Either may hold."""
        return Condition(f"({self.text} or {other.text})")


def compare(field: str, operator: Operator, value: Value) -> Condition:
    """Compare a field with a value. UnsafeValueError names the reason, never the value."""
    return Condition(f"{_field(field)} {operator} {_literal(value)}")


def any_of(field: str, values: Sequence[Value]) -> Condition:
    """Hold where the field equals one of the values, of which there is at least one."""
    if not values:
        raise UnsafeValueError("an empty list matches nothing: do not ask")
    return Condition(f"{_field(field)} in ({','.join(_literal(value) for value in values)})")


def _field(name: str) -> str:
    if not _FIELD.fullmatch(name):
        raise UnsafeValueError("a field is letters, with a slash before each field of a reference")
    return name


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return _moment(value)
    if len(value) > LONGEST_STRING:
        raise UnsafeValueError(f"a string of more than {LONGEST_STRING} characters")
    if not value.isprintable() or _MEANINGFUL.intersection(value):
        raise UnsafeValueError("a string with a quote, backslash, *, %, [, ] or a control character")
    return f'"{value}"'


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise UnsafeValueError("a moment without a time zone")
    return f"[{value.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}]"
