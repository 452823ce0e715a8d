"""Texts that speak of the same, found without knowing how many groups there are."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from deskhand.knowledge.features import BUCKETS, Floats, count_words

Rows: TypeAlias = NDArray[np.intp]

DIRECTIONS = 200
"""Directions of meaning that are kept; fewer where there are few texts."""
TEXTS_FOR_A_DIRECTION = 12
FURTHEST = 0.65
"""Mean cosine distance between two groups from which they are two things."""
FURTHEST_FILED = 0.8
"""The same among texts that people have filed under one label: that alone says much."""
LEAST_ALIKE = 0.4
"""Cosine with a group's middle below which a text belongs to no group."""
MOST_COMPARED = 5_000
"""Texts compared with each other; of more, as many are drawn evenly and the others join the nearest group."""


def located(texts: Sequence[str], more: Sequence[str], share: float) -> Floats:
    """Place comparable texts in a space of meaning, one row of length 1 each.

    A text that shares no word with any other is at the origin, and near nothing.
    ``more`` says more about each text, in words of another sort (what was done about it), and counts for ``share``.
    Latent semantic analysis over weighted words (Deerwester et al., 1990, "Indexing by Latent Semantic Analysis").
    """
    weighed = sparse.hstack([_weighed(texts), share * _weighed(more)], format="csr")
    weighed = weighed[:, np.unique(weighed.indices)]
    if not weighed.shape[1]:
        return np.zeros((len(texts), 1), dtype=np.float32)
    directions = min(DIRECTIONS, len(texts) // TEXTS_FOR_A_DIRECTION, weighed.shape[1] - 1)
    if directions < 2:  # noqa: PLR2004  # a line is no space
        return np.asarray(normalize(weighed.toarray()), dtype=np.float32)
    placed = TruncatedSVD(directions, n_iter=3, random_state=0).fit_transform(weighed)
    return np.asarray(normalize(placed), dtype=np.float32)


def _weighed(texts: Sequence[str]) -> sparse.csr_matrix:
    counts = count_words(texts)
    frequency = np.bincount(counts.indices, minlength=BUCKETS)
    rarity = np.where(frequency > 1, np.log((1 + len(texts)) / (1 + frequency)) + 1, 0.0)
    counts.data = (1 + np.log(counts.data)) * rarity[counts.indices]
    counts.eliminate_zeros()
    return normalize(counts)


def groups(places: Floats, fewest: int, furthest: float = FURTHEST) -> list[Rows]:
    """Group rows of length 1 by average linkage; each group's rows, the most typical first. Rows may be in none."""
    drawn = _drawn(places)
    if len(drawn) < max(fewest, 1):
        return []
    middles = _middles(places[drawn], fewest * len(drawn) / len(places), furthest)
    if not len(middles):
        return []
    likeness = places @ middles.T
    nearest, closest = likeness.argmax(axis=1), likeness.max(axis=1)
    found = [np.flatnonzero((nearest == group) & (closest >= LEAST_ALIKE)) for group in range(len(middles))]
    return [rows[np.argsort(-closest[rows], kind="stable")] for rows in found if len(rows) >= fewest]


def _drawn(places: Floats) -> Rows:
    """Draw rows evenly among those that say anything; all where there are few."""
    telling = np.flatnonzero(places.any(axis=1))
    if len(telling) <= MOST_COMPARED:
        return telling
    return telling[np.linspace(0, len(telling) - 1, MOST_COMPARED).astype(np.intp)]


def _middles(places: Floats, fewest: float, furthest: float) -> Floats:
    if len(places) == 1:
        return places
    labels = fcluster(linkage(pdist(places.astype(np.float64), "cosine"), "average"), furthest, "distance")
    sizes = np.bincount(labels)
    kept = np.flatnonzero(sizes >= max(fewest, 1))
    means = [places[labels == label].mean(axis=0) for label in kept]
    return normalize(np.array(means)).astype(np.float32) if means else np.zeros((0, places.shape[1]), np.float32)
