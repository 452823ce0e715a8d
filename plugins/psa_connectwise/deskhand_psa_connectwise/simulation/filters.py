"""The vendor's filters, applied: the tree of a filter becomes a function over records.

Text compares without regard to case, as on the vendor's SQL Server. ``*`` and ``%`` stand for any text.
"""

import operator
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from pydantic import JsonValue

from deskhand_psa_connectwise.simulation.filter_syntax import (
    WORD_OPERATORS,
    Both,
    Comparison,
    FilterError,
    Node,
    Scalar,
    parse,
)

Record: TypeAlias = dict[str, JsonValue]
Predicate: TypeAlias = Callable[[Record], bool]

_ALIASES = {"lastupdated": "_info/lastUpdated", "dateentered": "_info/dateEntered"}


def compiled(text: str) -> Predicate:
    """Turn a filter into a function that tells whether a record passes."""
    return _predicate(parse(text))


def compiled_for_children(text: str) -> Predicate:
    """Turn a filter on an array into a function: some element passes all of it."""
    node = parse(text)
    names = {each.partition("/")[0] for each in _fields(node)}
    if len(names) != 1:
        raise FilterError("conditions on more than one array")
    array, passes = names.pop(), _predicate(node)

    def has_child(record: Record) -> bool:
        children = record.get(array)
        return isinstance(children, list) and any(passes({array: child}) for child in children)

    return has_child


def _fields(node: Node) -> Iterator[str]:
    if isinstance(node, Comparison):
        yield node.field
    else:
        yield from _fields(node.left)
        yield from _fields(node.right)


def _predicate(node: Node) -> Predicate:
    if isinstance(node, Comparison):
        return _comparison(node)
    left, right = _predicate(node.left), _predicate(node.right)
    if isinstance(node, Both):
        return lambda record: left(record) and right(record)
    return lambda record: left(record) or right(record)


def _comparison(node: Comparison) -> Predicate:
    read, holds = field_reader(node.field), _test(node)
    if node.is_negated:
        return lambda record: not holds(read(record))
    return lambda record: holds(read(record))


def field_reader(field: str) -> Callable[[Record], JsonValue]:
    """Return a function that reads a field, whatever the case of its name; None where it is missing."""
    segments = _ALIASES.get(field.lower(), field).split("/")

    def read(record: Record) -> JsonValue:
        value: JsonValue = record
        for segment in segments:
            if not isinstance(value, dict):
                return None
            value = value[segment] if segment in value else _in_any_case(value, segment)
        return value

    return read


def _in_any_case(record: Record, name: str) -> JsonValue:
    return next((value for key, value in record.items() if key.lower() == name.lower()), None)


def _test(node: Comparison) -> Callable[[JsonValue], bool]:
    if isinstance(node.value, tuple):
        wanted = {_folded(each) for each in node.value}
        return lambda value: _folded(value) in wanted
    if node.operator in WORD_OPERATORS or (node.operator in {"=", "!="} and "*" in str(node.value)):
        return _pattern_test(node)
    compare, wanted_value = _SIGNS[node.operator], _folded(node.value)

    def holds(value: JsonValue) -> bool:
        folded = _folded(value)
        if node.operator in {"=", "!="}:
            return compare(folded, wanted_value)
        return type(folded) is type(wanted_value) and folded is not None and compare(folded, wanted_value)

    return holds


def _pattern_test(node: Comparison) -> Callable[[JsonValue], bool]:
    pieces = re.split(r"[*%]", str(node.value))
    pattern = ".*".join(re.escape(piece) for piece in pieces)
    regex = re.compile(f".*{pattern}.*" if node.operator == "contains" else pattern, re.IGNORECASE | re.DOTALL)
    is_wanted = node.operator != "!="
    return lambda value: (isinstance(value, str) and regex.fullmatch(value) is not None) is is_wanted


def _folded(value: JsonValue) -> Scalar:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return float(value)
    return value.casefold() if isinstance(value, str) else None


_SIGNS: dict[str, Callable[[object, object], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,  # type: ignore[dict-item]  # called with two values of one type that has an order
    "<=": operator.le,  # type: ignore[dict-item]  # as above
    ">": operator.gt,  # type: ignore[dict-item]  # as above
    ">=": operator.ge,  # type: ignore[dict-item]  # as above
}
