"""The commands of an operator whose record store is on a PostgreSQL server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.sdk.testing import SimulatorHost
from tests.core.cli.conftest import Run
from tests.core.desk.msp import Msp, drain, quick_folder, write_configuration
from tests.postgresql import PASSWORD


@pytest.fixture
def file(postgresql_url: str) -> Iterator[Path]:
    """Configure a desk beside a PSA with one ticket, its record store on a server."""
    msp = Msp()
    msp.remember()
    msp.ticket()
    with quick_folder() as folder, SimulatorHost(msp.psa) as host:
        (folder / "password").write_text(PASSWORD)
        url = postgresql_url.replace(f":{PASSWORD}@", "@")
        yield write_configuration(folder, host.url, {"records": {"url": url, "password": "file:password"}})


def work_through(file: Path) -> None:
    with Desk.open(load(file)) as desk:
        drain(desk)


def test_nothing_is_made_by_looking_at_it(run: Run, file: Path) -> None:
    for _ in range(2):
        result = run("audit", "verify", "-c", file)
        assert result.exit_code == ExitCode.UNAVAILABLE
        assert "not there yet" in result.stderr
        assert PASSWORD not in result.stderr


def test_a_desk_keeps_its_record_there_and_only_its_keys_here(run: Run, file: Path) -> None:
    work_through(file)
    state = file.parent / "state"
    assert not (state / "records.db").exists()
    assert (state / "records.key").stat().st_mode & 0o777 == 0o600
    result = run("audit", "verify", "-c", file, "--json")
    assert result.exit_code == ExitCode.OK, result.stderr
    found = json.loads(result.stdout)
    assert found["entries"] == found["covered"] > 5


def test_status_doctor_export_and_renewal_work_as_with_a_file(run: Run, file: Path) -> None:
    work_through(file)
    status = json.loads(run("db", "status", "-c", file, "--json").stdout)
    assert status["work"]["done"] == 1
    assert status["records"]["bytes"] > 0
    assert status["records"]["file"].startswith("postgresql+psycopg://desk")
    doctor = json.loads(run("doctor", "-c", file, "--json", "--offline").stdout)
    assert next(each for each in doctor if each["name"] == "records")["ok"]
    exported = run("audit", "export", "-c", file).stdout.splitlines()
    assert [json.loads(line)["seq"] for line in exported] == list(range(len(exported)))
    (file.parent / "state" / "records.key").unlink()
    assert run("audit", "verify", "-c", file).exit_code == ExitCode.OK
    assert run("audit", "renew", "-c", file, "--yes").exit_code == ExitCode.OK
    assert run("db", "migrate", "-c", file).exit_code == ExitCode.OK
    for words in (("db", "status"), ("config", "show"), ("doctor", "--offline")):
        assert PASSWORD not in run(*words, "-c", file).output
