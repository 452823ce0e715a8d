"""Every change of a run: its row, the entry that vouches for it and the segment that follows, in one transaction."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import JsonValue
from sqlalchemy import Connection

from deskhand.records import runs
from deskhand.records.database import Records, Transaction
from deskhand.records.runs import LONGEST_REASON, Cause, Run, RunState, StepState, Wait, WaitKind
from deskhand.workflow.calls import Observer, unobserved

ACTOR = "engine"


class RunRefusedError(LookupError):
    """A run cannot do what was asked of it; the message says why, fit for a person."""


class SupersededError(Exception):
    """The segment is not the run's any more: somebody else carries it on, or it is over."""


class CancelledError(Exception):
    """Somebody asked the run to stop."""


class Queue(Protocol):
    """Where segments wait for their turn."""

    def enqueue(
        self, connection: Connection, run_id: str, segment: int, *, partition: str, delay: float | None = None
    ) -> None:
        """Queue a segment in the transaction of this connection, to begin after so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt at a step ended, fit for the record."""

    cause: Cause
    error: str
    ring: str = ""

    def values(self) -> dict[str, Any]:
        """Return the fields of a step's record."""
        return {"cause": self.cause, "error": self.error[:LONGEST_REASON], "ring": self.ring}


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes runs. A segment writes only while it is the run's own and the run is under way."""

    records: Records
    queue: Callable[[], Queue]
    at: Observer = unobserved

    # What segments write

    def begin(self, run_id: str, segment: int) -> Run:
        """Take a run up. Raises SupersededError."""
        with self._segment(run_id, segment, "begin") as (transaction, run):
            if run.state is RunState.RUNNING:
                return run  # a process died after this very commit
            values = {"state": RunState.RUNNING, "waits_for": None}
            return runs.save(transaction, run.model_copy(update=values), "run.begun")

    def look_up(self, run_id: str, segment: int) -> Run:
        """Read a run that has been taken up. Raises SupersededError."""
        run = runs.find(self.records, run_id)
        if run is None or run.segment != segment or run.state is not RunState.RUNNING:
            raise SupersededError(f"segment {segment} of run {run_id}")
        return run

    def own(self, transaction: Transaction, run_id: str, segment: int) -> Run:
        """Read the run inside a transaction of somebody else's. Raises SupersededError."""
        run = runs.current(transaction, run_id)
        is_paused = run.waits_for is not None and run.waits_for.kind is WaitKind.PAUSE
        if run.segment != segment or run.state.is_over or (run.state is RunState.WAITING and not is_paused):
            raise SupersededError(f"segment {segment} of run {run_id}")
        return run

    def note(self, run_id: str, segment: int, step_id: str, failure: Failure, pause: float) -> None:
        """Put on the record that an attempt failed and is repeated after so many seconds."""
        with self._segment(run_id, segment, "note") as (transaction, run):
            changed = run.with_step(step_id, attempts=run.step(step_id).attempts + 1, **failure.values())
            detail: dict[str, JsonValue] = {"step": step_id, "cause": failure.cause, "pause_seconds": round(pause)}
            runs.save(transaction, changed, "step.attempt_failed", detail)

    def park(self, run_id: str, segment: int, wait: Wait) -> None:
        """Let the run wait; one that waits for a moment goes on by itself."""
        with self._segment(run_id, segment, "park") as (transaction, run):
            parked = run.model_copy(update={"state": RunState.WAITING, "waits_for": wait})
            if wait.kind is WaitKind.PROMPT:
                parked = parked.with_step(wait.step_id, state=StepState.WAITING)
            if wait.until is not None:
                parked = parked.model_copy(update={"segment": segment + 1})
                self._enqueue(transaction, parked, delay=_seconds(transaction.clock(), wait.until))
            detail: dict[str, JsonValue] = {"step": wait.step_id, "for": wait.kind, "text": wait.text}
            runs.save(transaction, parked, "run.parked", detail)

    def look(self, run_id: str, segment: int, step_id: str, **values: Any) -> None:  # noqa: ANN401  # fields of a step
        """Put on the record what a shadow run saw."""
        with self._segment(run_id, segment, "look") as (transaction, run):
            changed = run.with_step(step_id, state=StepState.SKIPPED, **values)
            runs.save(transaction, changed, "step.looked_at", {"step": step_id})

    def stop(self, run_id: str, segment: int, step_id: str, failure: Failure, state: RunState) -> None:
        """End a run at a step that failed, or whose outcome is unknown."""
        outcome = StepState.UNKNOWN if state is RunState.NEEDS_REVIEW else StepState.FAILED
        with self._segment(run_id, segment, "end") as (transaction, run):
            record = run.step(step_id)
            is_left_done = bool(run.undoing) and outcome is StepState.FAILED
            values = {"attempts": record.attempts + 1, "ended_at": transaction.clock(), **failure.values()}
            changed = run.with_step(step_id, state=record.state if is_left_done else outcome, **values)
            detail: dict[str, JsonValue] = {"step": step_id, **failure.values()}
            _end(transaction, changed, state, detail)

    def cancel(self, run_id: str, segment: int) -> None:
        """End a run because somebody asked for it."""
        with self._segment(run_id, segment, "end") as (transaction, run):
            _end(transaction, run, RunState.CANCELLED, {"by": run.cancelled_by})

    def end(self, run_id: str, segment: int) -> None:
        """End a run that has come to its end."""
        with self._segment(run_id, segment, "end") as (transaction, run):
            _end(transaction, run.model_copy(update={"undoing": ()}), run.ends_as, {})

    def hand_on(self, run_id: str, segment: int) -> None:
        """Leave the rest to the next process."""
        with self._segment(run_id, segment, "hand on") as (transaction, run):
            self.go_on(transaction, run, "run.handed_on")

    # What starts segments

    def go_on(
        self,
        transaction: Transaction,
        run: Run,
        kind: str,
        detail: Mapping[str, JsonValue] | None = None,
        **values: Any,  # noqa: ANN401  # fields of a run
    ) -> Run:
        """Queue the run's next segment."""
        following = {"state": RunState.QUEUED, "segment": run.segment + 1, "waits_for": None, "ended_at": None}
        queued = run.model_copy(update={**following, **values})
        self._enqueue(transaction, queued)
        return runs.save(transaction, queued, kind, detail)

    def start(self, transaction: Transaction, run: Run) -> Run:
        """Put a new run on the record and queue its first segment."""
        self._enqueue(transaction, run)
        runs.start(transaction, run)
        return run

    @contextmanager
    def _segment(self, run_id: str, segment: int, boundary: str) -> Iterator[tuple[Transaction, Run]]:
        with self.records.transaction(ACTOR) as transaction:
            yield transaction, self.own(transaction, run_id, segment)
            self.at(f"{boundary}: committing", run_id)
        self.at(f"{boundary}: committed", run_id)

    def _enqueue(self, transaction: Transaction, run: Run, delay: float | None = None) -> None:
        self.queue().enqueue(transaction.connection, run.id, run.segment, partition=run.tenant_id, delay=delay)


def until(now: datetime, seconds: float) -> datetime:
    """Return the moment so many seconds from now."""
    return now + timedelta(seconds=seconds)


def _seconds(now: datetime, moment: datetime) -> float:
    return max(0.0, (moment - now).total_seconds())


def _end(transaction: Transaction, run: Run, state: RunState, detail: Mapping[str, JsonValue]) -> None:
    ended = run.model_copy(update={"state": state, "waits_for": None, "ended_at": transaction.clock()})
    for step_id in ended.having(StepState.PLANNED, StepState.WAITING):
        ended = ended.with_step(step_id, state=StepState.SKIPPED)
    runs.save(transaction, ended, "run.ended", detail)
