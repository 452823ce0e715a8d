"""What in a document looks like one person's data, or like an identifier of one client's: it is lifted, not written."""

import re
from collections.abc import Collection, Iterator, Mapping

from pydantic import JsonValue

_SHAPES: Mapping[str, re.Pattern[str]] = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "an identifier": re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE),
    "a telephone number": re.compile(r"(?<![\w.])\+?\d[\d ()/.-]{6,}\d(?![\w.])"),
    "a number as records have them": re.compile(r"\b(?:[A-Z]{2})?[0-9A-F]*\d[0-9A-F]*\d{4,}[0-9A-F]*\b", re.IGNORECASE),
}
_WORD = re.compile(r"[^\W\d_]{3,}")


def looks_personal(text: str, names: Collection[str] = ()) -> str | None:
    """Say what a text seems to hold: an address, an identifier, a number, or one of the names; None where nothing."""
    found = next((what for what, shape in _SHAPES.items() if shape.search(text)), None)
    if found is not None:
        return found
    words = {word.casefold() for word in _WORD.findall(text)}
    return next(("the name of a person or client" for name in names if _words(name) and _words(name) <= words), None)


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


def _words(name: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(name)}
