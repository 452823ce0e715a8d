import re
from collections import Counter

import pytest

from deskhand.knowledge.examples import cues, starter, topics, topics_of
from deskhand.knowledge.training import CLOSED_LISTS
from deskhand.records.documents import TicketKind


def test_there_are_examples_enough_of_every_kind_in_both_languages() -> None:
    assert len(starter()) >= 250
    for language in ("en", "de"):
        kinds = Counter(each.kind for each in starter() if each.language == language)
        assert set(kinds) == set(TicketKind)
        assert min(kinds.values()) >= 5


def test_no_example_is_there_twice() -> None:
    assert len({each.text.casefold() for each in starter()}) == len(starter())


def test_every_topic_of_an_example_has_words() -> None:
    assert {each.topic for each in starter()} - {None} == set(topics())


@pytest.mark.parametrize("field", CLOSED_LISTS)
def test_every_cue_speaks_for_a_value_its_field_has(field: str) -> None:
    possible = {each.value for each in CLOSED_LISTS[field]}  # type: ignore[index]  # parametrised by its keys
    assert {each.value for each in cues() if each.field == field} <= possible


def test_every_cue_is_a_pattern_that_does_not_match_nothing() -> None:
    assert all(not re.search(pattern, "", re.IGNORECASE) for each in cues() for pattern in each.patterns)


@pytest.mark.parametrize(
    ("label", "topic"),
    [
        ("Identity & Access", "identity"),
        ("Drucker/Scanner", "printing"),
        ("E-Mail", "email"),
        ("Wi-Fi", "wifi"),
        ("Human Resources", "onboarding"),
        ("Administrative rights", "admin_rights"),
    ],
)
def test_a_label_names_its_topics(label: str, topic: str) -> None:
    assert topic in topics_of(label)


@pytest.mark.parametrize("label", ["Other", "Miscellaneous", "", "???"])
def test_a_label_that_says_nothing_has_no_topic(label: str) -> None:
    assert topics_of(label) == ()
