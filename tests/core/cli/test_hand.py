"""`deskhand hand`, where it cannot work: each refusal names the fix."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.sdk.testing import SimulatorHost
from deskhand.workflow.durable import Durable
from deskhand.workflow.executors import Executor, Register
from tests.core.cli.conftest import Run
from tests.core.desk.msp import Msp, quick_folder, write_configuration
from tests.postgresql import PASSWORD


@pytest.fixture
def psa() -> Iterator[SimulatorHost]:
    with SimulatorHost(Msp().psa) as host:
        yield host


@pytest.fixture
def on_server(postgresql_url: str, psa: SimulatorHost) -> Iterator[Path]:
    with quick_folder() as folder:
        (folder / "password").write_text(PASSWORD)
        url = postgresql_url.replace(f":{PASSWORD}@", "@")
        yield write_configuration(folder, psa.url, {"records": {"url": url, "password": "file:password"}})


def test_a_record_store_in_a_file_is_refused(run: Run, psa: SimulatorHost, tmp_path: Path) -> None:
    found = run("hand", "-c", write_configuration(tmp_path, psa.url))
    assert found.exit_code == ExitCode.CONFIGURATION
    assert "set [records] url" in found.stderr


def test_a_store_no_desk_has_made_is_refused(run: Run, on_server: Path) -> None:
    found = run("hand", "-c", on_server)
    assert found.exit_code == ExitCode.UNAVAILABLE
    assert "start the desk first" in found.stderr


def test_a_name_that_is_none_is_refused(run: Run, on_server: Path) -> None:
    found = run("hand", "-c", on_server, "--name", "../desk")
    assert found.exit_code == ExitCode.CONFIGURATION
    assert "--name" in found.stderr


def test_a_hand_without_a_connector_the_desk_has_is_refused(run: Run, on_server: Path, postgresql_url: str) -> None:
    Desk.open(load(on_server)).__exit__(None, None, None)
    durable = Durable(postgresql_url)
    Register(durable._engine).enter(Executor(connectors=frozenset({"psa_connectwise", "notify_twilio"})))
    durable.close()
    found = run("hand", "-c", on_server)
    assert found.exit_code == ExitCode.CONFIGURATION
    assert "add [connectors.notify_twilio]" in found.stderr


@pytest.fixture
def hands_machine(on_server: Path) -> Path:
    """A machine on which a hand has worked, and no desk: that one has made the store from elsewhere."""
    Desk.open(load(on_server)).__exit__(None, None, None)
    folder = on_server.parent / "state"
    shutil.rmtree(folder)
    (folder / "hands" / "site-b").mkdir(parents=True)
    return on_server


def test_the_doctor_knows_a_hands_machine_and_says_where_the_rest_is_looked_at(run: Run, hands_machine: Path) -> None:
    found = run("doctor", "-c", hands_machine)
    assert "a hand's (site-b)" in found.stdout
    assert "run `deskhand doctor` there as well" in found.stdout
    assert "psa_connectwise answers" in found.stdout
    assert "audit renew" not in found.stdout + found.stderr
    looked_at = {each["name"]: each["ok"] for each in json.loads(run("doctor", "-c", hands_machine, "--json").stdout)}
    assert looked_at["records"] is True
    assert {"mirror", "model"}.isdisjoint(looked_at)
    assert False not in looked_at.values()


@pytest.mark.parametrize("what", [["verify"], ["renew", "--yes"], ["anchor"], ["prove", "--tenant", "20"]])
def test_what_vouches_for_the_record_is_for_the_desks_machine(run: Run, hands_machine: Path, what: list[str]) -> None:
    found = run("audit", what[0], "-c", hands_machine, *what[1:])
    assert found.exit_code == ExitCode.CONFIGURATION
    assert "this machine is a hand's" in found.stderr
    assert "audit renew" not in found.stderr
    assert not list((hands_machine.parent / "state").glob("records*")), "no key is made on the way"


def test_the_record_can_be_read_and_checked_against_a_key_on_a_hands_machine(run: Run, on_server: Path) -> None:
    with Desk.open(load(on_server)) as desk:
        desk.records.checkpoint()
    trust = on_server.parent / "noted.trust"
    shutil.move(on_server.parent / "state" / "records.trust", trust)
    shutil.rmtree(on_server.parent / "state")
    (on_server.parent / "state" / "hands" / "site-b").mkdir(parents=True)
    assert run("audit", "verify", "-c", on_server, "--trust", trust).exit_code == 0
    assert run("runs", "list", "-c", on_server).exit_code == 0


def test_a_desk_that_also_has_a_hand_here_is_a_desk(run: Run, on_server: Path) -> None:
    Desk.open(load(on_server)).__exit__(None, None, None)
    (on_server.parent / "state" / "hands" / "site-b").mkdir(parents=True)
    assert "this machine" not in run("doctor", "-c", on_server, "--offline").stdout
    assert run("audit", "verify", "-c", on_server).exit_code == 0


def test_a_dead_hand_is_found_by_the_doctor_and_listed(run: Run, on_server: Path, postgresql_url: str) -> None:
    Desk.open(load(on_server)).__exit__(None, None, None)
    durable = Durable(postgresql_url)
    with durable._engine.begin() as connection:
        Register(durable._engine).create()
        connection.exec_driver_sql(
            "INSERT INTO deskhand_runs.executors VALUES ('x', 'hand', 'site-b', 'far', '', '9', '', now(), "
            "now() - interval '1 hour')"
        )
    durable.close()
    found = run("doctor", "-c", on_server, "--offline")
    assert "hand site-b" in found.stdout
    assert "not heard of for 1:00:0" in found.stdout
    assert "upgrade one of them" in found.stdout
    listed = run("runs", "hands", "-c", on_server, "--json")
    assert '"is_living": false' in listed.stdout
