"""`deskhand automation`: everything the console can do with an automation can be typed."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from deskhand.automation.schema_form import schema
from deskhand.cli.account import NEW_PASSWORD
from deskhand.cli.acting import PASSWORD
from deskhand.cli.exit_codes import ExitCode
from tests.core.cli.conftest import Run, Shop
from tests.core.desk.test_automating import NAME, OVERLAY, TEXT

CHOSEN = "correct horse battery"


class Office:
    """A shop with people who have passwords."""

    def __init__(self, shop: Shop, run: Run) -> None:
        self.shop, self.run = shop, run

    def __call__(self, *arguments: object, who: str | None = None, code: ExitCode = ExitCode.OK) -> Result:
        words = ["automation", *arguments, "--config", self.shop.file]
        result = self.run(*words, *(["--as", who] if who else []))
        assert result.exit_code == code, result.output
        return result

    def json(self, *arguments: object, who: str | None = None) -> Any:  # noqa: ANN401  # whatever a command answers
        return json.loads(self(*arguments, "--json", who=who).output)

    def text(self, yaml: str = TEXT, name: str = "it.yaml") -> Path:
        path = self.shop.folder / name
        path.write_text(yaml, encoding="utf-8")
        return path


@pytest.fixture
def office(shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("COLUMNS", "240")
    monkeypatch.setenv(NEW_PASSWORD, CHOSEN)
    monkeypatch.setenv(PASSWORD, CHOSEN)
    for name, roles in {"tess": ["technician"], "anna": ["approver"], "adam": ["admin", "approver"]}.items():
        options = [word for role in roles for word in ("--role", role)]
        assert run("account", "add", name, *options, "-c", shop.file).exit_code == ExitCode.OK
    return Office(shop, run)


def approved(office: Office) -> str:
    sha256 = str(office.json("save", NAME, office.text(), who="tess")["sha256"])
    office("back-test", NAME)
    office("approve", NAME, "--version", 1, "--sha256", sha256, who="anna")
    return sha256


def test_the_schema_is_printed_without_a_configuration(run: Run) -> None:
    assert run("automation", "schema").output == schema()


def test_a_text_is_checked_without_a_configuration(run: Run, tmp_path: Path) -> None:
    good, bad, worse = tmp_path / "good.yaml", tmp_path / "bad.yaml", tmp_path / "worse.yaml"
    good.write_text(TEXT, encoding="utf-8")
    bad.write_text(TEXT.replace("add_internal_note", "add_note"), encoding="utf-8")
    worse.write_text("name: [", encoding="utf-8")
    assert "No findings." in run("automation", "lint", good).output
    failed = run("automation", "lint", bad, "--json")
    assert failed.exit_code == ExitCode.FAILED
    assert json.loads(failed.output)[0]["path"] == "steps.say.action"
    assert "line 1: this is no YAML" in run("automation", "lint", worse).output


def test_from_a_text_to_an_approved_version(office: Office) -> None:
    sha256 = approved(office)
    shown = office.json("show", NAME)
    assert (shown["state"], shown["authors"], shown["approver"], shown["sha256"]) == (
        "approved",
        ["tess"],
        "anna",
        sha256,
    )
    assert shown["back_test"]["tickets"] == 12
    (listed,) = office.json("list")
    assert (listed["name"], listed["approved"], listed["rollouts"]) == (NAME, 1, [])
    assert "answer-locked" in office("list").output
    assert office("show", NAME, "--yaml").output == TEXT.replace("version: 7", "version: 1")
    assert sha256 in office("show", NAME).output


def test_the_desks_refusals_are_messages_with_a_code(office: Office) -> None:
    sha256 = office.json("save", NAME, office.text(), who="tess")["sha256"]
    refused = office("approve", NAME, "--version", 1, "--sha256", sha256, who="anna", code=ExitCode.FAILED)
    assert "was not back-tested" in refused.output
    assert "there is no automation" in office("show", "nothing", code=ExitCode.FAILED).output
    assert "line 1" in office("save", NAME, office.text("name: x"), who="tess", code=ExitCode.FAILED).output


def test_a_back_test_names_what_it_matched(office: Office) -> None:
    office("save", NAME, office.text(), who="tess")
    found = office.json("back-test", NAME)
    assert (found["tickets"], found["matched"]) == (12, 3)
    assert "3 of 12 closed tickets match" in office("back-test", NAME, "--tenant", office.shop.marlow).output


def test_stages_overlays_and_stops(office: Office) -> None:
    approved(office)
    tenant = office.shop.marlow
    office("stage", NAME, "shadow", "--tenant", tenant, who="anna")
    moved = office.json("stage", NAME, "auto", "--tenant", tenant, "--reason", "for the test", who="adam")
    assert (moved["stage"], moved["reason"]) == ("auto", "for the test")
    proposed = office.json("overlay", "propose", NAME, office.text(OVERLAY), "--tenant", tenant, who="tess")["proposed"]
    office("overlay", "approve", NAME, "--tenant", tenant, "--sha256", proposed["sha256"], who="anna")
    effective = office.json("effective", NAME, "--tenant", tenant)
    assert effective["differences"][0]["because"] == "They speak German."
    assert "They speak German." in office("effective", NAME, "--tenant", tenant).output
    office("overlay", "drop", NAME, "--tenant", tenant, "--reason", "done", who="anna")
    assert office.json("shadows", NAME) == []
    office("pause", NAME, "--reason", "odd", who="tess")
    office("resume", NAME, "--reason", "fine", who="anna")
    office("retire", NAME, "--reason", "old", who="adam")
    assert office.json("list")[0]["state"] == "retired"


def test_versions_are_compared_and_rejected(office: Office) -> None:
    approved(office)
    saved = office.json("save", NAME, office.text(TEXT.replace("first.", "please.")), who="tess")
    assert "please." in office("diff", NAME, 1, 2).output
    assert office.json("diff", NAME, 1, 2)["fields"][0]["path"] == "version"
    office("reject", NAME, "--version", 2, "--sha256", saved["sha256"], "--reason", "too polite", who="anna")
    assert office.json("show", NAME)["state"] == "rejected"


def test_a_draft_is_made_of_one_thing(office: Office) -> None:
    assert "name one of" in office("draft", who="tess", code=ExitCode.USAGE).output


def test_how_far_a_version_has_come_is_shown_held_and_taken_further(office: Office) -> None:
    approved(office)
    assert "stands at auto nowhere" in office("rollout", NAME).output
    tenant = office.shop.marlow
    office("stage", NAME, "auto", "--tenant", tenant, "--reason", "for the test", who="adam")
    assert f"Has it: {tenant}" in office("rollout", NAME).output
    office("rollout", NAME, "--hold", "--reason", "until Monday", who="anna", code=ExitCode.FAILED)
    held = office("rollout", NAME, "--hold", "--reason", "until Monday", who="adam").output
    assert "adam holds it: until Monday" in held
    assert office.json("rollout", NAME, "--first", tenant, who="adam")["held_by"] == "adam"
    office("rollout", NAME, "--go-on", "--reason", "it is Monday", who="adam")
    assert office.json("rollout", NAME, "--ahead", "--reason", "tried it", who="adam")["wave"] == "all"
