"""How often signing in may be tried: by one address, and by everybody together."""

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
    """Counts tries within the last minute. Thread-safe; starting anew forgets them, accounts still lock themselves."""

    clock: Clock
    _tries: dict[str, deque[datetime]] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def is_reached(self, address: str) -> bool:
        """Count a try, and tell whether it is one too many; one that is too many is not counted."""
        with self._lock:
            now = self.clock()
            everybody, its_own = self._recent("", now), self._recent(address or "?", now)
            if len(its_own) >= BY_ADDRESS or len(everybody) >= BY_ALL:
                return True
            everybody.append(now)
            its_own.append(now)
            return False

    def _recent(self, whose: str, now: datetime) -> deque[datetime]:
        if len(self._tries) > _MOST_ADDRESSES:
            self._tries = {"": self._tries.get("", deque())}
        tries = self._tries.setdefault(whose, deque())
        while tries and abs(now - tries[0]) > WINDOW:
            tries.popleft()
        return tries
