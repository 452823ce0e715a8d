import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.governance.drift import FEWEST_DECISIONS, FEWEST_MARKS, agreement_drift, distribution_drift


def test_agreement_that_falls_is_told() -> None:
    found = agreement_drift("type", [True] * 95 + [False] * 5, [True] * 25 + [False] * 15)
    assert found is not None
    assert found.is_drifting
    assert found.text.startswith("people agreed with 62% of 40 lately, with 95% of 100 before")


def test_agreement_that_rises_or_hardly_moves_is_not() -> None:
    for before, lately in (([False] * 50, [True] * 50), ([True] * 95 + [False] * 5, [True] * 37 + [False] * 3)):
        found = agreement_drift("type", before, lately)
        assert found is not None
        assert not found.is_drifting


@pytest.mark.parametrize("few", [0, FEWEST_MARKS - 1])
def test_a_few_marks_say_nothing(few: int) -> None:
    assert agreement_drift("type", [True] * few, [False] * 100) is None
    assert agreement_drift("type", [True] * 100, [False] * few) is None


def test_other_types_than_before_are_told_with_the_one_that_moved_most() -> None:
    found = distribution_drift("type", ["Access"] * 150 + ["Printer"] * 150, ["Access"] * 20 + ["Printer"] * 130)
    assert found is not None
    assert found.is_drifting
    assert "Access: 13% of 150 lately, 50% of 300 before" in found.text


def test_a_new_type_is_told_too() -> None:
    found = distribution_drift("type", ["Access"] * 200, ["Access"] * 60 + ["Ransom"] * 60)
    assert found is not None
    assert found.is_drifting


def test_a_small_fall_in_very_many_marks_is_no_alarm() -> None:
    found = agreement_drift("type", [True] * 9_500 + [False] * 500, [True] * 9_300 + [False] * 700)
    assert found is not None
    assert not found.is_drifting


def test_chance_raises_no_alarm() -> None:
    dice = random.Random(1)
    labels = [f"type {number}" for number in range(12)]
    for _ in range(300):
        before, lately = dice.choices(labels, k=400), dice.choices(labels, k=120)
        found = distribution_drift("type", before, lately)
        assert found is not None
        assert not found.is_drifting


def test_a_small_shift_in_very_many_decisions_is_no_alarm() -> None:
    found = distribution_drift("type", ["a"] * 10_500 + ["b"] * 9_500, ["a"] * 9_500 + ["b"] * 10_500)
    assert found is not None
    assert not found.is_drifting, "improbable, and too small to matter"


@given(st.lists(st.sampled_from("abcdef"), max_size=300), st.lists(st.sampled_from("defghi"), max_size=300))
def test_whatever_is_compared_it_is_told_or_said_to_be_too_little(before: list[str], lately: list[str]) -> None:
    found = distribution_drift("type", before, lately)
    assert (found is None) == (min(len(before), len(lately)) < FEWEST_DECISIONS)
    if found is not None and Counter(before) == Counter(lately):
        assert not found.is_drifting
