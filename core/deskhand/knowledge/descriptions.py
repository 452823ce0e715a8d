"""What a board's labels mean, so that triage can stand before the first ticket was ever closed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from deskhand.knowledge.case import Candidate, Case, Scope, Scores
from deskhand.knowledge.examples import is_common, starter, topics, topics_of
from deskhand.knowledge.features import Features, Floats, count
from deskhand.knowledge.similarity import Postings
from deskhand.knowledge.text import comparable
from deskhand.records.documents import FieldName

Embed: TypeAlias = Callable[[Sequence[str]], NDArray[np.float32] | None]
"""Turns texts into rows of length 1, or returns None where no embedding can be had now. Remembers what it can."""

DESCRIBED = frozenset({FieldName.TYPE, FieldName.SUBTYPE, FieldName.ITEM})
WORD_SHARPNESS = 45.0
"""Turns a cosine of hashed features into a log-odds; cosines of texts that agree are small."""
MEANING_SHARPNESS = 14.0
"""The same for cosines of embeddings."""
_REMEMBERED = 256
MOST_EMBEDDED = 1000
"""Characters of a text that its embedding stands for."""


class Descriptions:
    """Judges a type, subtype or item by the words its label's topics usually come with."""

    name = "descriptions"

    def __init__(self, features: Features) -> None:
        self._features = features
        self._index = lru_cache(_REMEMBERED)(self._indexed)

    def judge(self, case: Case, scope: Scope, candidates: Sequence[Candidate]) -> Scores | None:
        """Return a log-score for each candidate, or None where no label's words occur in the ticket."""
        if scope.field not in DESCRIBED:
            return None
        cosines = self._index(tuple(candidates)).similarities(case.vector)
        return None if not cosines.any() else cosines.astype(np.float64) * WORD_SHARPNESS

    def explain(self, case: Case, _scope: Scope, candidate: Candidate) -> tuple[str, ...]:
        """Quote the ticket's words that belong to the label's subject."""
        known = _words_of(candidate)
        shared = {word: bucket for word, bucket in case.words if word in known and not is_common(word)}
        rarest = sorted(shared, key=lambda word: (-self._features.rarity[shared[word]], word))
        quotes = ", ".join(f"“{word}”" for word in rarest[:3])
        return (f"label “{candidate.label}” goes with {quotes}",) if quotes else ()

    def _indexed(self, candidates: tuple[Candidate, ...]) -> Postings:
        return Postings.of(self._features.weigh(count([comparable(described(each)) for each in candidates])))


@dataclass(frozen=True, slots=True)
class Meanings:
    """Judges the same by embeddings: close in meaning though no word is shared."""

    embed: Embed
    name: str = "meaning"

    def judge(self, case: Case, scope: Scope, candidates: Sequence[Candidate]) -> Scores | None:
        """Return a log-score for each candidate, or None where no embedding can be had."""
        if scope.field not in DESCRIBED:
            return None
        cosines = self.likeness(case, [sentence(each) for each in candidates])
        return None if cosines is None else cosines.astype(np.float64) * MEANING_SHARPNESS

    def likeness(self, case: Case, texts: Sequence[str]) -> Floats | None:
        """Return the cosine of a ticket's embedding with each text's, or None where none can be had."""
        rows = self.embed([text[:MOST_EMBEDDED] for text in (case.wording.compared, *texts)])
        return None if rows is None else rows[1:] @ rows[0]

    def explain(self, _case: Case, _scope: Scope, candidate: Candidate) -> tuple[str, ...]:
        """Say that the meaning fits."""
        return (f"meaning: close to “{candidate.label}”",)


def described(candidate: Candidate) -> str:
    """Return a label's own words and those its topics come with in tickets."""
    subjects = _subjects(candidate)
    own = " ".join((candidate.label, candidate.label, *candidate.above, *candidate.below))
    usual = [f"{' '.join(topics()[each].names)} {topics()[each].words}" for each in subjects]
    said = [example.text for example in starter() if example.topic in subjects]
    return " ".join((own, *usual, *said))


def sentence(candidate: Candidate) -> str:
    """Describe a label in one short line, for an embedding."""
    words = " ".join(" ".join(topics()[each].words.split()[:14]) for each in _subjects(candidate)[:4])
    return f"{' '.join((*candidate.above, candidate.label, *candidate.below[:4]))}: {words}"


@lru_cache(_REMEMBERED)
def _words_of(candidate: Candidate) -> frozenset[str]:
    return frozenset(comparable(described(candidate)).split())


def _subjects(candidate: Candidate) -> tuple[str, ...]:
    """Find the topics of a label, and of what it holds; a label such as "Other" has none."""
    return tuple(dict.fromkeys(topic for name in (candidate.label, *candidate.below) for topic in topics_of(name)))
