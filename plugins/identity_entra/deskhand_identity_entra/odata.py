"""OData filters, built so that a value can never become part of the filter.

A string stands in single quotes, a quote inside it is doubled (OData 4.01 URL conventions, section 5.1.1.6.1).
"""

import re
from dataclasses import dataclass

LONGEST_STRING = 320
_FIELD = re.compile(r"[a-z][A-Za-z]*")


class UnsafeValueError(ValueError):
    """A value has no place in a filter: it is too long, or holds what no address or name holds."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A finished filter: made by the functions below, joined with ``|``."""

    text: str

    def __or__(self, other: "Filter") -> "Filter":
        """Either may hold."""
        return Filter(f"{self.text} or {other.text}")


def equals(field: str, value: str) -> Filter:
    """Hold where a field is this string; Graph ignores case. UnsafeValueError names the reason, never the value."""
    return Filter(f"{_field(field)} eq {literal(value)}")


def any_equals(field: str, value: str) -> Filter:
    """Hold where one of a field's strings is this one."""
    return Filter(f"{_field(field)}/any(each:each eq {literal(value)})")


def literal(value: str) -> str:
    """Write a string as OData does."""
    if len(value) > LONGEST_STRING:
        raise UnsafeValueError(f"a string of more than {LONGEST_STRING} characters")
    if not value.isprintable():
        raise UnsafeValueError("a string with a control character")
    return "'" + value.replace("'", "''") + "'"


def _field(name: str) -> str:
    if not _FIELD.fullmatch(name):
        raise UnsafeValueError("a field is a name in camelCase")
    return name
