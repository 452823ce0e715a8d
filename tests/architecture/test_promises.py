"""The page that says what proves what names files that are there, and leaves no promise out."""

import re

import pytest

from tests.repository import ROOT

PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
ROWS = [
    line
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| promise", "| test", "| what"))
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_what_is_named_as_proof_is_there_and_holds_a_test(row: str) -> None:
    named = re.findall(r"`((?:tests|benchmarks)/[^`]+)`", row)
    assert named, "a promise that nothing proves"
    for each in named:
        text = (ROOT / each).read_text(encoding="utf-8")
        assert "def test_" in text or "TestCase" in text or each.startswith("benchmarks/"), each


@pytest.mark.parametrize(
    ("heading", "numbers"), [("The promises", range(1, 8)), ("The tests of issue 4", range(1, 11))]
)
def test_every_number_has_a_row(heading: str, numbers: range) -> None:
    part = PAGE.partition(f"## {heading}")[2].partition("\n## ")[0]
    assert [int(each) for each in re.findall(r"^\| (\d+)\. ", part, re.MULTILINE)] == list(numbers)
