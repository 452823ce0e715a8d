"""Cosine similarity of one ticket to many texts, by an index from features to the texts that have them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from deskhand.knowledge.features import Floats, Indices, Vector


def highest(values: Floats, count: int) -> NDArray[np.intp]:
    """Return the places of the highest values, highest first, without sorting all of them."""
    if len(values) <= count:
        return np.argsort(-values, kind="stable")
    found = np.sort(np.argpartition(-values, count)[:count])
    return found[np.argsort(-values[found], kind="stable")]


@dataclass(frozen=True, slots=True)
class Postings:
    """For each bucket the rows that have it; each row has length 1."""

    count: int
    starts: Indices = field(repr=False)
    rows: Indices = field(repr=False)
    weights: Floats = field(repr=False)

    @classmethod
    def of(cls, matrix: sparse.csr_matrix) -> "Postings":
        """Index weighted rows."""
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        columns = matrix.tocsc()
        weights = columns.data / np.maximum(lengths, 1e-9)[columns.indices]
        return cls(
            matrix.shape[0],
            columns.indptr.astype(np.int32),
            columns.indices.astype(np.int32),
            weights.astype(np.float32),
        )

    def similarities(self, vector: Vector) -> Floats:
        """Return the cosine of a ticket with every row, in [0, 1], shape (count,)."""
        length = float(np.sqrt(np.sum(vector.weights**2)))
        if not length or not self.count:
            return np.zeros(self.count, dtype=np.float32)
        starts, stops = self.starts[vector.indices], self.starts[vector.indices + 1]
        counts = stops - starts
        total = int(counts.sum())
        offsets = np.repeat(stops - np.cumsum(counts), counts) + np.arange(total, dtype=np.int32)
        products = self.weights[offsets] * np.repeat(vector.weights / length, counts)
        found = np.bincount(self.rows[offsets], weights=products, minlength=self.count)
        return np.minimum(found, 1.0).astype(np.float32)
