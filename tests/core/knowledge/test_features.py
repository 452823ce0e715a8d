import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.knowledge.features import BUCKETS, CHARACTER_WEIGHT, Features, count, words_of
from deskhand.knowledge.similarity import Postings, highest
from deskhand.knowledge.text import comparable

TEXTS = ["password expired again", "the printer is jammed", "vpn drops at home", "passwort abgelaufen"]
FEATURES = Features.fitted(count(TEXTS))


@given(st.text())
def test_words_and_characters_have_the_norms_that_are_promised(text: str) -> None:
    vector = FEATURES.vector(comparable(text))
    words = vector.words()
    characters = vector.weights[len(words.weights) :]
    assert np.linalg.norm(words.weights) == pytest.approx(1, abs=1e-5) or not len(words.weights)
    assert np.linalg.norm(characters) == pytest.approx(CHARACTER_WEIGHT, abs=1e-5) or not len(characters)
    assert (np.diff(vector.indices) > 0).all()


def test_rare_words_weigh_more_than_common_ones() -> None:
    features = Features.fitted(count(["printer jam", "printer toner", "printer"]))
    (common, printer), (rare, toner) = words_of("printer toner")
    assert (common, rare) == ("printer", "toner")
    assert features.rarity[toner] > features.rarity[printer]


def test_words_are_listed_in_order_with_the_buckets_the_vector_has() -> None:
    text = comparable("Can't log on, log on fails")
    assert [word for word, _ in words_of(text)] == ["can't", "log", "on", "log", "on", "fails"]
    assert {bucket for _, bucket in words_of(text)} == set(FEATURES.vector(text).words().indices.tolist())


def test_no_text_at_all_can_be_counted() -> None:
    assert count([]).shape == (0, 2 * BUCKETS)
    assert len(FEATURES.vector("").indices) == 0


@given(st.lists(st.sampled_from(["vpn", "home", "printer", "jam", "password"]), min_size=1).map(" ".join))
def test_similarity_is_the_cosine(text: str) -> None:
    matrix = FEATURES.weigh(count(TEXTS))
    vector = FEATURES.vector(text)
    dense = np.zeros(2 * BUCKETS, dtype=np.float32)
    dense[vector.indices] = vector.weights
    rows = matrix.toarray()
    expected = rows @ dense / (np.linalg.norm(rows, axis=1) * np.linalg.norm(dense))
    assert Postings.of(matrix).similarities(vector) == pytest.approx(expected, abs=1e-5)


def test_a_text_is_most_similar_to_itself() -> None:
    similarities = Postings.of(FEATURES.weigh(count(TEXTS))).similarities(FEATURES.vector(TEXTS[2]))
    assert int(np.argmax(similarities)) == 2
    assert similarities[2] == pytest.approx(1, abs=1e-5)


def test_an_empty_text_is_similar_to_nothing() -> None:
    assert not Postings.of(FEATURES.weigh(count(TEXTS))).similarities(FEATURES.vector("")).any()


@given(st.lists(st.floats(0, 1, width=32), max_size=60), st.integers(1, 20))
def test_the_highest_values_come_highest_first(values: list[float], count_: int) -> None:
    array = np.array(values, dtype=np.float32)
    assert array[highest(array, count_)].tolist() == sorted(values, reverse=True)[:count_]
