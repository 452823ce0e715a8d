import subprocess
import sys
import time
from pathlib import Path

import pytest

from deskhand.governance.switches import Level, Switches, release, throw, thrown
from deskhand.records.database import Records, RecordsUnavailableError, url_of
from deskhand.sdk.clock import utc_now


def stop(records: Records, level: Level, subject: str = "", reason: str = "testing") -> None:
    with records.transaction("ann") as transaction:
        throw(transaction, level, subject, by="ann", reason=reason)


def go(records: Records, level: Level, subject: str = "") -> None:
    with records.transaction("ada") as transaction:
        release(transaction, level, subject, by="ada", reason="over")


SWITCHES = [
    (Level.GLOBAL, ""),
    (Level.TENANT, "19"),
    (Level.CONNECTOR, "identity_example"),
    (Level.AUTOMATION, "unlock"),
]
CALL = ("19", "identity_example", "unlock")


@pytest.mark.parametrize(("level", "subject"), SWITCHES)
def test_each_level_stops_what_it_names_and_lets_it_go(records_on_both: Records, level: Level, subject: str) -> None:
    switches = Switches(records_on_both)
    assert switches.stopped(*CALL) is None
    stop(records_on_both, level, subject)
    found = switches.stopped(*CALL)
    assert found is not None
    assert (found.level, found.subject, found.thrown_by, found.reason) == (level, subject, "ann", "testing")
    others = switches.stopped("20", "identity_other", "other")
    assert (others is None) == (level is not Level.GLOBAL)
    go(records_on_both, level, subject)
    assert switches.stopped(*CALL) is None


def test_what_a_call_does_not_concern_does_not_stop_it(records: Records) -> None:
    for level, subject in SWITCHES[1:]:
        stop(records, level, subject)
    switches = Switches(records)
    assert switches.stopped() is None
    assert switches.stopped(tenant="unlock", connector="19", automation="identity_example") is None
    found = switches.stopped(connector="identity_example")
    assert found is not None
    assert found.level is Level.CONNECTOR


def test_the_widest_switch_is_told(records: Records) -> None:
    for level, subject in reversed(SWITCHES):
        stop(records, level, subject)
        found = Switches(records).stopped(*CALL)
        assert found is not None
        assert found.level is level
    assert [(each.level, each.subject) for each in thrown(records)] == SWITCHES


def test_a_switch_keeps_its_first_reason_and_every_throw_is_on_the_record(records: Records) -> None:
    stop(records, Level.GLOBAL, reason="fire")
    stop(records, Level.GLOBAL, reason="more fire")
    (found,) = thrown(records)
    assert "Everything is stopped since 2026-01-07 12:00 UTC by ann: fire" in found.sentence
    assert [entry.kind for entry in records.audit_entries()].count("switch.thrown") == 2
    go(records, Level.GLOBAL)
    with pytest.raises(LookupError, match="global is not stopped"):
        go(records, Level.GLOBAL)


@pytest.mark.parametrize(("level", "subject"), [(Level.GLOBAL, "19"), (Level.TENANT, "")])
def test_a_switch_names_exactly_what_it_stops(records: Records, level: Level, subject: str) -> None:
    with pytest.raises(ValueError, match="exactly that"):
        stop(records, level, subject)


def test_where_it_cannot_be_told_nothing_goes(records: Records, tmp_path: Path) -> None:
    records.close()
    for file in tmp_path.glob("records.db*"):
        file.write_bytes(b"no database" * 1_000)
    with pytest.raises(RecordsUnavailableError):
        Switches(records).stopped(*CALL)


THROWER = """
import sys
from deskhand.governance.switches import Level, throw
from deskhand.records.database import Records
from deskhand.sdk.clock import utc_now
records = Records.open(sys.argv[1], clock=utc_now)
print("ready", flush=True)
sys.stdin.readline()
with records.transaction("operator") as transaction:
    throw(transaction, Level.GLOBAL, "", by="operator", reason="another process")
print("thrown", flush=True)
"""


def test_a_switch_that_another_process_throws_holds_within_a_second(tmp_path: Path) -> None:
    url = url_of(tmp_path / "shared.db")
    records = Records.open(url, clock=utc_now)
    switches = Switches(records)
    command = [sys.executable, "-c", THROWER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own words
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert switches.stopped() is None
        process.stdin.write("now\n")
        process.stdin.flush()
        assert process.stdout.readline() == "thrown\n"
        begun = time.monotonic()
        found = switches.stopped()
        assert time.monotonic() - begun < 1
    records.close()
    assert found is not None
    assert found.reason == "another process"
