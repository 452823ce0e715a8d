"""The clock of intake: when to read, how long to wait after a failure, and how it is going."""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from deskhand.intake.failures import DISK_TROUBLE, EXPECTED, pause_after, told
from deskhand.intake.intake import Intake, PollReport, StoppedError
from deskhand.intake.settings import IntakeSettings
from deskhand.sdk.clock import Clock, utc_now
from deskhand.sdk.errors import ConnectorError
from deskhand.sdk.traffic import Purpose, on_errand

log = structlog.get_logger(__name__)

_CHANCE = secrets.SystemRandom().random

GATHER_HINTS_SECONDS = 0.2
"""Callbacks come in bursts: this long after the first, all of them are followed together."""


@dataclass(frozen=True, slots=True)
class IntakeHealth:
    """How reading the PSA is going, by our own clock.

    ``phase`` is ``backfill`` until everything from before the first poll was read, then ``poll``, at last ``stopped``.
    ``last_success`` is the last complete poll. ``last_error`` is told for a person, and None while all is well.
    """

    phase: str
    last_success: datetime | None
    last_error: str | None
    consecutive_failures: int
    next_attempt: datetime | None
    is_disk_trouble: bool = False
    """The last error is our own stores', not the PSA's."""

    @property
    def is_well(self) -> bool:
        """Tell whether the last attempt of every kind succeeded."""
        return self.consecutive_failures == 0


def _set_event() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass(slots=True)
class _Duty:
    """Something done again and again, and how its last attempts went."""

    name: str
    period: float
    run: Callable[[], None]
    failures: int = 0
    problem: str | None = None
    kind: type[BaseException] | None = None
    last_success: datetime | None = None
    next_attempt: datetime | None = None
    idle: threading.Event = field(default_factory=_set_event)


