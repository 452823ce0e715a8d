"""How far each stage is to be believed for a field, and how sure a blend of them may call itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from deskhand.knowledge.case import Scores

FEWEST = 40
"""Held-out tickets below which nothing is learned about a field: the priors stay, and say so."""
MANY = 1000
"""Held-out tickets from which calibration follows the data freely; below, it is a smooth curve."""
STIFFNESS = 2.0
"""How many tickets' worth of evidence the prior weights count for."""
SLOW = frozenset({"model"})
"""Stages that cost seconds a ticket."""
WORTH_WAITING = 0.05
"""Nats a ticket that a slow stage must gain to be asked at all."""
_KNOTS = 1 / (1 + np.exp(-np.linspace(-7.0, 7.0, 43)))
CAUTION = 0.5
"""Standard errors to allow for when a threshold is set: about seven times in ten the precision holds."""
LEAST_SURE = 0.5
"""No decision is made below this, however precise the easy tickets made the others."""
STRANGE = 0.03
"""The share of held-out tickets, the least familiar, from which strangeness is reckoned."""
ALWAYS_FAMILIAR = 0.3
"""A cosine from which no ticket is strange, however alike past tickets were among themselves."""
UNREACHABLE = 1.01
"""The threshold of a field whose confidence can never be enough."""

Ballot = Mapping[str, Scores]
"""What each present stage said of the candidates, by its name."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A held-out ticket: what the stages said, and where the value people chose stands (None: not a candidate).

    ``above`` is the probability of what the field hangs on: a subtype is no surer than its type.
    """

    ballot: Ballot
    count: int
    chosen: int | None
    above: float = 1.0
    likeness: float = 1.0
    """The cosine of the most similar older ticket."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Weights of the stages and a curve from the blend's own probability to how often it was right."""

    weights: Mapping[str, float]
    curve: tuple[tuple[float, float], ...] = ()
    """Points (probability, share right), ascending; empty: nothing was learned, the probability stands as it is."""
    threshold: float = 0.5
    """The confidence from which decisions are made."""
    familiar: float = 0.0
    """Tickets less similar than this to any past one are like nothing it was calibrated on."""
    learned_from: int = 0
    """How many held-out tickets taught it."""

    def probabilities(self, ballot: Ballot, count: int) -> Scores:
        """Blend the stages' log-scores of ``count`` candidates into probabilities."""
        total = np.zeros(count)
        for name, scores in ballot.items():
            total += self.weights.get(name, 0.0) * scores
        return np.asarray(softmax(total), dtype=np.float64)

    def confidence(self, probability: float) -> float:
        """Return how often a first choice of this probability turned out right."""
        if not self.curve:
            return probability
        points = np.array(self.curve)
        return float(np.interp(probability, points[:, 0], points[:, 1]))


def learn(observations: Sequence[Observation], priors: Blend, target_precision: float) -> Blend:
    """Learn weights, calibration and threshold from held-out tickets; with too few of them the priors stay."""
    if len(observations) < FEWEST:
        return priors
    weights = _weights(observations, priors.weights)
    unbent = Blend(weights)
    firsts = [_first(unbent, each) for each in observations]
    probabilities, right = np.array([each[0] for each in firsts]), np.array([each[1] for each in firsts], dtype=float)
    curve = _curve(probabilities, right)
    bent = Blend(weights, curve)
    confidences = np.array([bent.confidence(each) for each in probabilities])
    threshold = max(LEAST_SURE, _threshold(confidences, right, target_precision))
    familiar = min(float(np.quantile([each.likeness for each in observations], STRANGE)), ALWAYS_FAMILIAR)
    return Blend(weights, curve, threshold, familiar, len(observations))


def _first(blend: Blend, observation: Observation) -> tuple[float, bool]:
    probabilities = blend.probabilities(observation.ballot, observation.count)
    first = int(np.argmax(probabilities))
    return float(probabilities[first]) * observation.above, first == observation.chosen


