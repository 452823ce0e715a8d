import numpy as np
import pytest

from deskhand.knowledge.features import Features, count, words_of
from deskhand.knowledge.heads import UNSEEN, Head, train
from deskhand.knowledge.text import comparable
from tests.core.knowledge.examples import labels, past

PAST = past(120)
TEXTS = [comparable(each.text) for each in PAST]
COUNTS = count(TEXTS)
FEATURES = Features.fitted(COUNTS)


def head_of(names: list[str]) -> Head:
    head = train(FEATURES.weigh(COUNTS), names)
    assert head is not None
    return head


def test_a_head_tells_wordings_apart() -> None:
    head = head_of(labels(PAST))
    scores = head.log_odds(FEATURES.vector("forgot my password"), ["t0", "t1", "t2"])
    assert np.argmax(scores) == 0


def test_two_labels_have_a_head_as_three_do() -> None:
    head = head_of(["x" if each == "t0" else "y" for each in labels(PAST)])
    scores = head.log_odds(FEATURES.vector("toner empty"), ["x", "y"])
    assert scores[1] > scores[0]


@pytest.mark.parametrize("names", [["same"] * 120, ["007", "7"] * 60])
def test_labels_are_names_and_never_numbers(names: list[str]) -> None:
    head = train(FEATURES.weigh(COUNTS), names)
    assert (head.labels if head else ("same",)) == tuple(sorted(set(names)))


def test_a_label_never_seen_scores_far_below_the_others() -> None:
    head = head_of(labels(PAST))
    assert head.log_odds(FEATURES.vector("wifi"), ["t9"])[0] == UNSEEN


def test_training_is_deterministic() -> None:
    one, other = head_of(labels(PAST)), head_of(labels(PAST))
    assert one.weights.tobytes() == other.weights.tobytes()


def test_the_words_that_decide_are_the_telling_ones() -> None:
    head = head_of(labels(PAST))
    influences = head.influences(FEATURES.vector("please help toner empty"), "t1")
    words = dict(words_of("please help toner empty"))
    assert influences[words["toner"]] > influences.get(words["please"], 0)
