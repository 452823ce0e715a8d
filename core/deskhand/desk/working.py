"""Working through the queue: what follows from each way an attempt can end."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from deskhand.desk.handling import ACTOR, Handler
from deskhand.intake.intake import StoppedError
from deskhand.mirror.database import MirrorUnavailableError
from deskhand.records import work
from deskhand.records.database import Records, RecordsUnavailableError
from deskhand.records.documents import Why
from deskhand.records.work import WorkItem
from deskhand.sdk.clock import Clock
from deskhand.sdk.traffic import Purpose, on_errand
from deskhand.workflow.attempt import Done, Failed, Recovery, attempt

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5
LONGEST_PAUSE = 300.0
IDLE = 0.5
READ_AGAIN_AFTER = timedelta(seconds=30)
"""After an attempt that failed; how long a connector waits for one answer comes on top."""
LONGEST_DELAY = READ_AGAIN_AFTER * 2**MOST_ATTEMPTS
"""A ticket put off for longer than this was put off by a clock that has been set back since: it is due."""
BATCH = 50

_DISK_TROUBLE = (RecordsUnavailableError, MirrorUnavailableError)


@dataclass(slots=True)
class Worker:
    """Handles queued tickets one after another until told to stop.

    While the PSA or the disk is in trouble it pauses, 1 s at first and 5 min at most, and goes on by itself. A ticket
    that fails while the PSA itself is well is put off alone and holds up nobody; it is never given up for that.
    """

    records: Records
    handler: Handler
    clock: Clock
    longest_answer: timedelta = timedelta()
    """How long a connector waits for one answer. What was given up on may take effect as late as that once more."""
    on_handled: Callable[[Why], None] = field(default=lambda _: None)
    on_idle: Callable[[], None] = field(default=lambda: None)
    """Called between batches and every half second without work; must be quick when nothing is due."""
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
    """Waits so many seconds, or until the event is set."""
    psa_trouble: str | None = field(default=None, init=False)
    is_held_back: bool = field(default=False, init=False)
    """The trouble is not the PSA's: the desk itself holds its calls back."""
    disk_trouble: str | None = field(default=None, init=False)
    handled: int = field(default=0, init=False)
    _failures: int = field(default=0, init=False)
    _put_off: dict[str, int] = field(default_factory=dict, init=False)
    """How often a ticket was put off for trouble of its own."""

    def run(self, stop: threading.Event, *, until_empty: bool = False) -> None:
        """Work until ``stop`` is set, or with ``until_empty`` until nothing is due."""
        while not stop.is_set():
            try:
                items = self._due()
                pause = self._work_through(items, stop)
                with on_errand(Purpose.BACKGROUND):
                    self.on_idle()
                if not items:
                    self._recover()
                    if until_empty and not work.counts(self.records).get("pending", 0):
                        return
            except _DISK_TROUBLE as error:
                pause = self._fall_back_on_disk(error)
            if pause is not None:
                self.wait(stop, pause)
            elif not items:
                self.wait(stop, IDLE)

    def insist(self, step: Callable[[], object], stop: threading.Event) -> None:
        """Run a step of intake until it comes to its end, pausing after each failure, or until told to stop."""
        while not stop.is_set():
            try:
                with on_errand(Purpose.BACKGROUND):
                    outcome = attempt(step, passing=(*_DISK_TROUBLE, StoppedError))
            except _DISK_TROUBLE as error:
                self.wait(stop, self._fall_back_on_disk(error))
                continue
            if isinstance(outcome, Done):
                self._recover()
                return
            self.wait(stop, self._fall_back(outcome))

    def _due(self) -> list[WorkItem]:
        now = self.clock()
        return work.pending(self.records, now=now, limit=BATCH, latest=now + LONGEST_DELAY)

    def _work_through(self, items: list[WorkItem], stop: threading.Event) -> float | None:
        """Handle items in order; return the seconds to pause where going on is pointless."""
        for item in items:
            if stop.is_set():
                return None
            with on_errand(Purpose.AUTOMATIONS):
                outcome = attempt(
                    lambda item=item: self.handler.handle(item),  # type: ignore[misc]  # mypy cannot infer bound defaults
                    passing=_DISK_TROUBLE,
                )
            if isinstance(outcome, Done):
                self._done(item, outcome.value)
                continue
            pause = self._after(item, outcome)
            if pause is not None:
                return pause
        return None

    def _done(self, item: WorkItem, why: Why) -> None:
        self._recover()
        self._put_off.pop(item.ticket_id, None)
        self.handled += 1
        self.on_handled(why)

    def _after(self, item: WorkItem, failed: Failed) -> float | None:
        log.warning("ticket not handled", ticket=item.ticket_id, recovery=failed.recovery.value, reason=failed.reason)
        match failed.recovery:
            case Recovery.RETRY_LATER | Recovery.REAUTHORISE | Recovery.RECONFIGURE:
                return self._after_trouble(item, failed)
            case Recovery.TELL_TECHNICIAN:
                self.on_handled(self.handler.give_up(item, failed.reason))
            case Recovery.READ_FIRST | Recovery.REPORT_BUG if item.attempts + 1 >= MOST_ATTEMPTS:
                self.on_handled(self.handler.give_up(item, f"{failed.reason}, {MOST_ATTEMPTS} times in a row"))
            case Recovery.READ_FIRST | Recovery.REPORT_BUG:
                self._postpone(item, failed.reason, item.attempts)
        return None

    def _after_trouble(self, item: WorkItem, failed: Failed) -> float | None:
        """Pause, or put off this ticket alone where the trouble is its own: the PSA answers when asked how it is."""
        if failed.held_at not in {"", item.connector}:
            self._wait_for(item, failed)
            return None
        is_asked_for = failed.retry_after is not None and not failed.held_at  # by the PSA: it concerns every call
        if is_asked_for or not self._answers():
            return self._fall_back(failed)
        times = self._put_off.get(item.ticket_id, 0)
        self._put_off[item.ticket_id] = times + 1
        self._postpone(item, failed.reason, times, is_counted=False)
        return None

    def _answers(self) -> bool:
        """Tell whether the PSA may be asked and answers: else what a switch for one client holds would hold up all."""
        with on_errand(Purpose.AUTOMATIONS):
            return isinstance(attempt(self.handler.writer.system.check), Done)

    def _wait_for(self, item: WorkItem, failed: Failed) -> None:
        """Put a ticket off until calls to another vendor than the PSA go again."""
        until = self.clock() + min(timedelta(seconds=max(IDLE, failed.retry_after or 0)), LONGEST_DELAY)
        with self.records.transaction(ACTOR) as transaction:
            work.postpone(transaction, item, until=until, reason=failed.reason, is_counted=False)

    def _postpone(self, item: WorkItem, reason: str, times: int, *, is_counted: bool = True) -> None:
        delay = (READ_AGAIN_AFTER + self.longest_answer) * 2 ** min(times, MOST_ATTEMPTS)
        until = self.clock() + min(delay, LONGEST_DELAY)
        with self.records.transaction(ACTOR) as transaction:
            work.postpone(transaction, item, until=until, reason=reason, is_counted=is_counted)

    def _fall_back(self, failed: Failed) -> float:
        """Return the seconds to pause while the PSA is in trouble; what made calls stop stays told meanwhile."""
        self.disk_trouble = None
        if not failed.held_at or self.is_held_back or self.psa_trouble is None:
            self._tell(failed.reason, self.psa_trouble)
            self.psa_trouble, self.is_held_back = failed.reason, bool(failed.held_at)
        return min(LONGEST_PAUSE, self._pause() if failed.retry_after is None else failed.retry_after)

    def _fall_back_on_disk(self, error: Exception) -> float:
        """Return the seconds to pause while our own stores are in trouble."""
        self._tell(str(error), self.disk_trouble)
        self.psa_trouble, self.disk_trouble = None, str(error)
        return min(LONGEST_PAUSE, self._pause())

    def _tell(self, reason: str, told: str | None) -> None:
        self._failures += 1
        if reason != told:
            log.error("work pauses", reason=reason, next="it goes on by itself; nothing is lost")

    def _pause(self) -> float:
        return 2.0 ** min(self._failures - 1, 30)

    def _recover(self) -> None:
        if self.psa_trouble or self.disk_trouble:
            log.info("work goes on", after_failures=self._failures)
        self.psa_trouble = self.disk_trouble = None
        self._failures = 0