def _weights(observations: Sequence[Observation], priors: Mapping[str, float]) -> dict[str, float]:
    """Find the weights, none negative, under which what people chose was likeliest (conditional logit)."""
    names = tuple(priors)
    start = np.array([priors[name] for name in names])
    cube, chosen = _cube(observations, names)
    if not len(chosen):
        return dict(priors)

    def surprise(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        rows = np.arange(len(chosen))
        likelihoods = _likelihoods(cube, weights)
        shares = np.exp(likelihoods)
        finite = np.where(np.isfinite(cube), cube, 0.0)
        slope = np.einsum("rc,rsc->s", shares, finite) - finite[rows, :, chosen].sum(axis=0)
        pull = weights - start
        return -likelihoods[rows, chosen].sum() + STIFFNESS * float(pull @ pull), slope + 2 * STIFFNESS * pull

    found = minimize(surprise, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(names)).x
    for place in range(len(names)):
        if names[place] in SLOW and _gain(cube, chosen, found, place) < WORTH_WAITING:
            found[place] = 0.0
    return {name: round(float(weight), 4) for name, weight in zip(names, found, strict=True)}


def _gain(cube: Scores, chosen: NDArray[np.int64], weights: Scores, place: int) -> float:
    """Say by how much, in nats a ticket, one stage helps where it spoke; infinite where it never did."""
    spoke = np.flatnonzero((np.where(np.isfinite(cube[:, place]), cube[:, place], 0.0) != 0).any(axis=1))
    if not len(spoke):
        return np.inf
    without = weights.copy()
    without[place] = 0.0
    gains = (
        _likelihoods(cube[spoke], each)[np.arange(len(spoke)), chosen[spoke]].mean() for each in (weights, without)
    )
    return float(next(gains) - next(gains))


def _likelihoods(cube: Scores, weights: Scores) -> Scores:
    """Blend the stages of many tickets into log-probabilities, shape (tickets, candidates)."""
    blended = np.einsum("s,rsc->rc", weights, np.where(np.isfinite(cube), cube, 0.0))
    blended[~np.isfinite(cube[:, 0])] = -np.inf
    return np.asarray(log_softmax(blended, axis=1), dtype=np.float64)


def _cube(observations: Sequence[Observation], names: tuple[str, ...]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Stack the scores, shape (tickets, stages, candidates); -inf where a ticket has fewer candidates."""
    usable = [(each, each.chosen) for each in observations if each.chosen is not None]
    widest = max((each.count for each, _ in usable), default=0)
    cube = np.full((len(usable), len(names), widest), -np.inf)
    for row, (each, _) in enumerate(usable):
        cube[row, :, : each.count] = 0.0
        for stage, name in enumerate(names):
            if name in each.ballot:
                cube[row, stage, : each.count] = each.ballot[name]
    return cube, np.array([chosen for _, chosen in usable], dtype=np.int64)


def _curve(probabilities: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """Fit how often a first choice of each probability is right; never quite 0 or 1."""
    if len(set(right)) == 1:
        knots, shares = _KNOTS, np.full(len(_KNOTS), (right.sum() + 1) / (len(right) + 2))
    elif len(right) >= MANY:
        steps = IsotonicRegression(y_min=0.01, y_max=0.99).fit(probabilities, right)
        knots, shares = steps.X_thresholds_, steps.y_thresholds_
    else:
        smooth = LogisticRegression().fit(_logit(probabilities), right)
        knots, shares = _KNOTS, smooth.predict_proba(_logit(_KNOTS))[:, 1]
    return tuple((round(float(x), 4), round(float(y), 4)) for x, y in zip(knots, shares, strict=True))


def _logit(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(probabilities, 0.001, 0.999)
    return np.asarray(np.log(inside / (1 - inside)), dtype=np.float64).reshape(-1, 1)


def _threshold(confidences: NDArray[np.float64], right: NDArray[np.float64], target: float) -> float:
    """Find the lowest confidence above which precision reaches the target, allowing for luck; else one above all."""
    order = np.argsort(-confidences, kind="stable")
    count = np.arange(1, len(order) + 1)
    shares = (np.cumsum(right[order]) + 1) / (count + 2)
    surely = shares - CAUTION * np.sqrt(shares * (1 - shares) / count)
    ends = np.append(np.diff(confidences[order]) < 0, [True])
    fits = np.flatnonzero(ends & (surely >= target))
    return float(confidences[order][fits[-1]]) if len(fits) else UNREACHABLE
