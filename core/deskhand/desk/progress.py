"""How long work tells how far it is: one Protocol, so that a terminal, a log and a test can each listen."""

import time
from collections.abc import Callable
from typing import Protocol

import structlog

from deskhand.records.documents import Why

log = structlog.get_logger(__name__)

_SECONDS_BETWEEN_LINES = 10.0


class Progress(Protocol):
    """Listens to a desk. Called from the desk's thread; must return quickly."""

    def phase(self, name: str) -> None:
        """Begin a phase, such as reading history."""
        ...

    def advanced(self, done: int, total: int) -> None:
        """Tell how far the current phase is; ``total`` is 0 where it is not known."""
        ...

    def handled(self, why: Why) -> None:
        """Tell that a ticket has come to its end."""
        ...


class LogProgress:
    """Writes a line when a phase begins, and at most one every ten seconds while it goes on."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._phase = ""
        self._told_at = 0.0

    def phase(self, name: str) -> None:
        """Log the beginning of a phase."""
        self._phase, self._told_at = name, self._monotonic()
        log.info("phase", name=name)

    def advanced(self, done: int, total: int) -> None:
        """Log how far the phase is, now and then."""
        if self._monotonic() - self._told_at >= _SECONDS_BETWEEN_LINES:
            self._told_at = self._monotonic()
            log.info("progress", phase=self._phase, done=done, total=total)

    def handled(self, why: Why) -> None:
        """Log what became of a ticket; identifiers only."""
        log.info("ticket handled", ticket=why.ticket_id, outcome=why.outcome.value, note=why.note_id)
