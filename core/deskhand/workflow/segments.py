"""One segment of a run: step after step until the run waits or is over, decided by what the durable engine keeps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from pydantic import JsonValue

from deskhand.records.database import RecordsUnavailableError
from deskhand.workflow.attempts import Attempts, Envelope, Next
from deskhand.workflow.calls import Observer, unobserved
from deskhand.workflow.journal import Journal, SupersededError

log = structlog.get_logger(__name__)


class Port(Protocol):
    """What a segment needs of a durable engine."""

    def act_at_desk(self, name: str, run_id: str, segment: int, step_id: str) -> dict[str, JsonValue]:
        """Have the desk make an attempt at a step, and return what it returned; also where this is the desk."""
        ...

    @property
    def is_shared(self) -> bool:
        """Tell whether segments may be carried out elsewhere than at the desk."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait until a moment that stays the same after a crash."""
        ...


@dataclass(frozen=True, slots=True)
class Segments:
    """Carries out segments. Thread-safe."""

    port: Port
    journal: Journal
    attempts: Attempts
    store_pause: float = 5.0
    at: Observer = unobserved

    def carry_out(self, run_id: str, segment: int) -> None:
        """Carry out one segment. Called again after a crash it goes on where the run's row says it had come."""
        envelope = self._tried("begin", lambda _: self._begin(run_id, segment), run_id)
        made = None
        while envelope["next"] == Next.ON and envelope["step"] not in {None, made}:
            made = envelope["step"]
            is_at_desk = self.port.is_shared and envelope["is_at_desk"] is True
            envelope = self._step(run_id, segment, str(made), is_at_desk=is_at_desk)
        if envelope["next"] == Next.ON and envelope["step"] is not None:
            log.error("a step was made and is still to be made: the run waits to be taken up", run=run_id, step=made)
        elif envelope["next"] == Next.ON:
            self._tried("end", lambda _: self._end(run_id, segment), run_id)

    def _step(self, run_id: str, segment: int, step_id: str, *, is_at_desk: bool) -> Envelope:
        if is_at_desk:
            return self._tried(step_id, lambda name: self.port.act_at_desk(name, run_id, segment, step_id), run_id)
        return self._tried(step_id, lambda _: self.attempts.make(run_id, segment, step_id), run_id)

    def _tried(self, name: str, do: Callable[[str], Envelope], run_id: str) -> Envelope:
        attempt = 1
        while True:
            envelope = do(f"{name}#{attempt}")
            self.at(f"{name}: made", run_id)
            if envelope["next"] != Next.AGAIN:
                return envelope
            self.port.pause(float(str(envelope["pause"])))
            attempt += 1

    def _begin(self, run_id: str, segment: int) -> Envelope:
        try:
            self.journal.begin(run_id, segment)
            return self.attempts.ahead(run_id, segment)
        except SupersededError:
            return {"next": Next.STOP.value}
        except RecordsUnavailableError as error:
            return self._later(run_id, error)

    def _end(self, run_id: str, segment: int) -> Envelope:
        try:
            self.journal.end(run_id, segment)
        except SupersededError:
            return {"next": Next.STOP.value}
        except RecordsUnavailableError as error:
            return self._later(run_id, error)
        return {"next": Next.ON.value}

    def _later(self, run_id: str, error: RecordsUnavailableError) -> Envelope:
        log.warning("a run waits for the record store", run=run_id, reason=str(error))
        return {"next": Next.AGAIN.value, "pause": self.store_pause}
