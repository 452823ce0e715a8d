"""A linear head: one weight for each feature and label, learned from what people chose."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.svm import LinearSVC

from deskhand.knowledge.features import Floats, Indices, Vector

SHARPNESS = 5.0
"""Turns a margin into a log-odds before anything was learned about how far margins can be trusted."""
ENOUGH = 50
"""Examples from which buckets that only one of them has are dropped."""
UNSEEN = -8.0
"""Log-odds, relative to the middle, of a label nobody has ever chosen."""


@dataclass(frozen=True, slots=True)
class Head:
    """Scores labels it has seen. ``weights`` has one row for each of ``buckets`` and one column for each label."""

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    """How many examples of each label it learned from."""
    buckets: Indices
    weights: Floats
    offsets: Floats

    def log_odds(self, vector: Vector, labels: Sequence[str]) -> NDArray[np.float64]:
        """Score the given labels for one ticket, in their order."""
        known = dict(zip(self.labels, self._margins(vector) * SHARPNESS, strict=True))
        return np.array([known.get(label, UNSEEN) for label in labels], dtype=np.float64)

    def knows(self, vector: Vector) -> bool:
        """Tell whether any of the features occurred in what it learned from."""
        return bool(len(self._places(vector)[0]))

    def influences(self, vector: Vector, label: str) -> dict[int, float]:
        """Say how much each bucket of a ticket speaks for the label rather than for the others."""
        if label not in self.labels:
            return {}
        found, mine = self._places(vector)
        weights = self.weights[found]
        lead = weights[:, self.labels.index(label)] - weights.mean(axis=1)
        return dict(zip(vector.indices[mine].tolist(), (lead * vector.weights[mine]).tolist(), strict=True))

    def _margins(self, vector: Vector) -> NDArray[np.float64]:
        found, mine = self._places(vector)
        return np.asarray(vector.weights[mine] @ self.weights[found] + self.offsets, dtype=np.float64)

    def _places(self, vector: Vector) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Find which of the head's rows the ticket touches, and which of the ticket's buckets they are."""
        places = np.searchsorted(self.buckets, vector.indices)
        places[places == len(self.buckets)] = 0
        mine = self.buckets[places] == vector.indices
        return places[mine], mine


def train(rows: sparse.csr_matrix, labels: Sequence[str]) -> Head | None:
    """Learn a head from weighted feature rows; None where fewer than two labels occur. Deterministic.

    Rare labels weigh more, by the square root of how rare they are: fully evened out, they would be chosen too often.
    With ENOUGH examples, buckets of one row only are dropped: they cannot generalise, and most are such.
    """
    counts = Counter(labels)
    if len(counts) < 2 or min(rows.shape) == 0:  # noqa: PLR2004  # two labels make a question
        return None
    names = tuple(sorted(counts))
    code_of = {name: code for code, name in enumerate(names)}
    codes = [code_of[label] for label in labels]
    evened = {code: (len(labels) / (len(names) * counts[name])) ** 0.5 for name, code in code_of.items()}
    buckets = np.flatnonzero(np.bincount(rows.indices, minlength=rows.shape[1]) > (1 if len(labels) >= ENOUGH else 0))
    machine = LinearSVC(C=0.15, class_weight=evened, random_state=0).fit(rows[:, buckets], codes)
    weights, offsets = machine.coef_.T, machine.intercept_
    if len(names) == 2:  # noqa: PLR2004  # scikit-learn keeps one column for two labels
        weights, offsets = np.hstack([-weights, weights]), np.hstack([-offsets, offsets])
    return Head(
        names,
        tuple(counts[name] for name in names),
        buckets.astype(np.int32),
        np.ascontiguousarray(weights, dtype=np.float32),
        offsets.astype(np.float32),
    )
