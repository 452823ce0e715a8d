from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deskhand.knowledge.case import Candidate, Case, Scope, Wording
from deskhand.knowledge.descriptions import Descriptions, Meanings, described, sentence
from deskhand.knowledge.text import comparable
from deskhand.records.documents import FieldName
from tests.core.knowledge.examples import untaught

HISTORY = untaught()
TYPE = Scope(FieldName.TYPE, ("b",))
AMONG = tuple(Candidate(name, name) for name in ("E-mail", "Printing", "Netzwerk", "Telephony", "Other"))


def case(text: str) -> Case:
    return HISTORY.case(Wording("", text, compared=comparable(text)))


def first(text: str) -> str:
    scores = Descriptions(HISTORY.memory.features).judge(case(text), TYPE, AMONG)
    assert scores is not None
    return AMONG[int(np.argmax(scores))].label


def test_a_label_is_told_by_the_words_of_its_subject_in_both_languages() -> None:
    assert first("toner cartridge leaks") == "Printing"
    assert first("Postfach voll, kann nichts senden") == "E-mail"
    assert first("switch in the basement has no link") == "Netzwerk"
    assert first("callers hear the engaged tone") == "Telephony"


def test_a_type_is_described_by_the_subtypes_it_holds() -> None:
    people = Candidate("1", "People", below=("New starter", "Leaver"))
    assert "apprentice" in described(people)
    assert "apprentice" not in described(Candidate("1", "People"))


def test_a_label_that_says_nothing_is_described_by_itself() -> None:
    assert described(Candidate("1", "Other")).split() == ["Other", "Other"]


def test_fields_without_descriptions_have_no_opinion() -> None:
    stage = Descriptions(HISTORY.memory.features)
    assert stage.judge(case("toner"), Scope(FieldName.IMPACT), AMONG) is None


def test_a_ticket_without_any_known_word_has_no_opinion() -> None:
    assert Descriptions(HISTORY.memory.features).judge(case(""), TYPE, AMONG) is None


def test_meaning_compares_the_ticket_with_a_sentence_about_each_label() -> None:
    seen: list[str] = []

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        seen.extend(texts)
        rows = np.eye(len(texts), 8, dtype=np.float32)
        rows[2] = rows[0]
        return rows

    scores = Meanings(embed).judge(case("something odd"), TYPE, AMONG)
    assert scores is not None
    assert int(np.argmax(scores)) == 1
    assert seen == ["something odd", *(sentence(each) for each in AMONG)]


def test_meaning_has_no_opinion_where_nothing_can_be_embedded() -> None:
    assert Meanings(lambda _texts: None).judge(case("something odd"), TYPE, AMONG) is None
