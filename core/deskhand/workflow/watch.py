"""Looks after runs nobody carries on: what waits for a switch that was released, and orphans of whatever went wrong."""

import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from deskhand.records import runs
from deskhand.records.database import Records, RecordsUnavailableError, Transaction
from deskhand.records.runs import MAIN, Cause, Run, RunState, StepState, Wait, WaitKind
from deskhand.workflow.journal import ACTOR, Failure, Journal
from deskhand.workflow.rings import Stopping, is_stopped

log = structlog.get_logger(__name__)

_EVERY = 1.0
"""Seconds between looks at the switches."""
_ORPHANS_EVERY = 30.0
_MOST_TIMES = 5
"""A run found so often with nobody carrying it on is left to a person."""


class Fate(StrEnum):
    """What the durable engine knows of a segment."""

    UNDER_WAY = "under way"
    """Queued, delayed or being carried out."""
    OVER = "over"
    BROKEN = "broken"
    """It raised, or too many processes died in it."""


class Fates(Protocol):
    """Tells of segments."""

    def fates(self, segments: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], Fate]:
        """Return what became of the given segments; what was never queued is left out."""
        ...


@dataclass(slots=True)
class Watch:
    """A thread that looks, until it is stopped."""

    records: Records
    journal: Journal
    durable: Fates
    switch: Stopping | None
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Look from now on."""
        self._thread = threading.Thread(target=self._run, name="runs-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns when the last look is over."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> None:
        """Take up what nobody carries on."""
        self._resume()
        self._adopt(runs.under_way(self.records))

    def _run(self) -> None:
        next_adoption = time.monotonic() + _ORPHANS_EVERY
        while not self._stopping.wait(_EVERY):
            try:
                if time.monotonic() < next_adoption:
                    self._resume()
                else:
                    self.look()
                    next_adoption = time.monotonic() + _ORPHANS_EVERY
            except (RecordsUnavailableError, SQLAlchemyError) as error:
                log.warning("runs are not looked after", reason=str(error))

    def _resume(self) -> None:
        for run in runs.waiting_for(self.records, WaitKind.SWITCH):
            for lane, wait in run.waits:
                if wait.kind is WaitKind.SWITCH and self._is_free(run, wait):
                    self._unless_changed(run, lane, self._release)

    def _is_free(self, run: Run, wait: Wait) -> bool:
        return not is_stopped(self.switch, run, run.step(wait.step_id).action)

    def _adopt(self, listed: list[Run]) -> None:
        going = [(run, lane, segment) for run in listed for lane, segment in _going(run)]
        fates = self.durable.fates([(run.id, segment) for run, _, segment in going])
        for run, lane, segment in going:
            if fates.get((run.id, segment)) is not Fate.UNDER_WAY:
                self._unless_changed(run, lane, self._take_up)

    def _release(self, transaction: Transaction, run: Run, lane: str) -> None:
        self.journal.go_on(transaction, run, "run.released", lane=lane)

    def _take_up(self, transaction: Transaction, run: Run, lane: str) -> None:
        if run.taken_up >= _MOST_TIMES:
            log.error("a run that cannot be carried on is left to a person", run=run.id)
            _give_up(transaction, run)
        else:
            log.warning("a run nobody carried on is taken up", run=run.id)
            self.journal.go_on(transaction, run, "run.taken_up", lane=lane, taken_up=run.taken_up + 1)

    def _unless_changed(self, seen: Run, lane: str, act: "Act") -> None:
        with self.records.transaction(ACTOR) as transaction:
            run = runs.current(transaction, seen.id)
            if _standing(run, lane) == _standing(seen, lane):
                act(transaction, run, lane)


class Act(Protocol):
    """What is done about a run."""

    def __call__(self, transaction: Transaction, run: Run, lane: str, /) -> None:
        """Do it in this transaction."""
        ...


def _going(run: Run) -> Iterator[tuple[str, int]]:
    """List the lanes of a run that go on by themselves, each with the segment that should carry it on."""
    lanes = [(each.lane, each.segment) for each in run.branches] or [(MAIN, run.segment)]
    for lane, segment in lanes:
        state, wait = run.at(lane)
        is_resting = wait is not None and wait.kind in {WaitKind.PAUSE, WaitKind.MOMENT}
        if not state.is_over and (state is not RunState.WAITING or is_resting):
            yield lane, segment


def _standing(run: Run, lane: str) -> tuple[object, ...]:
    """Return where a lane of a run stands; of one the run is not in, only that."""
    if lane != MAIN and all(each.lane != lane for each in run.branches):
        return ()
    segment = next((each.segment for each in run.branches if each.lane == lane), run.segment)
    return (segment, *run.at(lane))


def _give_up(transaction: Transaction, run: Run) -> None:
    """Leave a run to a person."""
    failure = Failure(Cause.BUG, "it could not be carried on: see the log")
    for step_id in run.having(StepState.RUNNING):
        run = run.with_step(step_id, state=StepState.UNKNOWN, **failure.values())
    values = {"state": RunState.NEEDS_REVIEW, "waits_for": None, "branches": (), "ended_at": transaction.clock()}
    ended = run.model_copy(update=values)
    runs.save(transaction, ended, "run.ended", failure.values())
