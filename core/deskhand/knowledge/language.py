"""Which language a ticket is in, by its commonest words: English, German, or another."""

import re
from functools import cache
from typing import Literal, TypeAlias

from deskhand.knowledge.examples import commonest, starter

Language: TypeAlias = Literal["en", "de", "other"]

_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[a-zà-öø-ÿ]")
_MOST_WORDS = 400


def language_of(text: str) -> Language:
    """Name the language of a text; without any known word it is ``other``."""
    words = _WORD.findall(text.casefold())[:_MOST_WORDS]
    letters = "".join(words)
    if len(_LATIN.findall(letters)) < 0.5 * len(letters):
        return "other"
    english, german = (_share(words, language) for language in ("en", "de"))
    if max(english, german) <= _share(words, "other"):
        return "other"
    return "de" if german > english else "en"


def _share(words: list[str], language: Language) -> float:
    return sum(1.0 if word in commonest()[language] else 0.4 * (word in _vocabulary(language)) for word in words)


@cache
def _vocabulary(language: Language) -> frozenset[str]:
    """Collect the words of the starter examples in one language that do not occur in the other."""
    mine, others = set[str](), set[str]()
    for example in starter():
        (mine if example.language == language else others).update(_WORD.findall(example.text.casefold()))
    return frozenset(mine - others)