class Schedule:
    """Drives an Intake from a background thread: polls, closed tickets' notes, reference data, and callbacks' hints.

    Each has its own pauses after failures, so that trouble with one holds up no other. The log gets one line when
    trouble begins or changes, and one when it ends. ``on_enqueued`` is called, from that thread, after a poll or a hint
    has queued tickets.
    """

    def __init__(
        self,
        intake: Intake,
        settings: IntakeSettings,
        clock: Clock = utc_now,
        *,
        on_enqueued: Callable[[], None] = lambda: None,
        chance: Callable[[], float] = _CHANCE,
    ) -> None:
        self._intake = intake
        self._settings = settings
        self._clock = clock
        self._on_enqueued = on_enqueued
        self._chance = chance
        self._lock = threading.Lock()
        self._phase = "backfill"
        self._tickets = _Duty("tickets", settings.poll_seconds, self._poll)
        self._history = _Duty("history", settings.poll_seconds, self._read_history)
        self._reference = _Duty("reference data", settings.reference_minutes * 60, self._refresh)
        self._hints = _Duty("hints", settings.poll_seconds, self._follow_hints)
        self._duties = {each.name: each for each in (self._tickets, self._history, self._reference, self._hints)}
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        intake.on_hint = self._follow_hints_soon
        self._scheduler.add_listener(self._failed_unexpectedly, EVENT_JOB_ERROR)

    def start(self) -> None:
        """Begin: tickets at once, everything else as it falls due. Call it once."""
        for duty in self._duties.values():
            job = {"args": [duty], "id": duty.name, "seconds": duty.period, "trigger": "interval"}
            at_once = duty is not self._reference or self._intake.reference_read_at is None
            if at_once:
                job["next_run_time"] = datetime.now(UTC)
            duty.next_attempt = self._clock() + timedelta(seconds=0 if at_once else duty.period)
            self._scheduler.add_job(self._attempt, **job)
        self._scheduler.start()

    def stop(self, timeout: float = 2.0) -> bool:
        """Stop between two requests and return whether everything came to rest within ``timeout`` seconds.

        Where it did not, a request still waits for its answer; closing the connector ends it. Nothing is lost.
        """
        self._intake.stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        end = time.monotonic() + timeout
        at_rest = all(duty.idle.wait(max(0.0, end - time.monotonic())) for duty in self._duties.values())
        self._phase = "stopped"
        return at_rest

    @property
    def is_at_rest(self) -> bool:
        """Tell whether nothing is under way: no request waits for its answer, which would keep the process alive."""
        return all(duty.idle.is_set() for duty in self._duties.values())

    def health(self) -> IntakeHealth:
        """Tell how it is going."""
        with self._lock:
            worst = max(
                self._duties.values(), key=lambda duty: (duty.failures > 0, duty is self._tickets, duty.failures)
            )
            return IntakeHealth(
                self._phase,
                self._tickets.last_success,
                worst.problem,
                worst.failures,
                self._tickets.next_attempt,
                is_disk_trouble=worst.kind is not None and issubclass(worst.kind, DISK_TROUBLE),
            )

    def _poll(self) -> None:
        self._note(self._intake.poll())
        self._phase = "poll"

    def _note(self, report: PollReport) -> None:
        if report.enqueued:
            self._on_enqueued()
        if report.new and not self._history.failures:
            self._wake(self._history, 0)

    def _read_history(self) -> None:
        if self._phase == "poll":
            self._intake.read_history(lambda _done, _total: None)

    def _refresh(self) -> None:
        if self._intake.has_caught_up:
            self._intake.refresh_reference_data()

    def _follow_hints_soon(self) -> None:
        job = self._scheduler.get_job(self._hints.name)
        soon = datetime.now(UTC) + timedelta(seconds=GATHER_HINTS_SECONDS)
        if job is not None and job.next_run_time > soon:
            self._wake(self._hints, GATHER_HINTS_SECONDS)

    def _follow_hints(self) -> None:
        """Read hinted tickets again; while the PSA is in trouble they are left to the poll, so as not to add to it."""
        if self._phase != "poll" or self._tickets.failures:
            return
        try:
            self._note(self._intake.follow_hints())
        except ConnectorError as error:
            log.info("hints left to the next poll", connector=self._intake.connector, reason=str(error))

    def _attempt(self, duty: _Duty) -> None:
        duty.idle.clear()
        try:
            with on_errand(Purpose.BACKGROUND):
                duty.run()
        except StoppedError:
            return
        except EXPECTED as error:
            self._failed(duty, error)
        else:
            self._succeeded(duty)
        finally:
            duty.idle.set()

    def _succeeded(self, duty: _Duty) -> None:
        with self._lock:
            failures, duty.failures, duty.problem, duty.kind = duty.failures, 0, None, None
            duty.last_success = self._clock()
            duty.next_attempt = duty.last_success + timedelta(seconds=duty.period)
        if failures:
            log.info("intake recovered", reading=duty.name, connector=self._intake.connector, after_failures=failures)

    def _failed(self, duty: _Duty, error: BaseException) -> None:
        with self._lock:
            duty.failures += 1
            pause = pause_after(error, duty.failures, self._settings, self._chance)
            is_news, duty.kind = duty.kind is not type(error), type(error)
            duty.problem = told(error, self._intake.connector, pause)
            duty.next_attempt = self._clock() + timedelta(seconds=pause)
        if is_news:
            log.warning("intake in trouble", reading=duty.name, connector=self._intake.connector, problem=duty.problem)
        self._wake(duty, pause)

    def _failed_unexpectedly(self, event: JobExecutionEvent) -> None:
        """Go on after a defect of ours; APScheduler has logged where it is."""
        self._failed(self._duties[event.job_id], event.exception)

    def _wake(self, duty: _Duty, seconds: float) -> None:
        """Attempt a duty after so many real seconds, whatever our clock is set to."""
        if self._intake.stopping.is_set():
            return
        try:
            self._scheduler.modify_job(duty.name, next_run_time=datetime.now(UTC) + timedelta(seconds=seconds))
        except JobLookupError:
            log.debug("not scheduled while stopping", reading=duty.name)
