"""What a ticket says is printed as words: no markup of ours, nothing that steers a terminal."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.cli.answers import inert
from deskhand.configuration.loading import load
from deskhand.desk.stores import open_records
from deskhand.records import quarantine
from deskhand.records.documents import OutcomeKind
from deskhand.sdk.models import Reference
from tests.core.cli.conftest import Run, Shop
from tests.core.web.documents import save_to, why

HOSTILE = (
    "[bold red]fine[/]",
    "[link=https://evil.example]x[/link]",
    "[/] [/bold]",
    "\\[bold]",
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31mred",
    "abc\rdeskhand: all is well",
    "abc\n  ok  everything",
    "abc\x08\x08\x08xyz\x7f",
    "\u202egnp.exe\u2066x\u2069",
    "zero\u200bwidth\ufeff",
    ":smile: :warning:",
    "line\u2028two\u2029three\x85four",
)


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("terminal", [False, True])
def test_words_of_a_ticket_are_words(
    run: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch, words: str, *, terminal: bool
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "500")
    records = open_records(load(shop.file))
    save_to(records, why(shop.triaged, words))
    with records.transaction(words) as transaction:
        quarantine.hold(
            transaction,
            "psa_connectwise",
            shop.held,
            reason=words,
            candidates=[Reference("7", words)],
            suggestion=words,
            evidence=(),
        )
        transaction.audit(words, ticket=shop.triaged)
    records.close()
    for arguments in (("audit", "show", "--ticket", shop.triaged), ("quarantine", "list")):
        printed = run(*arguments, "-c", shop.file).stdout
        for sequence in ("\x1b[2J", "\x1b]", "\x1b[31m", "\x9b", "\r", "\x07", "\x08", "\x7f", "\u202e", "\u2066"):
            assert sequence not in printed
        assert terminal or "\x1b" not in printed
        assert "fine" not in words or "[bold red]fine[/]" in " ".join(printed.split())
        assert ":smile:" not in words or ":smile:" in printed


def test_machines_get_the_words_as_they_are_in_ascii(run: Run, shop: Shop) -> None:
    records = open_records(load(shop.file))
    save_to(records, why(shop.triaged, "\x1b[31m\u202eGrüße\x9b"))
    records.close()
    result = run("audit", "show", "--ticket", shop.triaged, "-c", shop.file, "--json")
    assert result.stdout.isascii()
    assert "\x1b" not in result.stdout
    assert json.loads(result.stdout)["why"]["reasons"][0] == "\x1b[31m\u202eGrüße\x9b"


@given(st.text())
def test_inert_words_hold_one_line_of_printable_characters(words: str) -> None:
    line = inert(words)
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not [each for each in line if unicodedata.category(each) in hidden]
    assert line == line.strip()


def test_every_outcome_can_be_shown(run: Run, shop: Shop) -> None:
    records = open_records(load(shop.file))
    for outcome in OutcomeKind:
        save_to(records, why(shop.triaged, "The reason", outcome))
        assert outcome.value in run("audit", "show", "--ticket", shop.triaged, "-c", shop.file).stdout
    records.close()
