"""A circuit breaker: calls that fail one after another stop, one tries again after a pause, and success lets all go."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from deskhand.governance.traffic.settings import LimitSettings


class Turn(StrEnum):
    """What an outcome did to a circuit."""

    NONE = "none"
    OPENED = "opened"
    CLOSED = "closed"


@dataclass(slots=True)
class Circuit:
    """One connection's. Thread-safe; nobody waits in it."""

    settings: LimitSettings
    failures: int = 0
    opened_at: datetime | None = None
    _pause: timedelta = timedelta()
    _until: datetime | None = None
    _prober: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, now: datetime) -> float:
        """Return 0 where a call may go, else how many seconds to wait.

        Once the pause is over one thread's calls go, and the others wait for what comes of them; if nothing is heard
        of them for as long again, another tries.
        """
        with self._lock:
            if self._until is None or self._prober == threading.get_ident():
                return 0.0
            if now < self._until and self._until - now <= self._pause:
                return max(1.0, (self._until - now).total_seconds())
            self._prober, self._until = threading.get_ident(), now + self._pause
            return 0.0

    def succeeded(self) -> Turn:
        """Take note that the vendor answered."""
        with self._lock:
            was_open, self.failures, self.opened_at = self._until is not None, 0, None
            self._until = self._prober = None
            return Turn.CLOSED if was_open else Turn.NONE

    def failed(self, now: datetime) -> Turn:
        """Take note that it did not, or refused the credential."""
        with self._lock:
            self.failures += 1
            if self._until is not None and self._prober != threading.get_ident():
                return Turn.NONE  # it went before the circuit opened
            if self.failures < self.settings.breaker_failures:
                return Turn.NONE
            first = timedelta(seconds=self.settings.breaker_pause_seconds)
            longest = timedelta(seconds=self.settings.breaker_longest_seconds)
            self._pause = min(self._pause * 2, longest) if self._until is not None else min(first, longest)
            self.opened_at = self.opened_at or now
            self._until, self._prober = now + self._pause, None
            return Turn.OPENED

    def restore(self, failures: int, opened_at: datetime) -> None:
        """Go on as a process left it: open, and to be tried at once."""
        with self._lock:
            self.failures, self.opened_at = failures, opened_at
            self._pause = timedelta(seconds=self.settings.breaker_pause_seconds)
            self._until = opened_at

    @property
    def is_open(self) -> bool:
        """Tell whether calls are held back, but for one that tries."""
        return self._until is not None
