"""What operators type to maintain automations: candidates, reports, diagnoses, reviews, and what doctor remarks."""

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from click.testing import Result

from deskhand.automation import plans
from deskhand.cli.account import NEW_PASSWORD
from deskhand.cli.acting import PASSWORD
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import load
from deskhand.desk.stores import open_mirror, open_records
from deskhand.governance.breaker import MaintenanceSettings
from deskhand.records import automations, runs
from deskhand.records.automations import AutomationState, VersionState
from deskhand.records.runs import Cause, Run
from tests.core.agent.diagnosis.examples import DOCUMENT, TEXT, plan, run
from tests.core.cli.conftest import Run as Typed
from tests.core.cli.conftest import Shop
from tests.core.desk.test_candidates import close

CHOSEN = "correct horse battery"


class Office:
    """A shop with a technician, an automation, and runs of it."""

    def __init__(self, shop: Shop, typed: Typed) -> None:
        self.shop, self.typed = shop, typed
        self.configuration = load(shop.file)

    def __call__(self, *words: object, code: ExitCode = ExitCode.OK) -> Result:
        result = self.typed(*words, "--config", self.shop.file)
        assert result.exit_code == code, result.output
        return result

    def json(self, *words: object) -> Any:  # noqa: ANN401  # whatever a command answers
        return json.loads(self(*words, "--json").stdout)

    def keep(self, ended: Sequence[Run]) -> None:
        records = open_records(self.configuration)
        with records.transaction("test") as transaction:
            draft = automations.save_draft(transaction, DOCUMENT.name, 1, TEXT, author="jo", title="VPN", evidence={})
            automations.decide(transaction, draft, VersionState.APPROVED, by="tom")
            automations.set_state(transaction, DOCUMENT.name, AutomationState.PAUSED, "it failed \x1b[31mtwice")
            for each in ended:
                plans.save(transaction, plan(int(each.ticket_id)))
                runs.start(transaction, each)
        records.close()


@pytest.fixture
def office(shop: Shop, run: Typed, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("COLUMNS", "240")
    monkeypatch.setenv(NEW_PASSWORD, CHOSEN)
    monkeypatch.setenv(PASSWORD, CHOSEN)
    assert run("account", "add", "tess", "--role", "technician", "-c", shop.file).exit_code == ExitCode.OK
    return Office(shop, run)


FAILED = run(7, failed=("join", Cause.REJECTED))


def test_candidates_are_ranked_with_the_tickets_behind_them(office: Office) -> None:
    assert office.json("automation", "candidates") == []
    assert "Nothing recurs often enough yet" in office("automation", "candidates").output
    with closing(open_mirror(office.configuration)) as mirror:
        for number in range(6):
            close(mirror, f"s{number}", "Strange \x1b[31m[red]sign-in", "Sent a note.", client="1")
            close(mirror, f"t{number}", "Toner empty in the printer", "Replaced the toner.", client="1")
    found = office.json("automation", "candidates")
    assert sorted(len(each["tickets"]) for each in found) == [6, 6]
    assert office.json("automation", "candidates", "--limit", 1) == found[:1]
    assert office.json("automation", "candidates", "--client", office.shop.babbage) == []
    shown = office("automation", "candidates").output
    assert "6 tickets of 1 client(s)" in shown
    assert "Worth automating" in shown
    assert "\x1b[31m" not in shown
    office("automation", "candidates", "--client", "999", code=ExitCode.FAILED)


def test_a_report_names_people_versions_and_outcomes(office: Office) -> None:
    office.keep([run(6), FAILED])
    found = office.json("automation", "report", DOCUMENT.name)
    assert found["state"] == "paused"
    assert [(each["authors"], each["approver"]) for each in found["versions"]] == [(["jo"], "tom")]
    assert found["outcomes"] == {"done": 1, "failed": 1}
    assert found["failures_by_cause"] == {"not diagnosed": 1}
    assert found["saved"]["is_estimate"] is True
    shown = office("automation", "report", DOCUMENT.name).output
    assert "paused: it failed" in shown
    assert "\x1b[31m" not in shown
    office("automation", "report", "nonsense", code=ExitCode.FAILED)


def test_a_failed_run_is_diagnosed_also_where_the_psa_is_away(office: Office) -> None:
    office.keep([run(6), FAILED])
    found = office.json("automation", "diagnose", FAILED.id)
    assert (found["cause"], found["step_id"], found["change"]) == ("policy", "join", None)
    shown = office("automation", "diagnose", FAILED.id).output
    assert "was tried 3 times: rejected" in shown
    assert "To do: Do this ticket by hand" in shown
    assert (
        "there is no change to propose"
        in office("automation", "mend", FAILED.id, "--as", "tess", code=ExitCode.FAILED).output
    )
    office("automation", "diagnose", run(6).id, code=ExitCode.FAILED)
    months = office.json("report")["months"]
    assert [(each["runs"], each["done"], each["failures_by_cause"]) for each in months] == [(2, 1, {"policy": 1})]
    assert "Minutes saved are an estimate" in office("report").output


def test_decisions_are_drawn_listed_and_marked(office: Office) -> None:
    text = office.shop.file.read_text(encoding="utf-8")
    office.shop.file.write_text(f"{text}\n[policy]\nreview_share = 1.0\n", encoding="utf-8")
    drawn = office.json("review", "draw")["drawn"]
    listed = office.json("review", "list")
    assert drawn == len(listed) > 0
    first = listed[0]["review"]
    assert first in office("review", "list").output
    marked = office.json("review", "mark", first, "right", "--as", "tess", "--comment", "quite so")
    assert (marked["mark"], marked["marked_by"]) == ("right", "tess")
    assert [each["review"] for each in office.json("review", "list", "--marked")] == [first]
    assert first not in [each["review"] for each in office.json("review", "list")]
    office("review", "mark", "nonsense", "right", "--as", "tess", code=ExitCode.USAGE)
    office("review", "mark", "triage/0:type", "right", "--as", "tess", code=ExitCode.FAILED)


def test_doctor_remarks_on_what_is_paused(office: Office) -> None:
    office.keep([])
    found = json.loads(office.typed("doctor", "--offline", "--json", "-c", office.shop.file).stdout)
    remark = next(each for each in found if each["name"] == DOCUMENT.name)
    assert remark["ok"] is None
    assert "paused: it failed" in remark["detail"]


def test_the_breaker_is_configured(office: Office) -> None:
    text = office.shop.file.read_text(encoding="utf-8")
    office.shop.file.write_text(f"{text}\n[maintenance]\npause_after = 9\nof_last = 10\n", encoding="utf-8")
    assert load(office.shop.file).maintenance == MaintenanceSettings(pause_after=9, of_last=10)
    office.shop.file.write_text(f"{text}\n[maintenance]\npause_after = 9\nof_last = 3\n", encoding="utf-8")
    office("config", "check", code=ExitCode.CONFIGURATION)
