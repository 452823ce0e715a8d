"""Names for identifiers, so that a person can read a diff."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import RejectedError
from deskhand.sdk.models import Priority, Reference, Subtype, Taxonomy
from deskhand.sdk.roles import TicketSystem

FRESH_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class BoardLabels:
    """What one board listed, and PSA's priorities, at ``read_at``."""

    taxonomy: Taxonomy
    priorities: tuple[Priority, ...]
    read_at: datetime

    def name(self, field_name: str, value: str | None) -> str | None:
        """Return the name behind a value: "" for no value, None where the board does not list it."""
        if value is None:
            return ""
        lists: dict[str, Sequence[Reference | Subtype | Priority]] = {
            "type_id": self.taxonomy.types,
            "subtype_id": self.taxonomy.subtypes,
            "item_id": self.taxonomy.items,
            "status_id": self.taxonomy.statuses,
            "priority_id": self.priorities,
        }
        if field_name not in lists:
            return value
        return next((each.name for each in lists[field_name] if each.id == value), None)


@dataclass(slots=True)
class Labels:
    """Every board's labels, at most five minutes old. Thread-safe. PSA itself refuses what went stale meanwhile."""

    system: TicketSystem
    clock: Clock
    _boards: dict[str, BoardLabels] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def of(self, board_id: str, *, at_once: bool = False) -> BoardLabels:
        """Return a board's labels, read again where they are stale or ``at_once`` is asked for."""
        with self._lock:
            known = self._boards.get(board_id)
            now = self.clock()
            if known is None or at_once or abs(now - known.read_at) > FRESH_FOR:
                known = BoardLabels(self.system.taxonomy(board_id), self.system.priorities(), now)
                self._boards[board_id] = known
            return known

    def holding(self, board_id: str, values: dict[str, str]) -> BoardLabels:
        """Return labels that list all the values; RejectedError names the field whose value the board has not."""
        labels = self.of(board_id)
        if any(labels.name(name, value) is None for name, value in values.items()):
            labels = self.of(board_id, at_once=True)
        unknown = [name for name, value in values.items() if labels.name(name, value) is None]
        if unknown:
            raise RejectedError(f"board {board_id} does not list this {unknown[0]}; nothing was changed")
        return labels
