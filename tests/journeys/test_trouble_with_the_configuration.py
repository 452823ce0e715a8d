"""A configuration that cannot be used ends the run before it touches anything, and says where to mend what."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.main import cli
from tests.journeys.office import PLUGIN, Office

MISTAKES = [
    pytest.param("[desk", "", "valid TOML", id="not TOML"),
    pytest.param("[intake]\npol_seconds = 5", "intake.pol_seconds", "poll_seconds", id="misspelt key"),
    pytest.param('[intake]\npoll_seconds = "often"', "intake.poll_seconds", "number", id="wrong type"),
    pytest.param('[policy]\nhandling = "maybe"', "policy.handling", "suggest", id="no such choice"),
    pytest.param("[web]\nport = 70000", "web.port", "65535", id="out of range"),
    pytest.param("[connectors]", "connectors", PLUGIN, id="no connector"),
    pytest.param("[connectors.psa_imaginary]", "connectors.psa_imaginary", "install", id="no such plugin"),
    pytest.param(f"[connectors.{PLUGIN}]\nsite = 'psa.example'", f"connectors.{PLUGIN}.private_key", "", id="no key"),
    pytest.param(
        f"[connectors.{PLUGIN}]\nprivate_key = 'file:missing.txt'",
        f"connectors.{PLUGIN}.private_key",
        "missing.txt",
        id="secret that is not there",
    ),
]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["run", "--drain", *arguments])
    return result.exit_code, re.sub(r"\s+", " ", result.stderr)


def everything_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


@pytest.mark.parametrize(("text", "key", "fix"), MISTAKES)
def test_a_mistake_names_file_key_and_fix_and_touches_nothing(office: Office, text: str, key: str, fix: str) -> None:
    office.file.write_text(text, encoding="utf-8")
    before = everything_in(office.folder)
    code, told = run("--config", str(office.file))
    assert code == ExitCode.CONFIGURATION
    assert str(office.file) in told
    assert key in told
    assert fix in told
    assert "Traceback" not in told
    assert everything_in(office.folder) == before
    assert office.host.requests == 0


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    code, told = run("--config", str(tmp_path / "deskhand.toml"))
    assert code == ExitCode.CONFIGURATION
    assert "deskhand init" in told


def test_work_goes_on_once_the_mistake_is_mended(office: Office) -> None:
    office.work()
    usual: dict[str, Any] = office.sections
    office.new_ticket()
    office.file.write_text("[desk]\nnaem = 'x'", encoding="utf-8")
    assert run("--config", str(office.file))[0] == ExitCode.CONFIGURATION
    office.work(**usual)
    office.assert_nothing_lost()


def test_a_secret_is_never_quoted(office: Office) -> None:
    text = f"[connectors.{PLUGIN}]\nprivate_key = ['the-secret-itself']\npublic_key = 5\nclient_id = 'another-secret'"
    office.file.write_text(text, encoding="utf-8")
    code, told = run("--config", str(office.file))
    assert code == ExitCode.CONFIGURATION
    assert "secret-itself" not in told
    assert "another-secret" not in told
