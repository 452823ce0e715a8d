import json
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.sdk.clock import utc_now
from deskhand.sdk.testing import SimulatorHost
from deskhand.sdk.testing.faults import ExpiredToken, HtmlErrorPage
from tests.core.cli.conftest import Run, Shop
from tests.core.cli.test_audit import change_entry
from tests.core.desk.msp import Msp, drain, write_configuration


def findings(run: Run, file: Path, *more: str) -> dict[str, dict[str, Any]]:
    result = run("doctor", "-c", file, "--json", *more)
    found = {each["name"]: each for each in json.loads(result.stdout)}
    wrong = [name for name, each in found.items() if each["ok"] is False]
    assert result.exit_code == (ExitCode.FAILED if wrong else ExitCode.OK)
    assert not wrong or ", ".join(wrong) in result.stderr
    return found


def wrong(found: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, each in found.items() if each["ok"] is False]


@pytest.fixture
def msp() -> Msp:
    msp = Msp()
    msp.ticket()
    return msp


@pytest.fixture
def host(msp: Msp) -> Iterator[SimulatorHost]:
    with SimulatorHost(msp.psa) as host:
        yield host


@pytest.fixture
def healthy(host: SimulatorHost, tmp_path: Path) -> Path:
    path = write_configuration(tmp_path, host.url)
    with Desk.open(load(path)) as desk:
        drain(desk)
    return path


def test_a_healthy_desk_has_nothing_wrong(run: Run, healthy: Path) -> None:
    found = findings(run, healthy)
    assert wrong(found) == []
    assert {"psa_connectwise", "state folder", "records", "mirror", "model", "psa_connectwise answers"} <= set(found)
    assert "whole" in found["records"]["detail"]
    assert "ConnectWise PSA" in found["psa_connectwise answers"]["detail"]
    assert found["model"]["ok"] is None
    assert "Triage works without one" in found["model"]["detail"]


def test_for_people_each_finding_is_a_line(run: Run, healthy: Path) -> None:
    result = run("doctor", "-c", healthy)
    assert result.exit_code == ExitCode.OK
    assert all(line[0] in "✓·" for line in result.stdout.splitlines())


def test_before_the_first_run_what_is_missing_is_no_fault(run: Run, host: SimulatorHost, tmp_path: Path) -> None:
    found = findings(run, write_configuration(tmp_path, host.url))
    assert wrong(found) == []
    assert found["records"]["ok"] is found["mirror"]["ok"] is None


def test_offline_nobody_is_asked(run: Run, healthy: Path, host: SimulatorHost) -> None:
    before = host.requests
    assert "psa_connectwise answers" not in findings(run, healthy, "--offline")
    assert host.requests == before


def test_refused_credentials_are_told_with_what_to_check(run: Run, healthy: Path, host: SimulatorHost) -> None:
    host.faults.schedule(ExpiredToken(), times=50)
    found = findings(run, healthy)
    assert wrong(found) == ["psa_connectwise answers"]


def test_an_address_where_no_psa_answers_is_told(run: Run, healthy: Path, host: SimulatorHost) -> None:
    host.faults.schedule(HtmlErrorPage(), times=50)
    assert wrong(findings(run, healthy)) == ["psa_connectwise answers"]


def test_everything_that_is_broken_is_told_at_once(run: Run, shop: Shop) -> None:
    change_entry(shop.records, 3)
    shop.mirror.write_bytes(b"nothing" * 1000)
    text = shop.file.read_text(encoding="utf-8").replace("[identity]\n", "[identity]\nshared_mailboxes = []\n")
    shop.file.write_text(text.replace('own_domains = [\n    "msp.example",\n]\n', ""), encoding="utf-8")
    found = findings(run, shop.file, "--offline")
    assert set(wrong(found)) == {"own domains", "records", "mirror"}
    assert "rebuild-mirror" in found["mirror"]["detail"]
    assert "list your domains" in found["own domains"]["detail"]


def test_records_that_are_no_database_are_a_finding_and_no_stack(run: Run, shop: Shop) -> None:
    shop.records.write_bytes(b"nothing" * 1000)
    found = findings(run, shop.file, "--offline")
    assert wrong(found) == ["records"]
    assert "restore it from a backup" in found["records"]["detail"]


def test_a_state_folder_that_cannot_be_is_told(run: Run, shop: Shop) -> None:
    text = shop.file.read_text(encoding="utf-8").replace('state = "state"', 'state = "deskhand.toml/state"')
    shop.file.write_text(text, encoding="utf-8")
    found = findings(run, shop.file, "--offline")
    assert "check [desk] state" in found["state folder"]["detail"]


def test_a_policy_for_a_client_the_psa_does_not_have_is_told(run: Run, shop: Shop) -> None:
    text = shop.file.read_text(encoding="utf-8")
    shop.file.write_text(text.replace("[clients.BABBAGE]", "[clients.BABAGE]"), encoding="utf-8")
    found = findings(run, shop.file, "--offline")
    assert wrong(found) == ["clients"]
    assert "BABAGE" in found["clients"]["detail"]


def test_a_ticket_system_that_is_none_is_told(run: Run, shop: Shop) -> None:
    text = shop.file.read_text(encoding="utf-8")
    text = text.replace('state = "state"', 'state = "state"\nticket_system = "psa_other"')
    shop.file.write_text(text, encoding="utf-8")
    assert "name one of psa_connectwise" in findings(run, shop.file)["connectors"]["detail"]


def test_a_broken_section_is_a_finding_of_its_connector(run: Run, shop: Shop) -> None:
    text = shop.file.read_text(encoding="utf-8").replace("company_id", "compny_id")
    shop.file.write_text(text, encoding="utf-8")
    found = findings(run, shop.file)
    assert wrong(found) == ["psa_connectwise"]
    assert "rename `compny_id`" in found["psa_connectwise"]["detail"]


def test_clocks_that_disagree_are_told(run: Run, tmp_path: Path) -> None:
    msp = Msp()
    msp.psa.state.clock = lambda: utc_now() + timedelta(hours=1)
    msp.ticket()
    with SimulatorHost(msp.psa) as host:
        found = findings(run, write_configuration(tmp_path, host.url))
    assert wrong(found) == ["clock"]
    assert "60 min ahead" in found["clock"]["detail"]


def test_a_configuration_that_cannot_be_read_ends_it_at_once(run: Run, shop: Shop) -> None:
    shop.file.write_text("[desk", encoding="utf-8")
    result = run("doctor", "-c", shop.file, "--json")
    assert (result.exit_code, result.stdout) == (ExitCode.CONFIGURATION, "")


def test_secrets_are_looked_for_in_everything_that_was_written(run: Run, shop: Shop) -> None:
    result = run("doctor", "-c", shop.file, "--leaks")
    assert result.exit_code == ExitCode.OK, result.output
    assert "no secret in" in result.stdout
    key = tomllib.loads(shop.file.read_text())["connectors"]["psa_connectwise"]["private_key"]
    (shop.folder / "state" / "crash.log").write_text(f"sent {key.encode().hex()} to the PSA")
    found = run("doctor", "-c", shop.file, "--leaks")
    assert found.exit_code == ExitCode.FAILED
    assert "crash.log holds connectors.psa_connectwise.private_key, hex" in found.stdout
    assert key not in found.output
