"""Text made safe to show and even to compare: hostile characters go, meaning stays."""

import re
import unicodedata

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,300}>")
_SPACES = re.compile(r"\s+")
_DIGITS = re.compile(r"\d{5,}")
_MARKUP = str.maketrans(dict.fromkeys("<>[]{}`|\\*_#~", " "))
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
MOST_CHARACTERS = 4000
"""Longer messages are compared by their beginning only."""


def inert(text: str, limit: int = 200) -> str:
    """Return the text as one plain line of at most ``limit`` characters that cannot pass for anything else.

    Line breaks become spaces; control, bidirectional, invisible and private characters and markup vanish.
    """
    clean = visible(_TAG.sub(" ", text[: limit * 20])).translate(_MARKUP)
    line = _SPACES.sub(" ", clean).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def visible(text: str) -> str:
    """Return the text in NFKC without control, bidirectional and invisible characters; line breaks stay."""
    composed = unicodedata.normalize("NFKC", text)
    if composed.replace("\n", " ").isprintable():
        return composed
    return "".join(
        character if character == "\n" or unicodedata.category(character) not in _INVISIBLE else _stand_in(character)
        for character in composed
    )


def comparable(text: str) -> str:
    """Return the text lower-cased, with addresses, links and long numbers replaced, for comparing tickets."""
    clean = visible(text[:MOST_CHARACTERS]).casefold()
    clean = _LINK.sub(" weblink ", _ADDRESS.sub(" mailaddress ", clean))
    return _SPACES.sub(" ", _DIGITS.sub("00000", clean)).strip()


def folded(text: str) -> str:
    """Return the text without case and accents."""
    if text.isascii():
        return text.casefold()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in parts if unicodedata.category(each) != "Mn")


def _stand_in(character: str) -> str:
    """Keep words apart where controls act as spaces; drop the rest, so that no hidden joiner splits a word."""
    return " " if character in "\t\r\v\f\x85\u2028\u2029" else ""
