"""How long: a number and a unit of time in a technician's words."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from deskhand.agent.planning.lexicon import vocabulary

_TOGETHER: Final = re.compile(r"(\d{1,3}(?:[.,]\d{1,2})?)([a-z]+)")
_DIGITS: Final = re.compile(r"\d{1,3}(?:[.,]\d{1,2})?")
_MINUTES: Final = {"minutes": 1, "hours": 60}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time and the indices of the words that say it."""

    minutes: int
    indices: frozenset[int]


def spans(words: Sequence[str]) -> Iterator[Span]:
    """Find stretches of time in folded words."""
    for at, word in enumerate(words):
        together = _TOGETHER.fullmatch(word)
        if together and (unit := _unit(together[2])):
            yield Span(round(_number(together[1]) * unit), frozenset({at}))
        elif at and (unit := _unit(word)):
            yield from _counted(words, at, unit)


def _counted(words: Sequence[str], at: int, unit: int) -> Iterator[Span]:
    if _DIGITS.fullmatch(words[at - 1]):
        yield Span(round(_number(words[at - 1]) * unit), frozenset({at - 1, at}))
        return
    for number, wordings in vocabulary("numbers").items():
        for wording in wordings:
            if tuple(words[max(0, at - len(wording)) : at]) == wording:
                yield Span(round(float(number) * unit), frozenset(range(at - len(wording), at + 1)))
                return


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _unit(word: str) -> int | None:
    return next((_MINUTES[name] for name, known in vocabulary("units").items() if (word,) in known), None)
