"""How often signing in may fail: from one address, and from everywhere together."""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deskhand.sdk.clock import Clock

WINDOW = timedelta(minutes=1)
BY_ADDRESS = 10
BY_ALL = 60
_MOST_ADDRESSES = 10_000


@dataclass(slots=True)
class SignInLimit:
    """Counts failures within the last minute. Thread-safe; starting anew forgets them, accounts lock by themselves."""

    clock: Clock
    _failures: dict[str, deque[datetime]] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def is_reached(self, address: str) -> bool:
        """Tell whether there were too many failures to try again."""
        with self._lock:
            now = self.clock()
            return len(self._recent("", now)) >= BY_ALL or len(self._recent(address or "?", now)) >= BY_ADDRESS

    def failed(self, address: str) -> None:
        """Count a failure."""
        with self._lock:
            now = self.clock()
            for whose in ("", address or "?"):
                self._recent(whose, now).append(now)

    def _recent(self, whose: str, now: datetime) -> deque[datetime]:
        if len(self._failures) > _MOST_ADDRESSES:
            self._failures = {"": self._failures.get("", deque())}
        failures = self._failures.setdefault(whose, deque())
        while failures and abs(now - failures[0]) > WINDOW:
            failures.popleft()
        return failures
