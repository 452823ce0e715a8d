"""A connector's calls of the last hour: counted in memory, kept now and then, shared by the desk's processes."""

import threading
from collections import Counter
from datetime import datetime, timedelta

import structlog

from deskhand.governance.traffic.budget import HOUR, Budget, minutes_to_wait, used
from deskhand.records import calls
from deskhand.records.database import Records, RecordsUnavailableError
from deskhand.sdk.traffic import Purpose

log = structlog.get_logger(__name__)

KEEP_EVERY = timedelta(seconds=5)
KEEP_AFTER = 50
"""What a crash forgets, and what other processes do not know of yet: so many calls, and of so many seconds, at most."""


class Tally:
    """Counts one connector's calls. Thread-safe; nobody waits for another's commit."""

    def __init__(self, connector: str, budget: Budget) -> None:
        self.connector = connector
        self.budget = budget
        self._known: Counter[tuple[int, str]] = Counter()
        self._unkept: Counter[tuple[int, str]] = Counter()
        self._kept_at: datetime | None = None
        self._lock = threading.Lock()
        self._keeping = threading.Lock()

    def take(self, purpose: Purpose, now: datetime, *, is_free: bool = False) -> float:
        """Count one call and return 0, or count nothing and return how many seconds it has to wait.

        What ``is_free`` is counted and never waits.
        """
        minute = _minute(now)
        with self._lock:
            if not is_free and (wait := self._wait(purpose, minute)):
                return max(1.0, wait * 60 - now.timestamp() % 60)
            self._unkept[minute, purpose.value] += 1
            return 0.0

    def left(self, purpose: Purpose, now: datetime) -> int | None:
        """Return how many calls may still go this hour; None where nothing bounds them."""
        allowed = self.budget.for_(purpose)
        return None if allowed is None else max(0, allowed - self.used(now))

    def used(self, now: datetime) -> int:
        """Count the calls of the last hour."""
        with self._lock:
            return used(self._known + self._unkept, _minute(now))

    def keep_if_due(self, records: Records, now: datetime) -> None:
        """Keep what was counted where it is time and no other thread is at it."""
        with self._lock:
            waiting, kept_at = self._unkept.total(), self._kept_at
        is_due = waiting >= KEEP_AFTER or (waiting and (kept_at is None or abs(now - kept_at) >= KEEP_EVERY))
        if is_due and self._keeping.acquire(blocking=False):
            try:
                self._keep(records, now)
            finally:
                self._keeping.release()

    def keep(self, records: Records, now: datetime) -> None:
        """Keep what was counted, and learn what other processes counted; where that cannot be, count on in memory."""
        with self._keeping:
            self._keep(records, now)

    def _keep(self, records: Records, now: datetime) -> None:
        with self._lock:
            mine, self._unkept, self._kept_at = self._unkept, Counter(), now
            self._known += mine
        try:
            found = calls.add(records, self.connector, mine, since=_minute(now) - HOUR)
        except RecordsUnavailableError as error:
            log.warning("calls are not kept", connector=self.connector, reason=str(error))
            with self._lock:
                self._known -= mine
                self._unkept += mine
            return
        with self._lock:
            self._known = Counter(found)

    def _wait(self, purpose: Purpose, minute: int) -> int:
        allowed = self.budget.for_(purpose)
        return 0 if allowed is None else minutes_to_wait(self._known + self._unkept, minute, allowed)


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // 60)
