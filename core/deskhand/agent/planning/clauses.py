"""A sentence taken apart at full stops, commas and conjunctions, each piece to be understood alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Final

from deskhand.agent.planning.lexicon import vocabulary, word_set
from deskhand.agent.planning.words import Kind, Word

_ENDS: Final = frozenset(".;!?\n•")
_PAUSES: Final = frozenset(",()[]–—→&+/|")
_SILENT: Final = frozenset({"-", ":", "'s", "…", "*", "'", "’", "´", '"'})


class Joint(IntEnum):
    """What stands before a clause; the greater says more."""

    PAUSE = 0
    AND = 1
    BUT = 2
    STOP = 3


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of a sentence, and what joins it to the piece before: a conjunction, “but”, a comma, or a full stop."""

    words: tuple[Word, ...]
    text: str
    joint: Joint
    sentence: str = field(repr=False)
    """All of what was said, which the words' places refer to."""

    def said(self, first: int, last: int) -> str:
        """Return what was typed from one word to another."""
        return self.sentence[self.words[first].start : self.words[last].end]

    @property
    def folded(self) -> tuple[str, ...]:
        """Each word as it is compared, "" for what is no word."""
        return tuple(word.folded if word.kind is Kind.WORD else "" for word in self.words)


def clauses(text: str, words: Sequence[Word]) -> tuple[Clause, ...]:
    """Split a sentence, without pieces that hold nothing."""
    found: list[Clause] = []
    held: list[Word] = []
    joint, following = Joint.STOP, Joint.STOP
    for word, separator in _separated(words):
        if separator is not None:
            if held:
                found.append(clause_of(text, held, joint))
                held, following = [], Joint.PAUSE
            following = max(following, separator)
        if separator is None or word.folded in _openers():
            joint = following if not held else joint
            held.append(word)
            following = Joint.PAUSE
    if held:
        found.append(clause_of(text, held, joint))
    return tuple(each for each in found if each.words)


def clause_of(text: str, words: Sequence[Word], joint: Joint) -> Clause:
    """Make a clause of neighbouring words: marks that only structure a sentence are left out."""
    kept = tuple(word for word in words if word.kind is not Kind.MARK or word.text not in _SILENT | _PAUSES | _ENDS)
    return Clause(kept, text[words[0].start : words[-1].end], joint, text)


def _separated(words: Sequence[Word]) -> Iterator[tuple[Word, Joint | None]]:
    """Yield each word with how it separates clauses, if it does."""
    separators = dict(_conjunctions(words))
    is_line_start = True
    for at, word in enumerate(words):
        is_mark = word.kind is Kind.MARK
        is_numbering = is_line_start and _is_numbering(words, at)
        is_line_start = (is_mark and word.text in {"\n", "-", "*", "•"} and is_line_start) or word.text == "\n"
        if is_numbering:
            is_line_start = True
        elif at in separators:
            yield word, separators[at]
        elif is_mark and word.text in _ENDS:
            yield word, Joint.STOP
        else:
            yield word, Joint.PAUSE if is_mark and word.text in _PAUSES else None


def _is_numbering(words: Sequence[Word], at: int) -> bool:
    """Tell whether this is the “1.” or “2)” of a list, or the mark behind it."""
    is_number = words[at].kind is Kind.WORD and words[at].text.isdecimal() and len(words[at].text) <= 2  # noqa: PLR2004  # digits
    if is_number:
        return at + 1 < len(words) and words[at + 1].text in {".", ")"}
    before = words[at - 1] if at else None
    return words[at].text in {".", ")"} and before is not None and before.text.isdecimal()


def _conjunctions(words: Sequence[Word]) -> Iterator[tuple[int, Joint]]:
    heard = [word.folded if word.kind is Kind.WORD else word.text for word in words]
    # “en” is Dutch for “and”, but French and Spanish for “in”
    sections = ("any", "nl") if word_set("dutch").intersection(heard) else ("any",)
    for at, word in enumerate(heard):
        for section, wording in _by_first_word().get(word, ()):
            if tuple(heard[at : at + len(wording)]) == wording and section in {*sections, "but", "split"}:
                joint = Joint.BUT if section in {"but", "split"} else Joint.AND
                yield from ((each, joint) for each in range(at, at + len(wording)))


@cache
def _by_first_word() -> Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]]:
    known = [(section, each) for section, wordings in vocabulary("conjunctions").items() for each in wordings]
    return {first: tuple(pair for pair in known if pair[1][0] == first) for first in {each[0] for _, each in known}}


@cache
def _openers() -> frozenset[str]:
    """Return the words that begin a clause and belong to it, such as “without”."""
    return frozenset(each[0] for each in vocabulary("conjunctions")["split"])
