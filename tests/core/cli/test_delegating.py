"""`deskhand approval delegate`, `delegations`, `end-delegation`: what is typed, what is listed, and who is refused."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.governing import PASSWORD
from tests.core.cli.conftest import Run, Shop
from tests.core.cli.test_account import CHOSEN, add

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
IN_A_WEEK = f"{TODAY + timedelta(days=7):%Y-%m-%d}"


@pytest.fixture
def staffed(run: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Eve approves, Tom works tickets, Aud only reads, Ada is the admin."""
    monkeypatch.setenv("DESKHAND_NEW_PASSWORD", CHOSEN)
    monkeypatch.setenv(PASSWORD, CHOSEN)
    for name, role in (("ada", "admin"), ("eve", "approver"), ("tom", "technician"), ("aud", "auditor")):
        add(run, shop, name, role)
    return shop


def delegate(run: Run, shop: Shop, *words: str, by: str = "eve", to: str = "tom") -> dict[str, str]:
    told = run("approval", "delegate", to, *words, "--reason", "away", "--as", by, "-c", shop.file, "--json")
    assert told.exit_code == ExitCode.OK, told.stderr
    found: dict[str, str] = json.loads(told.stdout)
    return found


def listed(run: Run, shop: Shop) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(run("approval", "delegations", "-c", shop.file, "--json").stdout)
    return found


def test_a_day_is_meant_whole_and_a_moment_to_the_minute(run: Run, staffed: Shop) -> None:
    whole = delegate(run, staffed, "--until", IN_A_WEEK)
    assert datetime.fromisoformat(whole["until"]) == TODAY + timedelta(days=8)
    exact = delegate(run, staffed, "--since", f"{IN_A_WEEK}T08:00", "--until", f"{IN_A_WEEK}T18:30+02:00")
    assert datetime.fromisoformat(exact["since"]) == TODAY + timedelta(days=7, hours=8)
    assert datetime.fromisoformat(exact["until"]) == TODAY + timedelta(days=7, hours=16, minutes=30)


def test_what_was_lent_is_listed_and_ends_when_one_of_the_two_says_so(run: Run, staffed: Shop) -> None:
    given = delegate(run, staffed, "--until", IN_A_WEEK)
    later = delegate(run, staffed, "--since", IN_A_WEEK, "--until", IN_A_WEEK)
    assert listed(run, staffed) == [later, given]
    table = " ".join(run("approval", "delegations", "-c", staffed.file).stdout.split())
    assert given["id"] in table
    assert "serves" in table
    assert f"from {IN_A_WEEK}" in table
    ended = run("approval", "end-delegation", given["id"], "--as", "tom", "-c", staffed.file)
    assert "tom does not vote for eve any more" in ended.stdout
    assert "ended by" in run("approval", "delegations", "-c", staffed.file).stdout
    assert [each["state"] for each in listed(run, staffed)] == ["open", "ended"]


@pytest.mark.parametrize(
    ("by", "to", "until", "code", "told"),
    [
        ("tom", "eve", IN_A_WEEK, ExitCode.FAILED, "approver"),
        ("eve", "aud", IN_A_WEEK, ExitCode.FAILED, "aud"),
        ("eve", "eve", IN_A_WEEK, ExitCode.FAILED, ""),
        ("eve", "nobody", IN_A_WEEK, ExitCode.FAILED, "nobody"),
        ("eve", "tom", "2020-01-01", ExitCode.FAILED, ""),
        ("eve", "tom", f"{TODAY + timedelta(days=200):%Y-%m-%d}", ExitCode.FAILED, "92 days"),
        ("eve", "tom", "next week", ExitCode.USAGE, "2026-12-24"),
    ],
)
def test_what_cannot_be_lent_is_refused_with_the_reason(
    run: Run, staffed: Shop, by: str, to: str, until: str, code: ExitCode, told: str
) -> None:
    refused = run("approval", "delegate", to, "--until", until, "--reason", "away", "--as", by, "-c", staffed.file)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert told in refused.stderr
    assert listed(run, staffed) == []


def test_nobody_else_ends_it_but_an_admin(run: Run, staffed: Shop) -> None:
    given = delegate(run, staffed, "--until", IN_A_WEEK)
    refused = run("approval", "end-delegation", given["id"], "--as", "aud", "-c", staffed.file)
    assert refused.exit_code == ExitCode.FAILED
    assert [each["state"] for each in listed(run, staffed)] == ["open"]
    assert run("approval", "end-delegation", given["id"], "--as", "ada", "-c", staffed.file).exit_code == ExitCode.OK
    assert [each["ended_by"] for each in listed(run, staffed)] == ["ada"]
