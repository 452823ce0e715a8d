"""Whether a ticket is one an automation is for: its match rule held against the ticket's words and type."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import sqrt

from deskhand.automation.document import MatchRule
from deskhand.knowledge.examples import is_common
from deskhand.knowledge.text import comparable, folded

_WORD = re.compile(r"[^\W_]{2,40}")
_STAND_INS = frozenset({"mailaddress", "weblink", "00000"})
_SHORTEST_TELLING = 3
ROUNDING = 1e-6
"""Likenesses that differ by less are the same."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A ticket as rules see it: its words without case and accents, and its type's name where it has one."""

    words: frozenset[str]
    type_name: str | None = None

    @classmethod
    def of(cls, text: str, type_name: str | None = None) -> "Reading":
        """Read a ticket's text: its summary and what the customer wrote."""
        return cls(words_in(text), type_name)


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """Whether a rule matches a ticket, how alike the ticket is to the rule's closest example, in [0, 1], and why."""

    is_match: bool
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matcher:
    """A rule ready to be held against tickets. ``examples`` are its example tickets' words by their id."""

    rule: MatchRule
    examples: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def judge(self, reading: Reading) -> RuleMatch:
        """Hold one ticket against every part of the rule; the first part that fails is the reason.

        A rule that asks for likeness to examples that are no longer there matches nothing. A ticket without a type
        is judged by the rest.
        """
        likeness = self._likeness(reading)
        score = max(likeness.values(), default=0.0)
        failure = self._failure(reading, score)
        if failure is not None:
            return RuleMatch(is_match=False, score=score, reasons=(failure,))
        return RuleMatch(is_match=True, score=score, reasons=tuple(self._reasons(reading, likeness)))

    def _failure(self, reading: Reading, score: float) -> str | None:
        rule = self.rule
        if rule.is_empty:
            return "the rule is empty"
        wording = self._wording_failure(reading)
        if wording is not None:
            return wording
        if rule.types and reading.type_name is not None and not is_among(reading.type_name, rule.types):
            return f"its type is {reading.type_name}, not {' or '.join(rule.types)}"
        if rule.similarity is not None and rule.examples and score < rule.similarity - ROUNDING:
            return f"it is unlike the examples ({score:.0%}, not {rule.similarity:.0%})"
        return None

    def _wording_failure(self, reading: Reading) -> str | None:
        rule = self.rule
        missing = [word for word in rule.required if not has(reading.words, word)]
        if missing:
            return f"the ticket has no “{missing[0]}”"
        if rule.any and not any(has(reading.words, word) for word in rule.any):
            return f"the ticket has none of {quoted(rule.any)}"
        unwanted = [word for word in rule.forbidden if has(reading.words, word)]
        if unwanted:
            return f"the ticket has “{unwanted[0]}”"
        return None

    def _reasons(self, reading: Reading, likeness: Mapping[str, float]) -> Iterable[str]:
        found = [word for word in (*self.rule.required, *self.rule.any) if has(reading.words, word)]
        if found:
            yield f"it says {quoted(found)}"
        if self.rule.types and reading.type_name is not None:
            yield f"its type is {reading.type_name}"
        elif self.rule.types:
            yield "its type is not decided"
        if likeness and max(likeness.values()) > 0:
            closest = max(likeness, key=lambda each: likeness[each])
            yield f"it is {likeness[closest]:.0%} like ticket {closest}"

    def _likeness(self, reading: Reading) -> dict[str, float]:
        mine = telling_words(reading.words)
        return {name: alike(mine, telling_words(words)) for name, words in self.examples.items()}


def words_in(text: str) -> frozenset[str]:
    """Return the distinct words of a text, without case and accents."""
    return frozenset(_WORD.findall(folded(comparable(text))))


def telling_words(words: Iterable[str]) -> frozenset[str]:
    """Return the words that say anything: no glue, no numbers, no stand-ins for addresses."""
    return frozenset(word for word in words if is_telling(word))


@lru_cache(maxsize=200_000)
def is_telling(word: str) -> bool:
    """Tell whether a word says anything about what a ticket is."""
    if len(word) < _SHORTEST_TELLING or word in _STAND_INS or any(each.isdigit() for each in word):
        return False
    return not is_common(word)


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the cosine of two sets of words, in [0, 1]."""
    return len(one & other) / sqrt(len(one) * len(other)) if one and other else 0.0


def has(words: frozenset[str], wanted: str) -> bool:
    """Tell whether a word, or one with this beginning, is among the words."""
    plain = folded(wanted)
    if plain.endswith("*"):
        return any(word.startswith(plain[:-1]) for word in words)
    return plain in words


def is_among(name: str, names: Iterable[str]) -> bool:
    """Compare names of types as people write them."""
    return folded(name.strip()) in {folded(each.strip()) for each in names}


def quoted(words: Iterable[str]) -> str:
    """List words for people."""
    return ", ".join(f"“{word}”" for word in words)
