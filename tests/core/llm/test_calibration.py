from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.llm.calibration import MOST_KEPT, ORDINARY_TICKETS, Priors, PriorStore, calibrated, chosen_texts

scores = st.lists(st.floats(-500, 0), min_size=2, max_size=64)


@given(scores)
def test_probabilities_sum_to_one_and_equal_the_prior_means_no_preference(values: list[float]) -> None:
    assert sum(calibrated(values, [0.0] * len(values))) == pytest.approx(1)
    assert calibrated(values, values) == pytest.approx([1 / len(values)] * len(values))


def test_a_label_the_model_always_likes_has_to_be_liked_more_than_always() -> None:
    assert calibrated([-1.0, -2.0], [-0.5, -3.0]) == pytest.approx((0.182, 0.818), abs=0.001)


def test_a_prior_is_computed_once_and_survives_a_restart(tmp_path: Path) -> None:
    computed: list[int] = []

    def compute() -> Priors:
        computed.append(1)
        return ((-1.0, -2.5),)

    about = {"model": "abc", "questions": ["type"]}
    assert PriorStore(tmp_path).of(about, compute) == ((-1.0, -2.5),)
    restarted = PriorStore(tmp_path)
    assert restarted.of(about, compute) == restarted.of(about, compute) == ((-1.0, -2.5),)
    assert len(computed) == 1
    restarted.of({**about, "model": "other"}, compute)
    assert len(computed) == 2


def test_a_damaged_prior_file_is_computed_again(tmp_path: Path) -> None:
    PriorStore(tmp_path).of({"model": "abc"}, lambda: ((-1.0,),))
    (stored,) = tmp_path.glob("*.json")
    stored.write_text("[[", encoding="utf-8")
    assert PriorStore(tmp_path).of({"model": "abc"}, lambda: ((-7.0,),)) == ((-7.0,),)


def test_the_store_stays_bounded(tmp_path: Path) -> None:
    store = PriorStore(tmp_path)
    for number in range(MOST_KEPT):
        (tmp_path / f"{number}.json").touch()
    for number in range(5):
        store.of({"number": number}, lambda: ((0.0,),))
    assert len(list(tmp_path.glob("*.json"))) == MOST_KEPT


def test_own_tickets_come_before_the_ordinary_ones() -> None:
    assert chosen_texts(()) == ORDINARY_TICKETS
    assert chosen_texts(("ours",)) == ("ours", *ORDINARY_TICKETS[:7])
    assert len(chosen_texts(("x",) * 20)) == len(ORDINARY_TICKETS)
