"""Tickets that callbacks say may have changed: remembered once each, few at a time, and only until the next poll."""

import re
import threading
from datetime import datetime, timedelta

from deskhand.sdk.clock import Clock

MOST_WAITING = 1000
QUIET = timedelta(seconds=10)
"""A ticket that was just read is left alone for so long, however often it is hinted at."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Hints:
    """A bounded set of ticket ids. Thread-safe; losing it loses nothing, because polling is the baseline."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, None] = {}
        self._taken: dict[str, datetime] = {}

    def add(self, ticket_id: str) -> bool:
        """Remember a ticket; False where it waits already, is no identifier, or a thousand others wait."""
        if not _IDENTIFIER.fullmatch(ticket_id):
            return False
        with self._lock:
            if ticket_id in self._waiting or len(self._waiting) >= MOST_WAITING:
                return False
            self._waiting[ticket_id] = None
            return True

    def take(self) -> tuple[str, ...]:
        """Return the tickets to read now, oldest hint first; those read less than ten seconds ago wait on."""
        now = self._clock()
        with self._lock:
            self._taken = {key: at for key, at in self._taken.items() if abs(now - at) < QUIET}
            due = tuple(key for key in self._waiting if key not in self._taken)
            for key in due:
                del self._waiting[key]
                self._taken[key] = now
            return due
