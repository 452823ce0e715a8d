"""What in a document looks like one person's data, or like an identifier of one client's: it is lifted, not written."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

_SHAPES: Mapping[str, re.Pattern[str]] = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "an identifier": re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE),
    "a telephone number": re.compile(r"(?<![\w.])\+?\d[\d ()/.-]{6,}\d(?![\w.])"),
    "a number as records have them": re.compile(r"\b(?:[A-Z]{2})?[0-9A-F]*\d[0-9A-F]*\d{4,}[0-9A-F]*\b", re.IGNORECASE),
}
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Names:
    """Names that no document may hold, found by their first word so that many thousands cost nothing."""

    by_first: Mapping[str, tuple[frozenset[str], ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Iterable[str]) -> "Names":
        """Take names apart; one without a longer word in it is left out."""
        found: dict[str, list[frozenset[str]]] = {}
        for name in names:
            words = [word.casefold() for word in _WORD.findall(name)]
            if words:
                found.setdefault(words[0], []).append(frozenset(words))
        return cls({first: tuple(each) for first, each in found.items()})

    def are_in(self, text: str) -> bool:
        """Tell whether a text has every word of one of the names."""
        words = {word.casefold() for word in _WORD.findall(text)}
        return any(name <= words for word in words for name in self.by_first.get(word, ()))


NOBODY = Names()


def looks_personal(text: str, names: Names = NOBODY) -> str | None:
    """Say what a text seems to hold: an address, an identifier, a number, or one of the names; None where nothing."""
    found = next((what for what, shape in _SHAPES.items() if shape.search(text)), None)
    if found is None and names.are_in(text):
        return "the name of a person or client"
    return found


def texts_of(value: JsonValue) -> Iterator[str]:
    """List every text and number in a value."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from texts_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_of(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
