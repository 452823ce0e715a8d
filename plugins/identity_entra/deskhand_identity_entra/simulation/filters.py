"""Graph's $filter for directories: eq, ne, and, or, not, startsWith, endsWith, any; case is ignored."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from deskhand_identity_entra.simulation.tenants import Record

TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|([A-Za-z]+)|([/(),:]))")


class FilterError(ValueError):
    """The filter is not one Graph would understand."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """What a record must be; an advanced one needs ConsistencyLevel: eventual and $count=true."""

    holds: Callable[[Record], bool]
    is_advanced: bool = False


def predicate_of(text: str) -> Predicate:
    """Understand a whole filter, or raise FilterError."""
    parser = _Parser(_tokens(text))
    predicate = parser.either()
    if parser.rest:
        raise FilterError(parser.rest[0])
    return predicate


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text.rstrip()):
        match = TOKEN.match(text, position)
        if match is None:
            raise FilterError(text[position:])
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens

    def either(self) -> Predicate:
        found = [self._both()]
        while self._took("or"):
            found.append(self._both())
        return _joined(found, any)

    def _both(self) -> Predicate:
        found = [self._one()]
        while self._took("and"):
            found.append(self._one())
        return _joined(found, all)

    def _one(self) -> Predicate:
        if self._took("("):
            inner = self.either()
            self._expect(")")
            return inner
        if self._took("not"):
            inner = self._one()
            return Predicate(lambda record: not inner.holds(record), is_advanced=True)
        name = self._next()
        if name.lower() in {"startswith", "endswith"}:
            return self._function(name.lower())
        if self._took("/"):
            return self._any(name)
        return self._comparison(name)

    def _function(self, name: str) -> Predicate:
        self._expect("(")
        field = self._next()
        self._expect(",")
        wanted = str(_value(self._next())).lower()
        self._expect(")")
        if name == "startswith":
            return Predicate(lambda record: _text(record.get(field)).startswith(wanted))
        return Predicate(lambda record: _text(record.get(field)).endswith(wanted), is_advanced=True)

    def _any(self, field: str) -> Predicate:
        self._expect("any")
        self._expect("(")
        variable = self._next()
        self._expect(":")
        if self._next() != variable:
            raise FilterError(variable)
        self._expect("eq")
        wanted = _text(_value(self._next()))
        self._expect(")")

        def holds(record: Record) -> bool:
            values = record.get(field)
            return any(_text(each) == wanted for each in values) if isinstance(values, list) else False

        return Predicate(holds)

    def _comparison(self, field: str) -> Predicate:
        operator, wanted = self._next(), _value(self._next())
        if operator == "eq":
            return Predicate(lambda record: _text(record.get(field)) == _text(wanted))
        if operator == "ne":
            return Predicate(lambda record: _text(record.get(field)) != _text(wanted), is_advanced=True)
        raise FilterError(operator)

    def _next(self) -> str:
        if not self.rest:
            raise FilterError("it ends too soon")
        return self.rest.pop(0)

    def _took(self, token: str) -> bool:
        if self.rest and self.rest[0] == token:
            self.rest.pop(0)
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._took(token):
            raise FilterError(token)


def _joined(found: list[Predicate], how: Callable[[list[bool]], bool]) -> Predicate:
    if len(found) == 1:
        return found[0]
    return Predicate(
        lambda record: how([each.holds(record) for each in found]), any(each.is_advanced for each in found)
    )


def _value(token: str) -> JsonValue:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    if token in {"true", "false", "null"}:
        return {"true": True, "false": False, "null": None}[token]
    raise FilterError(token)


def _text(value: JsonValue) -> str:
    return str(value).lower()
