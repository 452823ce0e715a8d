"""A technician's word on a triage, typed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.records.accounts import Account, Role
from deskhand.sdk.testing import SimulatorHost
from tests.core.cli.conftest import Run, Shop
from tests.core.desk.msp import Msp, drain, quick_folder, write_configuration

PASSWORD = "a password only tests use"  # noqa: S105  # of invented people


@pytest.fixture(scope="module")
def msp() -> Msp:
    msp = Msp()
    msp.remember()
    return msp


@pytest.fixture(scope="module")
def ticket(msp: Msp) -> str:
    return msp.ticket("My account is locked")


@pytest.fixture(scope="module")
def file(msp: Msp, ticket: str) -> Iterator[Path]:
    """The configuration of a desk that has triaged the ticket and whose PSA still answers."""
    with quick_folder() as folder, SimulatorHost(msp.psa) as host:
        path = write_configuration(folder, host.url, {"policy": {"handling": "suggest"}})
        with Desk.open(load(path)) as desk:
            drain(desk)
            secret = desk.governing.offer_set_up().get_secret_value()
            desk.governing.set_up(secret=secret, name="maya", display_name="Maya", password=PASSWORD)
            admin = desk.governing.accounts()[0]
            desk.governing.add_account(admin, Account("ann", "Ann", frozenset({Role.AUDITOR})), PASSWORD)
        assert ticket
        yield path


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKHAND_PASSWORD", PASSWORD)


def test_a_triage_is_shown_with_how_sure_it_is(run: Run, file: Path, ticket: str) -> None:
    shown = run("triage", "show", ticket, "-c", file)
    assert shown.exit_code == ExitCode.OK
    assert "Accounts" in shown.stdout
    document = json.loads(run("triage", "show", ticket, "-c", file, "--json").stdout)
    assert {each["field"] for each in document["triage"]["decisions"]} >= {"type", "impact"}


def test_a_ticket_without_a_triage_leads_to_its_why(run: Run, shop: Shop) -> None:
    for number in (shop.held, shop.left_alone, "4711"):
        result = run("triage", "show", number, "-c", shop.file)
        assert result.exit_code == ExitCode.FAILED
        assert f"deskhand audit show --ticket {number}" in result.stderr


def test_a_triage_is_applied_and_corrected(run: Run, file: Path, msp: Msp, ticket: str) -> None:
    applied = run("triage", "apply", ticket, "--as", "maya", "-c", file)
    assert (applied.exit_code, msp.type_of(ticket)) == (ExitCode.OK, "Accounts")
    assert applied.stdout.startswith("Maya applied the triage")
    values = ("--type", "hardware", "--subtype", "Laptop", "--impact", "high")
    corrected = run("triage", "correct", ticket, *values, "--as", "maya", "-c", file)
    assert (corrected.exit_code, msp.type_of(ticket)) == (ExitCode.OK, "Hardware")
    assert "type Hardware, subtype Laptop, impact high" in " ".join(corrected.stdout.split())


@pytest.mark.parametrize(
    ("values", "told", "code"),
    [
        (("--type", "Plants"), "the board lists no type Plants; it lists Accounts, Hardware", ExitCode.USAGE),
        ((), "nothing was chosen", ExitCode.FAILED),
    ],
)
def test_what_the_board_does_not_list_is_told_with_what_it_lists(
    run: Run, file: Path, ticket: str, values: tuple[str, ...], told: str, code: ExitCode
) -> None:
    result = run("triage", "correct", ticket, *values, "--as", "maya", "-c", file)
    assert result.exit_code == code
    assert told in " ".join(result.stderr.split())


def test_whoever_is_no_technician_is_refused(run: Run, file: Path, ticket: str) -> None:
    result = run("triage", "apply", ticket, "--as", "ann", "-c", file)
    assert result.exit_code == ExitCode.FAILED
    assert "has not the role technician" in " ".join(result.stderr.split())
