"""How good triage is, field by field, against what people chose."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import f1_score

from deskhand.records.documents import Decision

BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """One decision beside the label a person gave: the first choice, its confidence, and whether it was made."""

    label: str
    guess: str | None
    confidence: float
    is_made: bool

    @property
    def is_right(self) -> bool:
        """Tell whether the first choice is the label."""
        return self.guess == self.label


@dataclass(frozen=True, slots=True)
class Bin:
    """The decisions whose confidence lies in one tenth of the scale, for a reliability diagram."""

    count: int
    confidence: float
    """Mean confidence in the bin."""
    accuracy: float
    """Share of first choices in the bin that were right."""


@dataclass(frozen=True, slots=True)
class FieldReport:
    """The quality of one field. Shares are in [0, 1]; a share of nothing is 0.

    ``accuracy`` judges the first choice of every ticket, made or not; ``coverage`` is the share that was made;
    ``precision`` judges only those. ``macro_f1`` weighs every label the same. ``calibration_error`` is the expected
    calibration error over ten equal bins (Guo et al., 2017, "On Calibration of Modern Neural Networks").
    """

    count: int
    accuracy: float
    coverage: float
    precision: float
    macro_f1: float
    calibration_error: float
    bins: tuple[Bin, ...]


def judged(decision: Decision | None, label: str) -> Judged:
    """Hold a decision against a label, by the names people read; no decision at all is a miss."""
    if decision is None:
        return Judged(label, None, 0.0, is_made=False)
    first = decision.label or (decision.ranking[0].label if decision.ranking else None)
    return Judged(label, first, decision.confidence, decision.is_made)


def evaluate(decisions: Iterable[Judged]) -> FieldReport:
    """Sum up one field's decisions. Raises ValueError where there are none."""
    rows = tuple(decisions)
    if not rows:
        raise ValueError("nothing to evaluate: give at least one decision with its label")
    made = [row for row in rows if row.is_made]
    bins = _bins(rows)
    return FieldReport(
        count=len(rows),
        accuracy=_share_right(rows),
        coverage=len(made) / len(rows),
        precision=_share_right(made),
        macro_f1=_macro_f1(rows),
        calibration_error=sum(each.count * abs(each.accuracy - each.confidence) for each in bins) / len(rows),
        bins=bins,
    )


def _share_right(rows: Sequence[Judged]) -> float:
    return sum(row.is_right for row in rows) / len(rows) if rows else 0.0


def _macro_f1(rows: Sequence[Judged]) -> float:
    truth = [row.label for row in rows]
    guesses = [row.guess or "" for row in rows]
    return float(f1_score(truth, guesses, labels=sorted(set(truth)), average="macro", zero_division=0.0))


def _bins(rows: Sequence[Judged]) -> tuple[Bin, ...]:
    confidences = np.array([row.confidence for row in rows])
    right = np.array([row.is_right for row in rows], dtype=float)
    places = np.minimum((confidences * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(int(mine.sum()), float(confidences[mine].mean()), float(right[mine].mean()))
        for place in range(BINS)
        if (mine := places == place).any()
    )
