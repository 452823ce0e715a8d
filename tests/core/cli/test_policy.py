import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskhand.cli.account import NEW_PASSWORD
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.governing import PASSWORD
from deskhand.desk.policy_tables import TableFile
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance import decisions
from deskhand.governance.permission import Permissions
from deskhand.records.database import Records, url_of
from deskhand.sdk.clock import utc_now
from tests.core.cli.conftest import Run, Shop
from tests.core.governance.policy_cases import ACTION, Case
from tests.repository import ROOT

RESET = "identity_entra.reset_password"
TABLE = f"""
[[grants]]
tenant_id = "19"
subject = "action:{RESET}"
mode = "ask"
per_hour = 3
approvers = ["Eve"]
hours = {{ zone = "Europe/Berlin", opens = "08:00", closes = "18:00" }}

[[grants]]
tenant_id = "*"
subject = "tier:2"
mode = "auto"

[[cases]]
name = "a reset is asked for"
tenant = "19"
action = "{RESET}"
expect = "ask"

[[cases]]
name = "sessions end by themselves"
tenant = "20"
action = "identity_entra.revoke_sessions"
expect = "auto"

[[cases]]
name = "not for an automation without a stage"
tenant = "20"
action = "psa_connectwise.add_internal_note"
by = "automation:unlock"
expect = "suggest"
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "table.toml"
    file.write_text(TABLE, encoding="utf-8")
    return file


@pytest.fixture
def staffed(run: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv(NEW_PASSWORD, "correct horse battery")
    monkeypatch.setenv(PASSWORD, "correct horse battery")
    for name, role in (("ada", "admin"), ("eve", "approver"), ("ann", "technician")):
        assert run("account", "add", name, "--role", role, "-c", shop.file).exit_code == ExitCode.OK
    return shop


def show(run: Run, shop: Shop) -> dict[str, object]:
    found: dict[str, object] = json.loads(run("policy", "show", "-c", shop.file, "--json").stdout)
    return found


def test_a_table_is_proposed_by_one_and_approved_by_another(run: Run, staffed: Shop, table: Path) -> None:
    proposed = run("policy", "propose", table, "--comment", "night shift", "--as", "ada", "-c", staffed.file)
    assert "deskhand policy approve 1" in proposed.stdout
    assert show(run, staffed)["version"] == 0
    for name, told in (("ada", "someone else has to"), ("ann", "not the role")):
        refused = run("policy", "approve", 1, "--as", name, "-c", staffed.file)
        assert (refused.exit_code, told in refused.stderr) == (ExitCode.FAILED, True)
    assert run("policy", "approve", 1, "-c", staffed.file).exit_code == ExitCode.FAILED, "nor does the operator"
    approved = json.loads(run("policy", "approve", 1, "--as", "eve", "-c", staffed.file, "--json").stdout)
    assert (approved["state"], approved["decided_by"], approved["comment"]) == ("approved", "eve", "night shift")
    found = show(run, staffed)
    assert found["version"] == 1
    assert {each["subject"] for each in found["grants"]} == {f"action:{RESET}", "tier:2"}  # type: ignore[attr-defined]  # JSON


def test_what_holds_can_be_shown_and_edited(run: Run, staffed: Shop, table: Path, tmp_path: Path) -> None:
    run("policy", "propose", table, "-c", staffed.file)
    run("policy", "approve", 1, "--as", "eve", "-c", staffed.file)
    shown = run("policy", "show", "-c", staffed.file).stdout
    for words in ("guard-four-eyes", "Grants, version 1", "3 an hour", "approved by eve", "Europe/Berlin"):
        assert words in shown
    copy = tmp_path / "copy.toml"
    copy.write_text(run("policy", "show", "--toml", "-c", staffed.file).stdout, encoding="utf-8")
    run("policy", "propose", copy, "-c", staffed.file)
    grants = [
        json.loads(run("policy", "show", "--version", version, "-c", staffed.file, "--json").stdout)["grants"]
        for version in (1, 2)
    ]
    assert grants[0] == grants[1]
    assert "rejected" in run("policy", "reject", 2, "-c", staffed.file).stdout
    assert run("policy", "show", "--version", 9, "-c", staffed.file).exit_code == ExitCode.USAGE


def test_the_cases_of_a_table_are_decided_by_it(run: Run, table: Path) -> None:
    passed = run("policy", "test", table)
    assert passed.exit_code == ExitCode.OK
    assert "sessions end by" in passed.stdout
    table.write_text(TABLE.replace('mode = "auto"', 'mode = "ask"'), encoding="utf-8")
    failed = run("policy", "test", table, "--json")
    assert failed.exit_code == ExitCode.FAILED
    assert "sessions end by themselves" in failed.stderr
    assert [each["met"] for each in json.loads(failed.stdout)] == [True, False, True]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('mode = "auto"', 'mode = "always"', "grants.1.mode"),
        ('subject = "tier:2"', 'subject = "tier:7"', "grants.1.subject"),
        ('zone = "Europe/Berlin"', 'zone = "Berlin"', "IANA name"),
        ('tenant_id = "*"', 'tenant = "*"', "grants.1.tenant"),
        ("[[grants]]", "[[grant", "table.toml"),
        ('action = "identity_entra.revoke_sessions"', 'action = "identity_entra.revoke"', "there is no action"),
        ("[[cases]]", "[[case]]", "case"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(run: Run, table: Path, old: str, new: str, told: str) -> None:
    table.write_text(TABLE.replace(old, new), encoding="utf-8")
    result = run("policy", "test", table)
    assert (result.exit_code, result.stdout) == (ExitCode.FAILED, "")
    assert told in result.stderr


def test_a_row_that_is_there_twice_is_refused(run: Run, staffed: Shop, table: Path) -> None:
    table.write_text(TABLE + '\n[[grants]]\ntenant_id = "*"\nsubject = "tier:2"\nmode = "off"\n', encoding="utf-8")
    result = run("policy", "propose", table, "-c", staffed.file)
    assert (result.exit_code, "there twice" in result.stderr) == (ExitCode.FAILED, True)


def test_a_table_without_cases_proves_nothing(run: Run, table: Path) -> None:
    table.write_text("", encoding="utf-8")
    assert run("policy", "test", table).exit_code == ExitCode.FAILED


def test_a_desk_whose_guard_rails_were_changed_does_not_start_and_says_why(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "core" / "deskhand", tmp_path / "deskhand")
    rules = tmp_path / "deskhand" / "governance" / "policy.cedar"
    rules.write_text(rules.read_text().replace("context.tier > 3", "context.tier > 4"))
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-m", "deskhand", "run", "--drain", "-c", str(shop.file)],
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.CONFIGURATION, done.stderr
    assert "are not those of this version" in done.stderr
    assert "install deskhand again" in done.stderr


def explained(run: Run, shop: Shop, *words: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(run("policy", "explain", *words, "-c", shop.file, "--json").stdout)
    return found


def test_it_says_which_rule_would_decide(run: Run, staffed: Shop) -> None:
    action = ("--tenant", "19", "--action", RESET)
    found = explained(run, staffed, *action)
    assert (found["mode"], found["proof"]) == ("ask", True)
    assert "From tier 3 on" in str(found["why"])
    assert "ask" in run("policy", "explain", *action, "-c", staffed.file).stdout
    note = ("--tenant", "19", "--action", "psa_connectwise.add_internal_note")
    assert explained(run, staffed, *note)["rules"] == ["default-small"]
    assert explained(run, staffed, *note, "--automation", "unlock")["mode"] == "suggest"
    assert explained(run, staffed, *note, "--automation", "unlock", "--stage", "auto")["rules"] == ["grant-auto"]


def decide(shop: Shop) -> int:
    records = Records.open(url_of(shop.records), clock=utc_now)
    request = Case(approval=None).request().model_copy(update={"at": datetime.now(UTC)})
    with records.transaction("gate") as transaction:
        seq = decisions.record(transaction, request, Permissions().decide(request), version=0)
    records.close()
    return seq


def test_it_says_which_rule_decided(run: Run, shop: Shop) -> None:
    seq = decide(shop)
    found = explained(run, shop, "--entry", seq)
    assert (found["action"], found["asked by"], found["allowed"]) == (ACTION, "ann", False)
    assert found["rules"] == ["no-permit"]
    assert run("policy", "explain", "--entry", 0, "-c", shop.file).exit_code == ExitCode.USAGE
    assert run("policy", "explain", "-c", shop.file).exit_code == ExitCode.USAGE
    assert run("policy", "explain", "--entry", seq, "--tenant", "19", "--action", "x", "-c", shop.file).exit_code == 2


def test_it_says_what_another_table_would_have_changed(run: Run, shop: Shop, table: Path) -> None:
    seq = decide(shop)
    document = json.loads(run("policy", "what-if", table, "-c", shop.file, "--json").stdout)
    assert document["decisions"] == 1
    (different,) = document["different"]
    assert (different["entry"], different["allowed"], different["instead"]) == (seq, False, True)
    (kind,) = document["kinds"]
    assert (kind["was"]["mode"], kind["would_be"]["mode"], kind["rules"], kind["count"], kind["entries"]) == (
        "ask",
        "auto",
        ["grant-auto"],
        1,
        [seq],
    )
    shown = run("policy", "what-if", table, "-c", shop.file)
    assert shown.exit_code == ExitCode.OK, shown.stderr
    assert "1 of 1 decisions in 30 days" in " ".join(shown.stdout.split())
    assert "Each of them" not in shown.stdout
    assert "Each of them" in run("policy", "what-if", table, "--each", "-c", shop.file).stdout


def test_a_file_of_cases_alone_is_decided_by_the_table_that_holds(run: Run, staffed: Shop, table: Path) -> None:
    cases = table.with_name("cases.toml")
    cases.write_text(TABLE[TABLE.index("[[cases]]") :], encoding="utf-8")
    before = run("policy", "test", cases, "-c", staffed.file)
    assert (before.exit_code, "sessions end by themselves" in before.stderr) == (ExitCode.FAILED, True)
    run("policy", "propose", table, "-c", staffed.file)
    run("policy", "approve", 1, "--as", "eve", "-c", staffed.file)
    assert run("policy", "test", cases, "-c", staffed.file).exit_code == ExitCode.OK


def test_a_case_may_name_the_rule_that_has_to_decide_it(run: Run, table: Path) -> None:
    for rule, code in (("guard-four-eyes", ExitCode.OK), ("grant-off", ExitCode.FAILED)):
        text = TABLE.replace('expect = "ask"\n', f'expect = "ask"\nrule = "{rule}"\n')
        assert text != TABLE
        table.write_text(text, encoding="utf-8")
        assert run("policy", "test", table).exit_code == code, rule


def test_a_file_without_grants_is_never_taken_for_an_empty_table(run: Run, staffed: Shop, table: Path) -> None:
    table.write_text(TABLE[TABLE.index("[[cases]]") :], encoding="utf-8")
    for command in ("propose", "what-if"):
        refused = run("policy", command, table, "-c", staffed.file)
        assert (refused.exit_code, "write `grants = []`" in refused.stderr) == (ExitCode.FAILED, True)
    table.write_text("grants = []\n", encoding="utf-8")
    assert run("policy", "propose", table, "-c", staffed.file).exit_code == ExitCode.OK


GROUPED = """
[groups]
leads = ["Eve", "mal"]

[[grants]]
tenant_id = "250"
subject = "tier:3"
mode = "ask"
approvers = ["group:leads", "zoe"]
managers = ["group:leads"]
quorum = 3
"""


def test_a_group_in_a_file_stands_for_its_people(tmp_path: Path) -> None:
    file = tmp_path / "table.toml"
    file.write_text(GROUPED)
    (grant,) = TableFile.grants_in(file)
    assert (grant.approvers, grant.managers, grant.quorum) == (("eve", "mal", "zoe"), ("eve", "mal"), 3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('"group:leads", "zoe"', '"group:lead", "zoe"'), "no group lead: add it under"),
        (('["Eve", "mal"]', "[]"), "at least 1"),
        (('["Eve", "mal"]', '"eve"'), "valid tuple"),
        (("quorum = 3", "quorum = 4"), "4 have to approve and only 3 may"),
    ],
)
def test_a_group_there_is_not_or_that_is_too_small_is_told(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    file = tmp_path / "table.toml"
    file.write_text(GROUPED.replace(*change))
    with pytest.raises(DeskRefusedError, match=told):
        TableFile.read(file)
