"""All closed tickets as a table of words, so that a rule is held against fifty thousand of them in a moment."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from deskhand.knowledge.deeds import deeds_in
from deskhand.knowledge.features import Floats
from deskhand.knowledge.matching import ROUNDING, Matcher, is_among, is_telling, words_in
from deskhand.knowledge.memory import Past
from deskhand.knowledge.text import folded

Mask = NDArray[np.bool_]
"""One truth value for each ticket."""


@dataclass(frozen=True, slots=True)
class PastCase:
    """A closed ticket without its text. ``deeds`` is None where nobody wrote down what solved it."""

    ticket_id: str
    company_id: str
    type_name: str | None
    deeds: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Corpus:
    """Closed tickets in the order they were given, and which words each has."""

    cases: tuple[PastCase, ...]
    vocabulary: Mapping[str, int] = field(repr=False)
    """The column of each word."""
    presence: sparse.csc_matrix = field(repr=False)
    """One row a ticket, one column a word; 1 where the ticket has it."""
    telling: sparse.csr_matrix = field(repr=False)
    """The same without words that say nothing; every row has length 1."""

    @classmethod
    def of(cls, past: Iterable[Past]) -> "Corpus":
        """Read tickets, each once; texts are not kept."""
        cases: list[PastCase] = []
        vocabulary: dict[str, int] = {}
        columns, ends = array("i"), array("q", [0])
        for each in past:
            cases.append(_case(each))
            columns.extend(vocabulary.setdefault(word, len(vocabulary)) for word in words_in(each.text))
            ends.append(len(columns))
        ones = np.ones(len(columns), dtype=np.float32)
        shape = (len(cases), len(vocabulary))
        table = sparse.csr_matrix((ones, np.frombuffer(columns, np.int32), np.frombuffer(ends, np.int64)), shape=shape)
        return cls(tuple(cases), vocabulary, table.tocsc(), _normalised(table, vocabulary))

    def __len__(self) -> int:
        return len(self.cases)

    def rows_with(self, word: str) -> Mask:
        """Tell which tickets have a word; ``*`` at its end stands for any ending."""
        found = np.zeros(len(self), dtype=np.bool_)
        for column in self._columns(folded(word)):
            found[self.presence.indices[self.presence.indptr[column] : self.presence.indptr[column + 1]]] = True
        return found

    def alike(self, words: frozenset[str]) -> Floats:
        """Return how alike each ticket is to some words, as `matching.alike` counts it."""
        columns = [self.vocabulary[word] for word in words if is_telling(word) and word in self.vocabulary]
        count = sum(map(is_telling, words))
        if not columns:
            return np.zeros(len(self), dtype=np.float32)
        mine = np.zeros(len(self.vocabulary), dtype=np.float32)
        mine[columns] = 1 / np.sqrt(count)
        return np.asarray(self.telling @ mine, dtype=np.float32)

    def of_types(self, names: Sequence[str]) -> Mask:
        """Tell which tickets have one of these types, or none at all."""
        fits = {name: is_among(name, names) for name in {each.type_name for each in self.cases} if name is not None}
        return np.array([each.type_name is None or fits[each.type_name] for each in self.cases], dtype=np.bool_)

    def matches(self, matcher: Matcher) -> Mask:
        """Hold every ticket against a rule, with the same answers as `Matcher.judge`."""
        rule = matcher.rule
        found = np.full(len(self), not rule.is_empty)
        for word in rule.required:
            found &= self.rows_with(word)
        if rule.any:
            found &= np.logical_or.reduce([self.rows_with(word) for word in rule.any])
        for word in rule.forbidden:
            found &= ~self.rows_with(word)
        if rule.types:
            found &= self.of_types(rule.types)
        if rule.similarity is not None and rule.examples:
            found &= self.closest(matcher.examples) >= np.float32(rule.similarity) - np.float32(ROUNDING)
        return found

    def closest(self, examples: Mapping[str, frozenset[str]]) -> Floats:
        """Return how alike each ticket is to the closest example; 0 without any."""
        likeness = [self.alike(words) for words in examples.values()]
        return np.max(likeness, axis=0) if likeness else np.zeros(len(self), dtype=np.float32)

    def words_of(self, rows: Mask) -> Iterator[tuple[str, int]]:
        """Count in how many of some tickets each word occurs; words that occur in none are left out."""
        sums = np.asarray(rows.astype(np.float32) @ self.presence).ravel()
        names = list(self.vocabulary)
        yield from ((names[column], int(sums[column])) for column in np.flatnonzero(sums))

    def _columns(self, word: str) -> Iterator[int]:
        if word.endswith("*"):
            yield from (column for each, column in self.vocabulary.items() if each.startswith(word[:-1]))
        elif word in self.vocabulary:
            yield self.vocabulary[word]


def _case(past: Past) -> PastCase:
    ticket = past.ticket
    return PastCase(
        ticket.id,
        ticket.company.id if ticket.company else "",
        ticket.type.name if ticket.type else None,
        frozenset(deeds_in(past.resolution)) if past.resolution else None,
    )


def _normalised(table: sparse.csr_matrix, vocabulary: Mapping[str, int]) -> sparse.csr_matrix:
    says = np.array([is_telling(word) for word in vocabulary], dtype=np.float32)
    weighed = table @ sparse.diags(says, shape=(len(vocabulary), len(vocabulary)), format="csr")
    lengths = np.sqrt(np.asarray(weighed.sum(axis=1)).ravel())
    return sparse.diags(1 / np.maximum(lengths, 1e-9), format="csr", dtype=np.float32) @ weighed
