"""Hostile text becomes a full-text query: every word quoted, and only the few that say most."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

MOST_CHARACTERS = 20_000
"""Only the beginning of a longer text is looked at."""
MOST_CANDIDATES = 400
MOST_TERMS = 24
MOST_MATCHES = 6_000
"""Rows the chosen words may occur in, added up: what bounds the time of a search."""

_WORD = re.compile(r"[^\W_]{2,64}")


def words(text: str) -> tuple[str, ...]:
    """Return the distinct words of a text as FTS5's unicode61 tokenizer folds them, in order of appearance.

    https://www.sqlite.org/fts5.html#unicode61_tokenizer
    """
    decomposed = unicodedata.normalize("NFD", text[:MOST_CHARACTERS])
    folded = "".join(each for each in decomposed if not unicodedata.combining(each)).lower()
    return tuple(dict.fromkeys(_WORD.findall(folded)))[:MOST_CANDIDATES]


def most_telling(candidates: Iterable[str], occurrences: Mapping[str, int]) -> tuple[str, ...]:
    """Return at most 24 words, the rarest first; words that occur nowhere find nothing and are left out."""
    known = sorted((each for each in candidates if occurrences.get(each)), key=lambda each: occurrences[each])
    chosen: list[str] = []
    matches = 0
    for word in known[:MOST_TERMS]:
        matches += occurrences[word]
        if chosen and matches > MOST_MATCHES:
            break
        chosen.append(word)
    return tuple(chosen)


def any_of(terms: Iterable[str]) -> str:
    """Return the FTS5 query that finds any of the words. Words hold no quotes, and are quoted all the same."""
    return " OR ".join(f'"{term}"' for term in terms)
