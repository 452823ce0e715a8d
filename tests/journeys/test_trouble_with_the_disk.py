"""The disk is full, or may not be written: the message names the file and the fix, and nothing is lost."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from deskhand.cli.exit_codes import ExitCode
from tests.journeys.office import Office, wait_until

FULL = 4096
"""Bytes no file may grow beyond: to SQLite it is a disk without room."""
AS_NOBODY_SPECIAL = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
"""Takes from root what lets it write what it may not."""


def limit(process: "subprocess.Popen[str]", size: int) -> None:
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def started(office: Office, prefix: Sequence[str] = ()) -> Iterator["subprocess.Popen[str]"]:
    process = office.start(prefix=prefix)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def console_of(process: "subprocess.Popen[str]") -> str:
    """Read the log up to the line that tells where the desk listens."""
    assert process.stderr is not None
    return str(next(line for line in map(json.loads, process.stderr) if line["event"] == "desk runs")["console"])


def stores_light(console: str) -> dict[str, object]:
    lights = httpx.get(f"{console}/healthz").json()["lights"]
    return next(dict(each) for each in lights if each["name"] == "stores")


def test_a_disk_that_fills_up_is_told_and_the_same_desk_goes_on_when_there_is_room(office: Office) -> None:
    office.configure()
    with started(office) as process:
        console = console_of(process)
        wait_until(lambda: all(map(office.desk_notes, office.tickets)), "the first tickets are handled", 60)
        limit(process, FULL)
        for _ in range(3):
            office.new_ticket()
        wait_until(lambda: not stores_light(console)["is_well"], "the health document tells")
        told = str(stores_light(console)["detail"])
        assert re.search(r"(records|mirror)\.db", told), told
        assert "full" in told
        assert httpx.get(f"{console}/healthz").status_code == 503
        limit(process, resource.RLIM_INFINITY)
        wait_until(lambda: all(map(office.desk_notes, office.tickets)), "the rest is handled", 60)
        wait_until(lambda: stores_light(console)["is_well"], "the light is green again")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == ExitCode.OK
    assert "Traceback" not in log
    office.assert_nothing_lost()


def test_a_desk_that_ends_while_the_disk_is_full_leaves_everything_to_the_next(office: Office) -> None:
    office.configure()
    with started(office) as process:
        console = console_of(process)
        wait_until(lambda: any(map(office.desk_notes, office.tickets)), "the first ticket is handled", 60)
        limit(process, FULL)
        office.new_ticket()
        wait_until(lambda: not stores_light(console)["is_well"], "the health document tells")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == ExitCode.OK
    assert "the log could not be signed" in log
    office.work()
    office.assert_nothing_lost()


def test_a_disk_that_is_full_at_the_start_ends_the_start_with_a_reason(office: Office) -> None:
    office.configure()
    with started(office) as process:
        limit(process, 0)
        _, told = process.communicate(timeout=60)
    assert process.returncode == ExitCode.UNAVAILABLE, told
    assert str(office.state / "records.db") in told
    assert "full" in told
    assert "Traceback" not in told
    assert office.host.requests == 0
    office.work()
    office.assert_nothing_lost()


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may write everything, and setpriv is missing"
)
@pytest.mark.parametrize("name", ["records.db", "mirror.db"])
def test_a_database_that_may_not_be_written_is_named_with_the_fix(office: Office, name: str) -> None:
    office.work()
    office.new_ticket()
    database = office.state / name
    database.chmod(0o400)
    with started(office, AS_NOBODY_SPECIAL if os.geteuid() == 0 else ()) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == ExitCode.UNAVAILABLE, told
    assert str(database) in told
    assert "write" in told
    assert "Traceback" not in told
    database.chmod(0o600)
    office.work()
    office.assert_nothing_lost()


def test_what_was_learned_is_learned_again_where_it_cannot_be_kept(office: Office) -> None:
    def obstruct() -> None:
        for each in office.state.glob("history-*.npz"):
            each.unlink()
            (office.state / f"{each.name}.new").mkdir()

    office.work()
    obstruct()
    office.new_ticket()
    with capture_logs() as log:
        office.work()
    assert any("cannot be kept" in line["event"] and "history-" in line["file"] for line in log)
    office.assert_nothing_lost()


def test_a_log_that_cannot_be_written_stops_nothing(office: Office) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        assert office.start("--drain", log=full).wait(60) == ExitCode.OK
    office.assert_nothing_lost()
