import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.knowledge.blend import FEWEST, LEAST_SURE, UNREACHABLE, Blend, Observation, learn

PRIORS = Blend({"good": 1.0, "noise": 1.0, "model": 0.3})
DICE = np.random.default_rng(0)


def observations(count: int, *, skill: float = 0.9, with_model: float = 0.0) -> list[Observation]:
    """Three candidates; ``good`` names the chosen one with that skill, ``noise`` any, ``model`` with its own."""
    return [_one(skill, with_model) for _ in range(count)]


def _one(skill: float, with_model: float) -> Observation:
    chosen = int(DICE.integers(3))
    ballot = {"good": _scores(chosen, skill), "noise": DICE.normal(size=3)}
    if with_model:
        ballot["model"] = _scores(chosen, with_model)
    return Observation(ballot, 3, chosen, likeness=float(DICE.uniform(0.2, 1)))


def _scores(chosen: int, skill: float) -> np.ndarray:
    named = chosen if DICE.uniform() < skill else int(DICE.integers(3))
    return np.where(np.arange(3) == named, 0.0, -2.0)


def test_too_few_tickets_teach_nothing() -> None:
    assert learn(observations(FEWEST - 1), PRIORS, 0.85) is PRIORS


def test_a_stage_that_is_right_gains_weight_and_noise_loses_it() -> None:
    weights = learn(observations(300), PRIORS, 0.85).weights
    assert weights["good"] > 1.0
    assert weights["noise"] < 0.3


def test_a_slow_stage_that_adds_nothing_is_not_asked_again() -> None:
    useless = learn(observations(200, skill=0.98, with_model=0.01), PRIORS, 0.85)
    useful = learn(observations(200, skill=0.4, with_model=0.95), PRIORS, 0.85)
    assert useless.weights["model"] == 0.0
    assert useful.weights["model"] > 0.3


def test_a_slow_stage_that_was_never_tried_keeps_its_prior() -> None:
    assert learn(observations(200), PRIORS, 0.85).weights["model"] == PRIORS.weights["model"]


@pytest.mark.parametrize("count", [100, 1200])
def test_confidence_is_how_often_the_first_choice_is_right(count: int) -> None:
    blend = learn(observations(count, skill=0.7), PRIORS, 0.85)
    fresh = observations(2000, skill=0.7)
    firsts = [(blend.probabilities(each.ballot, 3), each.chosen) for each in fresh]
    confidence = np.mean([blend.confidence(float(shares.max())) for shares, _ in firsts])
    accuracy = np.mean([int(np.argmax(shares)) == chosen for shares, chosen in firsts])
    assert confidence == pytest.approx(accuracy, abs=0.06)


def test_above_the_threshold_the_target_precision_holds_and_easy_tickets_are_decided() -> None:
    blend = learn(easy_and_hard(400), PRIORS, 0.85)
    fresh = [(blend.probabilities(each.ballot, 3), each.chosen) for each in easy_and_hard(1500)]
    sure = [pair for pair in fresh if blend.confidence(float(pair[0].max())) >= blend.threshold]
    assert len(sure) > 0.4 * len(fresh)
    assert np.mean([int(np.argmax(shares)) == chosen for shares, chosen in sure]) >= 0.85


def easy_and_hard(count: int) -> list[Observation]:
    """Half of the tickets are told clearly and nearly always rightly, half faintly and mostly wrongly."""
    hard = [Observation({"good": each.ballot["good"] / 8}, 3, each.chosen) for each in observations(count, skill=0.3)]
    return [*observations(count, skill=0.98), *hard]


def test_where_nothing_is_ever_right_no_decision_can_be_made() -> None:
    wrong = [Observation({"good": np.array([0.0, -3.0])}, 2, None) for _ in range(100)]
    assert learn(wrong, PRIORS, 0.85).threshold == UNREACHABLE


def test_what_hangs_on_something_unsure_is_no_surer() -> None:
    sure = [Observation(each.ballot, 3, each.chosen, above=1.0) for each in observations(200)]
    hanging = [Observation(each.ballot, 3, None, above=0.2) for each in observations(200)]
    blend = learn([*sure, *hanging], PRIORS, 0.85)
    assert blend.confidence(0.9 * 0.2) < 0.3 < blend.confidence(0.9)


def test_strange_tickets_are_the_least_familiar_few() -> None:
    seen = observations(400)
    familiar = learn(seen, PRIORS, 0.85).familiar
    assert 0.01 <= np.mean([each.likeness < familiar for each in seen]) <= 0.05


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=8), st.floats(0, 5))
def test_probabilities_sum_to_one_whatever_the_scores(scores: list[float], weight: float) -> None:
    shares = Blend({"a": weight}).probabilities({"a": np.array(scores)}, len(scores))
    assert shares.sum() == pytest.approx(1)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_probability_never_has_a_lower_confidence(one: float, other: float) -> None:
    blend = _CALIBRATED
    assert (blend.confidence(one) - blend.confidence(other)) * (one - other) >= 0


_CALIBRATED = learn(observations(1100, skill=0.6), PRIORS, 0.85)


def test_no_threshold_is_lower_than_more_likely_than_not() -> None:
    assert learn(observations(300, skill=1.0), PRIORS, 0.85).threshold >= LEAST_SURE
