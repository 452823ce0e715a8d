import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.knowledge.message import LONGEST_LINE, one_line, own_words


@pytest.mark.parametrize(
    ("mail", "words"),
    [
        ("Hi team,\n\nmy screen is black.\n\nBest regards,\nAnna\nExample Ltd", "my screen is black."),
        ("Hello all, the scanner is offline", "the scanner is offline"),
        ("Guten Tag,\n\nder Drucker klemmt.\n\nMit freundlichen Grüßen\nJan Vogt", "der Drucker klemmt."),
        ("it works again\n\nOn Tue, 3 Nov 2026 Bob Lee wrote:\n> the old trouble", "it works again"),
        ("noch offen\n\nVon: Bob\nGesendet: Montag\nAn: Hilfe\n\nalte Mail", "noch offen"),
        ("new words\n> quoted words", "new words"),
        ("No sound.\n-- \nAnna, Example Ltd", "No sound."),
        ("No sound.\nSent from my iPhone", "No sound."),
        ("No sound.\nThis message is confidential and for the intended recipient only.", "No sound."),
        ("CAUTION: this mail originated from outside the company\nNo sound.", "No sound."),
    ],
)
def test_only_what_the_writer_added_is_kept(mail: str, words: str) -> None:
    assert own_words(mail) == words


def test_a_mail_that_was_only_forwarded_is_kept_without_its_headers() -> None:
    mail = "-----Original Message-----\nFrom: Anna\nSubject: screen\n\nmy screen is black"
    assert own_words(mail) == "my screen is black"


@pytest.mark.parametrize("mail", ["Thanks, that did the trick!", "Danke", "Thank you", "Hello"])
def test_a_mail_that_is_only_a_courtesy_stays_as_it_is(mail: str) -> None:
    assert own_words(mail) == mail


@given(st.text())
def test_nothing_is_made_up(text: str) -> None:
    assert len(own_words(text)) <= 4 * len(text) + 20


def test_the_line_is_the_sentence_that_says_most() -> None:
    body = "Hope you are well. The accounting program closes whenever somebody exports the yearly report. Ta."
    assert one_line("Help", body) == "The accounting program closes whenever somebody exports the yearly report."


def test_without_a_body_the_line_is_the_subject_without_its_prefixes() -> None:
    assert one_line("RE: FW: [EXTERNAL] Scanner offline", "") == "Scanner offline"


@given(st.text(), st.text())
def test_the_line_is_short_and_single(summary: str, body: str) -> None:
    line = one_line(summary, body)
    assert len(line) <= LONGEST_LINE
    assert "\n" not in line


@pytest.mark.parametrize(
    "hostile", ["hi " * 40_000, "on " + "a" * 90_000 + " wrote", "-" * 90_000, "> " * 50_000, "\n" * 90_000]
)
def test_no_message_takes_long_to_read(hostile: str) -> None:
    started = time.process_time()
    own_words(hostile)
    one_line(hostile, hostile)
    assert time.process_time() - started < 1
