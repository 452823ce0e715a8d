"""The process is asked to end, or may not begin: it ends in order and in time, and says what stands in its way."""

import json
import signal
import socket
import subprocess
import time
from typing import Literal

import pytest
import structlog
from click.testing import CliRunner

from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.main import cli
from deskhand.configuration.schema import LogSettings
from deskhand.daemon import GRACE, configure_log
from deskhand.desk.lock import StateLock
from deskhand.sdk.testing.faults import Latency
from deskhand.workflow.attempt import Failed, Recovery, attempt
from tests.journeys.office import Office, is_note, wait_until

IN_TIME = 10.0
"""Seconds; far less than a request that is held up, or the client's patience with it, would take."""
CUSTOMERS_WORDS = "my password is hunter2"


def ended(process: "subprocess.Popen[str]") -> tuple[float, list[str]]:
    """Send SIGTERM; return the seconds until the end, and the events that were logged."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode == ExitCode.OK, log
    return time.monotonic() - started, [json.loads(line)["event"] for line in log.splitlines()]


def test_sigterm_lets_the_ticket_under_way_come_to_its_end(office: Office) -> None:
    office.host.faults.schedule(Latency(0.5), times=1000, matching=is_note)
    office.configure()
    process = office.start()
    wait_until(lambda: any(map(office.desk_notes, office.tickets)), "the first note is written", 60)
    seconds, log = ended(process)
    assert seconds < IN_TIME
    assert log[-1] == "desk stops"
    assert log.index("stopping") < log.index("desk stops")
    written = sum(bool(office.desk_notes(ticket)) for ticket in office.tickets)
    assert written == log.count("ticket handled") < len(office.tickets)
    office.host.faults.clear()
    office.work()
    office.assert_nothing_lost()


def test_a_desk_that_is_held_up_ends_within_its_grace_and_the_next_one_finishes(office: Office) -> None:
    assert GRACE < IN_TIME - 1
    office.configure()
    office.host.faults.schedule(Latency(120), times=1000, matching=is_note)
    process = office.start(grace=2)
    wait_until(lambda: office.host.faults.pending < 1000, "the PSA keeps the note waiting", 60)
    seconds, log = ended(process)
    assert 2 <= seconds < IN_TIME
    assert log[-2:] == ["stopping", "a request did not end in time"]
    office.host.faults.clear()
    office.work()
    office.assert_nothing_lost()


def test_a_poll_that_is_held_up_does_not_hold_up_the_end(office: Office) -> None:
    office.configure()
    process = office.start(grace=3.5)
    wait_until(lambda: all(map(office.desk_notes, office.tickets)), "every ticket is handled", 60)
    office.host.faults.schedule(Latency(120), times=1000, matching=lambda request: request.path.endswith("/tickets"))
    wait_until(lambda: office.host.faults.pending < 1000, "the PSA keeps the poll waiting")
    seconds, log = ended(process)
    assert seconds < IN_TIME
    assert log[-2:] == ["desk stops", "a request did not end in time"]
    office.host.faults.clear()
    office.work()
    office.assert_nothing_lost()


def test_a_second_desk_on_one_state_folder_is_refused(office: Office) -> None:
    office.configure()
    with StateLock(office.state):
        result = CliRunner().invoke(cli, ["run", "--drain", "--config", str(office.file)])
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "another desk is running" in result.stderr
    assert str(office.state) in result.stderr
    assert office.host.requests == 0
    office.work()
    office.assert_nothing_lost()


def test_a_port_that_is_taken_is_named_with_the_key_that_changes_it(office: Office) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        office.configure(web={"port": port})
        result = CliRunner().invoke(cli, ["run", "--drain", "--config", str(office.file)])
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert f"127.0.0.1:{port}" in result.stderr
    assert "[web]" in result.stderr
    assert office.host.requests == 0
    office.work(web={"port": 0})
    office.assert_nothing_lost()


@pytest.mark.parametrize("form", ["json", "people"])
@pytest.mark.usefixtures("office")
def test_a_defects_trace_says_where_and_never_what_a_customer_wrote(
    form: Literal["json", "people"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_log(LogSettings(format=form))

    def fail(text: str) -> None:
        structlog.get_logger().info("before", length=len(text))
        raise LookupError

    outcome = attempt(lambda: fail(CUSTOMERS_WORDS))
    told = capsys.readouterr().err
    assert outcome == Failed(Recovery.REPORT_BUG, "LookupError: see the log")
    assert "LookupError" in told
    assert "test_trouble_with_the_process.py" in told
    assert CUSTOMERS_WORDS not in told
