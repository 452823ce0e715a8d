"""The vendor's filter language, read: a text becomes a tree.

Written from the vendor's Developer Guide ("PSA API Requests", Conditions), and apart from
:mod:`deskhand_psa_connectwise.conditions`, which it checks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"[^"]*"|'[^']*')
      | (?P<moment>\[[^\]]*\])
      | (?P<number>-?\d+(?:\.\d+)?(?![\w/]))
      | (?P<symbol><=|>=|!=|=|<|>|\(|\)|,)
      | (?P<word>[A-Za-z_][\w/]*)
    )""",
    re.VERBOSE,
)
WORD_OPERATORS = frozenset({"contains", "like", "in"})
SIGNS = frozenset({"=", "!=", "<", "<=", ">", ">="})
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
"""How every date is stored here, so that dates compare as text."""


class FilterError(ValueError):
    """The text is not a filter; the vendor answers 400."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field against one value, or a tuple of them for ``in``."""

    field: str
    operator: str
    value: Scalar | tuple[Scalar, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Both:
    """Two filters that must both hold."""

    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Either:
    """Two filters of which one must hold."""

    left: "Node"
    right: "Node"


Node: TypeAlias = Comparison | Both | Either


def parse(text: str) -> Node:
    """Read a filter. FilterError where it is none."""
    reader = _Reader(text)
    node = reader.either()
    reader.end()
    return node


class _Reader:
    """Takes a filter apart from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._position = 0

    def either(self) -> Node:
        node = self.both()
        while self._take_word("or"):
            node = Either(node, self.both())
        return node

    def both(self) -> Node:
        node = self.one()
        while self._take_word("and"):
            node = Both(node, self.one())
        return node

    def one(self) -> Node:
        if self._peek() == ("symbol", "("):
            self._position += 1
            node = self.either()
            self._expect(")")
            return node
        return self.comparison()

    def comparison(self) -> Comparison:
        field = self._next("word")
        is_negated = self._take_word("not")
        kind, sign = self._peek()
        if kind == "word" and sign.lower() in WORD_OPERATORS:
            self._position += 1
            return Comparison(field, sign.lower(), self._operand(sign.lower()), is_negated)
        if kind != "symbol" or sign not in SIGNS or is_negated:
            raise FilterError(f"an operator is missing behind {field}")
        self._position += 1
        return Comparison(field, sign, self._value())

    def end(self) -> None:
        if self._position != len(self._tokens):
            raise FilterError("something stands behind the end")

    def _operand(self, sign: str) -> Scalar | tuple[Scalar, ...]:
        if sign != "in":
            return self._value()
        self._expect("(")
        values = [self._value()]
        while self._peek() == ("symbol", ","):
            self._position += 1
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> Scalar:
        kind, text = self._peek()
        self._position += 1
        if kind == "string":
            return text[1:-1]
        if kind == "moment":
            return _moment(text[1:-1])
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "word" and text.lower() in _WORDS:
            return _WORDS[text.lower()]
        raise FilterError("a value is missing")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._position] if self._position < len(self._tokens) else ("end", "")

    def _next(self, kind: str) -> str:
        found, text = self._peek()
        if found != kind:
            raise FilterError(f"a {kind} is missing")
        self._position += 1
        return text

    def _expect(self, symbol: str) -> None:
        if self._next("symbol") != symbol:
            raise FilterError(f"{symbol} is missing")

    def _take_word(self, word: str) -> bool:
        kind, text = self._peek()
        is_there = kind == "word" and text.lower() == word
        self._position += is_there
        return is_there


_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None}


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise FilterError(f"unexpected character at {position}")
        yield match.lastgroup, match[match.lastgroup]
        position = match.end()


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FilterError("a date is malformed") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).strftime(MOMENT)
