"""Whether the agent's decisions are no longer what they were: two windows compared, and a word only where it is clear.

Both tests are asked every day, so chance alone would raise an alarm often: each must be improbable and also large.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2_contingency, fisher_exact

IMPROBABLE = 0.0001
"""A difference that chance alone makes less often than this is no chance."""
LARGE = 0.2
"""Cramér's V of two distributions from which their difference matters."""
LARGE_FALL = 0.05
"""Points by which agreement must have fallen."""
FEWEST_MARKS = 20
FEWEST_DECISIONS = 100
FEWEST_EXPECTED = 5
"""Labels rarer than this are counted together, as the test demands."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What was compared, whether it changed, and the figures in one sentence."""

    name: str
    is_drifting: bool
    text: str


def agreement_drift(name: str, before: Sequence[bool], lately: Sequence[bool]) -> Drift | None:
    """Compare how often people agreed, before and lately; None where there are too few marks to say anything.

    Fisher's exact test, one-sided: only a fall matters.
    """
    if min(len(before), len(lately)) < FEWEST_MARKS:
        return None
    then, now = sum(before) / len(before), sum(lately) / len(lately)
    table = [[sum(before), len(before) - sum(before)], [sum(lately), len(lately) - sum(lately)]]
    chance = float(fisher_exact(table, alternative="greater").pvalue)
    text = f"people agreed with {now:.0%} of {len(lately)} lately, with {then:.0%} of {len(before)} before"
    return Drift(name, chance < IMPROBABLE and then - now >= LARGE_FALL, f"{text} (p = {chance:.2g})")


def distribution_drift(name: str, before: Sequence[str], lately: Sequence[str]) -> Drift | None:
    """Compare what was decided, before and lately; None where there are too few decisions to say anything.

    Pearson's chi-squared test of homogeneity, with Cramér's V (Cramér, 1946) for how large the difference is.
    """
    if min(len(before), len(lately)) < FEWEST_DECISIONS:
        return None
    then, now = Counter(before), Counter(lately)
    labels = _common(then, now)
    if len(labels) < 2:  # noqa: PLR2004  # one label cannot shift
        return Drift(name, is_drifting=False, text=f"{name} is always the same")
    table = np.array([[_counted(each, label, labels) for label in labels] for each in (then, now)])
    found = chi2_contingency(table)
    strength = float(np.sqrt(found.statistic / table.sum()))
    moved = max(labels, key=lambda label: abs(_share(now, label, labels) - _share(then, label, labels)))
    text = (
        f"{moved or 'others'}: {_share(now, moved, labels):.0%} of {len(lately)} lately, "
        f"{_share(then, moved, labels):.0%} of {len(before)} before (p = {found.pvalue:.2g}, V = {strength:.2f})"
    )
    return Drift(name, bool(found.pvalue < IMPROBABLE and strength >= LARGE), text)


def _common(then: Counter[str], now: Counter[str]) -> list[str]:
    """List the labels that are frequent enough in both windows together; ``""`` stands for all others."""
    share = min(then.total(), now.total()) / (then.total() + now.total())
    both = then + now
    kept = sorted(label for label, count in both.items() if count * share >= FEWEST_EXPECTED and label)
    others = both.total() - sum(both[label] for label in kept)
    return [*kept, ""] if others * share >= FEWEST_EXPECTED else kept


def _counted(counter: Counter[str], label: str, labels: Sequence[str]) -> int:
    return counter[label] if label else counter.total() - sum(counter[each] for each in labels if each)


def _share(counter: Counter[str], label: str, labels: Sequence[str]) -> float:
    return _counted(counter, label, labels) / max(counter.total(), 1)
