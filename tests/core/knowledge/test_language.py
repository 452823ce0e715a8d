import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.knowledge.examples import starter
from deskhand.knowledge.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the monitor does not turn on", "en"),
        ("Der Bildschirm bleibt schwarz", "de"),
        ("L'écran ne s'allume pas dans la salle et je ne peux pas travailler", "other"),
        ("La pantalla no enciende y no puedo trabajar con el equipo", "other"),
        ("монитор не включается", "other"),
        ("", "other"),
        ("qwertz", "other"),
    ],
)
def test_the_language_is_told_by_common_words(text: str, language: str) -> None:
    assert language_of(text) == language


def test_the_starter_examples_are_recognised() -> None:
    right = sum(language_of(each.text) == each.language for each in starter())
    assert right / len(starter()) > 0.98


@given(st.text())
def test_any_text_has_one_of_three_languages(text: str) -> None:
    assert language_of(text) in {"en", "de", "other"}
