"""Tickets as hashed words and character n-grams, weighted by how much each says: no vocabulary is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

Floats: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.int32]

BUCKETS = 1 << 18
"""Hash buckets for words and again for character n-grams."""
CHARACTER_WEIGHT = 0.5
"""Character n-grams catch typing errors and German compounds; words say more."""
_WORD = r"(?u)[^\W_]{2,}(?:['\u2019-][^\W_]+)*"


@dataclass(frozen=True, slots=True)
class Vector:
    """One ticket's features: bucket numbers in ascending order and their weights. Words come first and have norm 1."""

    indices: Indices
    weights: Floats

    def words(self) -> "Vector":
        """Return the part that stands for words."""
        count = int(np.searchsorted(self.indices, BUCKETS))
        return Vector(self.indices[:count], self.weights[:count])


@dataclass(frozen=True, slots=True)
class Features:
    """Turns texts into vectors, with the rarity weights of the texts it was fitted on. Texts are ``comparable``."""

    rarity: Floats = field(repr=False)
    """Inverse document frequency of each bucket, shape (2 x BUCKETS,)."""

    @classmethod
    def fitted(cls, counts: sparse.csr_matrix) -> "Features":
        """Learn from counted texts how rare each n-gram is; with no texts every n-gram weighs the same."""
        frequency = np.bincount(counts.indices, minlength=2 * BUCKETS)
        return cls((np.log((1 + counts.shape[0]) / (1 + frequency)) + 1).astype(np.float32))

    def vector(self, text: str) -> Vector:
        """Return the features of one text."""
        return vectors(self.weigh(count([text])))[0]

    def weigh(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return the counted texts as weighted rows: word norms are 1, character norms CHARACTER_WEIGHT."""
        weights = (1 + np.log(counts.data)) * self.rarity[counts.indices]
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        is_word = counts.indices < BUCKETS
        for part, weight in ((is_word, 1.0), (~is_word, CHARACTER_WEIGHT)):
            squares = np.bincount(rows[part], weights=weights[part] ** 2, minlength=counts.shape[0])
            norms = np.sqrt(np.maximum(squares, 1e-12))
            weights[part] *= weight / norms[rows[part]]
        return sparse.csr_matrix((weights.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)


def vectors(rows: sparse.csr_matrix) -> list[Vector]:
    """Take weighted rows apart."""
    ends = rows.indptr[1:-1]
    parts = zip(np.split(rows.indices, ends), np.split(rows.data, ends), strict=True)
    return [Vector(indices, weights) for indices, weights in parts]


def count(texts: Sequence[str]) -> sparse.csr_matrix:
    """Count the n-grams of comparable texts, one row for each, shape (texts, 2 x BUCKETS)."""
    if not texts:
        return sparse.csr_matrix((0, 2 * BUCKETS), dtype=np.float32)
    both = sparse.hstack([_words().transform(texts), _characters().transform(texts)], format="csr")
    both.sort_indices()
    return both


def count_words(texts: Sequence[str]) -> sparse.csr_matrix:
    """Count the words alone, shape (texts, BUCKETS)."""
    return _words().transform(texts)


def words_of(text: str) -> tuple[tuple[str, int], ...]:
    """List the words of a comparable text in order, repetitions too, each with its bucket."""
    words = _words().build_analyzer()(text)
    if not words:
        return ()
    buckets = _single_words().transform([[word] for word in words]).indices
    return tuple(zip(words, (int(bucket) for bucket in buckets), strict=True))


@cache
def _words() -> HashingVectorizer:
    return _hasher(token_pattern=_WORD)


@cache
def _characters() -> HashingVectorizer:
    return _hasher(analyzer="char_wb", ngram_range=(3, 5))


@cache
def _single_words() -> HashingVectorizer:
    return _hasher(analyzer=list)


def _hasher(**settings: object) -> HashingVectorizer:
    return HashingVectorizer(
        n_features=BUCKETS, norm=None, alternate_sign=False, lowercase=False, dtype=np.float32, **settings
    )
