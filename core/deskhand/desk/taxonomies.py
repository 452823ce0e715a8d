"""What each board accepts, read from the PSA often enough that a value chosen now can be written now."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deskhand.sdk.clock import Clock
from deskhand.sdk.models import Priority, Taxonomy
from deskhand.sdk.roles import TicketSystem

FRESH_FOR = timedelta(minutes=5)


@dataclass(slots=True)
class LiveTaxonomies:
    """Boards' live lists and the priorities, at most five minutes old. Thread-safe."""

    system: TicketSystem
    clock: Clock
    _boards: dict[str, tuple[datetime, Taxonomy]] = field(default_factory=dict, init=False)
    _priorities: tuple[datetime, tuple[Priority, ...]] | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def of(self, board_id: str) -> Taxonomy:
        """Return what the board accepts. Raises the connector's errors."""
        with self._lock:
            held = self._boards.get(board_id)
            if held is None or self._is_stale(held[0]):
                held = (self.clock(), self.system.taxonomy(board_id))
                self._boards[board_id] = held
            return held[1]

    def priorities(self) -> tuple[Priority, ...]:
        """Return the priorities, most pressing first. Raises the connector's errors."""
        with self._lock:
            if self._priorities is None or self._is_stale(self._priorities[0]):
                self._priorities = (self.clock(), self.system.priorities())
            return self._priorities[1]

    def forget(self, board_id: str) -> None:
        """Read the board again next time: the PSA has just refused one of its values."""
        with self._lock:
            self._boards.pop(board_id, None)

    def _is_stale(self, read_at: datetime) -> bool:
        return abs(self.clock() - read_at) > FRESH_FOR
