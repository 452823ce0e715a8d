"""Looks after runs nobody carries on: what waits for a switch that was released, and orphans of whatever went wrong."""

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from deskhand.records import runs
from deskhand.records.database import Records, RecordsUnavailableError, Transaction
from deskhand.records.runs import Cause, Run, RunState, StepState, WaitKind
from deskhand.sdk.actions import connector_of
from deskhand.workflow.journal import ACTOR, Failure, Journal
from deskhand.workflow.rings import Stopping

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

    def fates(self, segments: Collection[tuple[str, int]]) -> Mapping[str, Fate]:
        """Return what became of the given segments, by run; what was never queued is left out."""
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
        self._adopt([run for run in runs.under_way(self.records) if _goes_on_by_itself(run)])

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
            step_id = run.waits_for.step_id if run.waits_for is not None else ""
            connector = connector_of(run.step(step_id).action)
            if self.switch is None or self.switch.stopped(run.tenant_id, connector, run.automation) is None:
                self._unless_changed(run, self._release)

    def _adopt(self, listed: list[Run]) -> None:
        fates = self.durable.fates([(run.id, run.segment) for run in listed])
        for run in listed:
            if fates.get(run.id) is not Fate.UNDER_WAY:
                self._unless_changed(run, self._take_up)

    def _release(self, transaction: Transaction, run: Run) -> None:
        self.journal.go_on(transaction, run, "run.released")

    def _take_up(self, transaction: Transaction, run: Run) -> None:
        if run.taken_up >= _MOST_TIMES:
            log.error("a run that cannot be carried on is left to a person", run=run.id)
            _give_up(transaction, run)
        else:
            log.warning("a run nobody carried on is taken up", run=run.id)
            self.journal.go_on(transaction, run, "run.taken_up", taken_up=run.taken_up + 1)

    def _unless_changed(self, seen: Run, act: "Act") -> None:
        with self.records.transaction(ACTOR) as transaction:
            run = runs.current(transaction, seen.id)
            if (run.segment, run.state) == (seen.segment, seen.state):
                act(transaction, run)


class Act(Protocol):
    """What is done about a run."""

    def __call__(self, transaction: Transaction, run: Run, /) -> None:
        """Do it in this transaction."""
        ...


def _goes_on_by_itself(run: Run) -> bool:
    is_paused = run.waits_for is not None and run.waits_for.kind is WaitKind.PAUSE
    return run.state is not RunState.WAITING or is_paused


def _give_up(transaction: Transaction, run: Run) -> None:
    """Leave a run to a person."""
    failure = Failure(Cause.BUG, "it could not be carried on: see the log")
    for step_id in run.having(StepState.RUNNING):
        run = run.with_step(step_id, state=StepState.UNKNOWN, **failure.values())
    ended = run.model_copy(update={"state": RunState.NEEDS_REVIEW, "waits_for": None, "ended_at": transaction.clock()})
    runs.save(transaction, ended, "run.ended", failure.values())
