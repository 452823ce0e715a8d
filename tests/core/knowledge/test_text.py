import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.knowledge.text import comparable, inert, visible


@given(st.text(), st.integers(1, 300))
def test_inert_text_is_one_short_line_without_controls_or_markup(text: str, limit: int) -> None:
    line = inert(text, limit)
    assert len(line) <= limit
    assert line == line.strip()
    assert not set(line) & set("<>[]{}`|\\*_#~\n\r\t")
    assert not any(unicodedata.category(each) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for each in line)


@given(st.text())
def test_making_text_inert_twice_changes_nothing(text: str) -> None:
    assert inert(inert(text, 100), 100) == inert(text, 100)


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("pay\u202elas", "paylas"),
        ("in\u200bvoice", "invoice"),
        ("one\r\nStatus: done", "one Status: done"),
        ("<b>bold</b> words", "bold words"),
        ("tab\there", "tab here"),
        ("\ufb01ne", "fine"),
        ("tag\U000e0041ged", "tagged"),
    ],
)
def test_each_disguise_is_taken_off(hostile: str, harmless: str) -> None:
    assert inert(hostile) == harmless


def test_what_is_cut_says_so() -> None:
    assert inert("abcdefgh", 4) == "abc…"


@given(st.text())
def test_visible_text_keeps_its_lines_and_loses_what_cannot_be_seen(text: str) -> None:
    seen = visible(text)
    assert seen.count("\n") == unicodedata.normalize("NFKC", text).count("\n")
    assert seen.replace("\n", "").isprintable() or any(unicodedata.category(each) == "Zs" for each in seen)


def test_addresses_links_and_long_numbers_compare_as_such() -> None:
    assert comparable("Mail Bob@Corp.example via https://x.example/y?z=1 Nr 123456789") == (
        "mail mailaddress via weblink nr 00000"
    )


@given(st.text())
def test_comparing_does_not_depend_on_case(text: str) -> None:
    assert comparable(text) == comparable(comparable(text)) or not text.isascii()
