from collections import Counter

import pytest

from deskhand.automation.plan import RefusalReason
from tests.core.agent.planning.office import CATALOGUE, planner, propose
from tests.core.agent.planning.sentences import Sentence, sentences

PLANNER = planner()
FEWEST = 150
FEWEST_HELD_OUT = 50
LEAST_RIGHT_HELD_OUT = 0.9


@pytest.mark.parametrize(
    "sentence", [each for each in sentences() if not each.is_held_out], ids=lambda each: each.say[:60]
)
def test_a_sentence_comes_to_what_it_should(sentence: Sentence) -> None:
    assert sentence.problem(propose(sentence.say, PLANNER)) is None


def test_of_the_sentences_nothing_was_tuned_on_nine_in_ten_come_to_what_they_should() -> None:
    held_out = [each for each in sentences() if each.is_held_out]
    right = sum(each.problem(propose(each.say, PLANNER)) is None for each in held_out)
    assert len(held_out) >= FEWEST_HELD_OUT
    assert right >= LEAST_RIGHT_HELD_OUT * len(held_out)


def test_what_goes_wrong_goes_wrong_safely() -> None:
    """No sentence that should be refused gets a plan, held out or not; no plan does anything else than was expected."""
    for each in sentences():
        plan = propose(each.say, PLANNER).plan
        if plan is not None:
            assert each.plan == tuple(step.action.partition(".")[2] for step in plan.steps), each.say


def test_no_plan_leaves_the_catalogue() -> None:
    offered = {entry.name for entry in CATALOGUE}
    for each in sentences():
        plan = propose(each.say, PLANNER).plan
        assert plan is None or {step.action for step in plan.steps} <= offered


def test_there_are_enough_sentences_of_every_sort() -> None:
    languages = Counter(each.language for each in sentences())
    assert len(sentences()) >= FEWEST
    assert all(languages[language] >= 10 for language in ("en", "de", "fr", "es", "nl"))
    assert {reason for each in sentences() for reason in each.refuse} == {each.value for each in RefusalReason}
    assert len({each.say for each in sentences()}) == len(sentences())
