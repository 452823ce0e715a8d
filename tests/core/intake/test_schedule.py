import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from deskhand.intake.schedule import IntakeHealth, Schedule
from deskhand.sdk.errors import AuthorizationError, ConnectorError, RateLimitedError, UnavailableError
from deskhand.sdk.models import Signal, SignalSource
from tests.core.intake.desk_side import DeskSide
from tests.core.intake.pocket_psa import START, PocketPsa

OpenDesk = Callable[..., DeskSide]
FAST = {"poll_seconds": 0.05, "retry_seconds": 0.05, "longest_pause_seconds": 0.1}


def eventually(claim: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


@pytest.fixture
def run(open_desk: OpenDesk) -> Iterator[Callable[..., tuple[DeskSide, Schedule]]]:
    started: list[Schedule] = []

    def start(*, on_enqueued: Callable[[], None] = lambda: None, **settings: object) -> tuple[DeskSide, Schedule]:
        desk = open_desk(**{**FAST, **settings})
        schedule = Schedule(desk.intake, desk.settings, on_enqueued=on_enqueued, chance=lambda: 0.0)
        started.append(schedule)
        schedule.start()
        return desk, schedule

    yield start
    for schedule in started:
        schedule.stop()


Run = Callable[..., tuple[DeskSide, Schedule]]


def fail_with(psa: PocketPsa, error: BaseException, call: str = "tickets_since") -> None:
    def fail(current: str) -> None:
        if current == call:
            raise error

    psa.before = fail


def recover(psa: PocketPsa) -> None:
    psa.before = lambda _call: None


def is_polling(schedule: Schedule) -> bool:
    return schedule.health().phase == "poll" and schedule.health().is_well


def test_it_backfills_then_polls_then_reads_history_by_itself(psa: PocketPsa, run: Run) -> None:
    psa.close_ticket(psa.open_ticket())
    wakes: list[bool] = []
    desk, schedule = run(on_enqueued=lambda: wakes.append(True))
    eventually(lambda: is_polling(schedule))
    eventually(lambda: desk.mirror.has_notes("1"))
    psa.tick()
    psa.open_ticket()
    eventually(lambda: desk.queued == ["2"])
    eventually(lambda: wakes)
    assert desk.mirror.company("7") is not None
    health = schedule.health()
    assert health.last_error is None
    assert health.last_success is not None
    assert health.next_attempt is not None


def test_a_psa_that_is_down_is_said_once_waited_for_and_welcomed_back(psa: PocketPsa, run: Run) -> None:
    desk, schedule = run()
    eventually(lambda: is_polling(schedule))
    with capture_logs() as lines:
        fail_with(psa, UnavailableError("connection refused"))
        eventually(lambda: schedule.health().consecutive_failures >= 4)
        assert "cannot be reached" in str(schedule.health().last_error)
        psa.open_ticket()
        recover(psa)
        eventually(lambda: desk.queued == ["1"])
        eventually(lambda: schedule.health().is_well)
    told = [(line["event"], line["reading"]) for line in lines if line["log_level"] in ("info", "warning", "error")]
    assert told == [("intake in trouble", "tickets"), ("intake recovered", "tickets")]


def test_a_psa_that_is_down_from_the_start_is_waited_for(psa: PocketPsa, run: Run) -> None:
    psa.open_ticket()
    fail_with(psa, UnavailableError("connection refused"), "companies")
    desk, schedule = run(triage_backlog=True)
    eventually(lambda: schedule.health().consecutive_failures >= 2)
    assert schedule.health().phase == "backfill"
    recover(psa)
    eventually(lambda: desk.queued == ["1"])


def test_a_storm_of_429_waits_as_long_as_it_is_told_to(psa: PocketPsa, run: Run) -> None:
    _, schedule = run()
    eventually(lambda: is_polling(schedule))
    fail_with(psa, RateLimitedError("429 Too many requests", retry_after=30))
    eventually(lambda: not schedule.health().is_well)
    calls = psa.calls["tickets_since"]
    time.sleep(0.3)
    health = schedule.health()
    assert psa.calls["tickets_since"] == calls
    assert health.next_attempt is not None
    assert timedelta(seconds=25) < health.next_attempt - datetime.now(UTC) < timedelta(seconds=31)
    assert "asks for a pause" in str(health.last_error)


def test_refused_credentials_say_what_to_check_and_work_once_they_are_mended(psa: PocketPsa, run: Run) -> None:
    desk, schedule = run()
    eventually(lambda: is_polling(schedule))
    psa.open_ticket()
    fail_with(psa, AuthorizationError("401 from psa_pocket"))
    eventually(lambda: not schedule.health().is_well)
    assert "credentials refused: check [connectors.psa_pocket]" in str(schedule.health().last_error)
    recover(psa)
    eventually(lambda: desk.queued == ["1"])


@pytest.mark.parametrize("error", [UnavailableError("down"), AuthorizationError("403"), ConnectorError("odd")])
def test_trouble_with_notes_or_reference_data_does_not_hold_up_tickets(
    psa: PocketPsa, run: Run, error: ConnectorError
) -> None:
    psa.close_ticket(psa.open_ticket())
    fail_with(psa, error, "notes")
    desk, schedule = run(longest_pause_seconds=60, retry_seconds=60)
    eventually(lambda: schedule.health().consecutive_failures)
    psa.tick()
    psa.open_ticket()
    eventually(lambda: desk.queued == ["2"])
    assert schedule.health().phase == "poll"


def test_a_full_disk_is_said_waited_for_and_mended(psa: PocketPsa, run: Run) -> None:
    desk, schedule = run()
    eventually(lambda: is_polling(schedule))
    desk.mirror._database.execute("pragma max_page_count = 1")
    psa.open_ticket("x" * 200_000)
    eventually(lambda: "the disk is full" in str(schedule.health().last_error))
    assert desk.queued == []
    desk.mirror._database.execute("pragma max_page_count = 1000000")
    eventually(lambda: desk.queued == ["1"])
    desk.assert_mirrors(psa)


def test_a_defect_of_ours_is_told_and_does_not_end_polling(
    psa: PocketPsa, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    desk, schedule = run()
    eventually(lambda: is_polling(schedule))
    fail_with(psa, ZeroDivisionError("a defect"))
    eventually(lambda: "unexpectedly (ZeroDivisionError" in str(schedule.health().last_error))
    assert "a defect" in caplog.text
    psa.open_ticket()
    recover(psa)
    eventually(lambda: desk.queued == ["1"])


def test_callbacks_hasten_and_a_thousand_replays_read_the_ticket_once(psa: PocketPsa, run: Run) -> None:
    desk, schedule = run(poll_seconds=3600)
    eventually(lambda: is_polling(schedule))
    psa.open_ticket()
    for _ in range(1000):
        desk.intake.hint(Signal("psa_pocket", "1", SignalSource.CALLBACK, START))
        desk.intake.hint(Signal("psa_pocket", "404", SignalSource.CALLBACK, START))
    eventually(lambda: desk.queued == ["1"])
    for _ in range(100):
        desk.intake.hint(Signal("psa_pocket", "1", SignalSource.CALLBACK, START))
    time.sleep(0.5)
    assert psa.calls["ticket"] == 2


def test_hints_that_fail_are_left_to_the_poll(psa: PocketPsa, run: Run) -> None:
    desk, schedule = run()
    eventually(lambda: is_polling(schedule))
    fail_with(psa, UnavailableError("down"), "ticket")
    psa.open_ticket()
    desk.intake.hint(Signal("psa_pocket", "1", SignalSource.CALLBACK, START))
    eventually(lambda: psa.calls["ticket"] and desk.queued == ["1"])
    assert schedule.health().is_well


def test_stopping_waits_for_the_request_under_way_and_no_longer(psa: PocketPsa, run: Run) -> None:
    for _ in range(100):
        psa.open_ticket()
    psa.before = lambda _call: time.sleep(0.05)
    desk, schedule = run()
    eventually(lambda: desk.mirror.counts()["tickets"] > 5)
    started = time.monotonic()
    assert schedule.stop()
    assert time.monotonic() - started < 4  # all hundred take five seconds at least
    assert 5 < desk.mirror.counts()["tickets"] < 100
    assert schedule.health().phase == "stopped"
    calls = psa.calls.total()
    time.sleep(0.2)
    assert psa.calls.total() == calls


def test_stopping_gives_up_waiting_for_a_request_that_hangs(psa: PocketPsa, run: Run) -> None:
    released = threading.Event()

    def hang(_call: str) -> None:
        released.wait(60)

    psa.before = hang
    _, schedule = run()
    eventually(lambda: psa.calls)
    assert not schedule.stop(timeout=0.2)
    released.set()
    assert schedule.stop(timeout=60)


def test_health_begins_with_nothing_done_and_nothing_wrong(psa: PocketPsa, open_desk: OpenDesk) -> None:
    del psa
    desk = open_desk()
    assert Schedule(desk.intake, desk.settings).health() == IntakeHealth("backfill", None, None, 0, None)
