"""Every change of a run: its row, the entry that vouches for it and the segment that follows, in one transaction."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import JsonValue
from sqlalchemy import Connection

from deskhand.automation import plans
from deskhand.records import runs
from deskhand.records.accounts import AUTOMATION
from deskhand.records.database import Records, Transaction
from deskhand.records.runs import LONGEST_REASON, MAIN, Branch, Cause, Run, RunState, StepState, Wait, WaitKind
from deskhand.workflow.calls import Observer, unobserved
from deskhand.workflow.course import JOINED, PASSED, Fork
from deskhand.workflow.undoing import reversible

ACTOR = "engine"


class RunRefusedError(LookupError):
    """A run cannot do what was asked of it; the message says why, fit for a person."""


class SupersededError(Exception):
    """The segment is not the run's any more: somebody else carries it on, or it is over."""


class OvertakenError(SupersededError):
    """The step has been carried out by an attempt that was taken for lost: go on behind it."""


class CancelledError(Exception):
    """Somebody asked the run to stop."""


class Queue(Protocol):
    """Where segments wait for their turn."""

    def enqueue(
        self, connection: Connection, run_id: str, segment: int, *, partition: str, delay: float | None = None
    ) -> None:
        """Queue a segment in the transaction of this connection, to begin after so many seconds."""
        ...

    def hold(self, connection: Connection) -> None:
        """Keep what this thread carries out its own until this transaction ends. Raises SupersededError."""
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
    """Writes runs. A segment writes only while it is the run's own, in whatever branch, and the run is under way."""

    records: Records
    queue: Callable[[], Queue]
    at: Observer = unobserved

    # What segments write

    def begin(self, run_id: str, segment: int) -> Run:
        """Take a run up, in the lane of this segment. Raises SupersededError."""
        with self._segment(run_id, segment, "begin") as (transaction, run):
            lane = self._lane(run, segment)
            state, wait = run.at(lane)
            if state is RunState.RUNNING:
                return run  # a process died after this very commit
            begun = run.with_lane(lane, RunState.RUNNING)
            if wait is not None and wait.kind is WaitKind.MOMENT:
                begun = begun.model_copy(update={"marks": {**run.marks, wait.position: PASSED}})
            return runs.save(transaction, begun, "run.begun")

    def look_up(self, run_id: str, segment: int) -> Run:
        """Read a run that has been taken up. Raises SupersededError."""
        run = runs.find(self.records, run_id)
        lane = None if run is None else run.lane_of(segment)
        if run is None or lane is None or run.at(lane)[0] is not RunState.RUNNING:
            raise SupersededError(f"segment {segment} of run {run_id}")
        return run

    def own(self, transaction: Transaction, run_id: str, segment: int) -> Run:
        """Read the run inside a transaction of somebody else's. Raises SupersededError."""
        self.queue().hold(transaction.connection)
        run = runs.current(transaction, run_id)
        lane = run.lane_of(segment)
        state, wait = (run.state, None) if lane is None else run.at(lane)
        is_resting = wait is not None and wait.until is not None and wait.kind is not WaitKind.APPROVAL
        if lane is None or run.state.is_over or state.is_over or (state is RunState.WAITING and not is_resting):
            raise SupersededError(f"segment {segment} of run {run_id}")
        return run

    def note(self, run_id: str, segment: int, step_id: str, failure: Failure, pause: float) -> None:
        """Put on the record that an attempt failed and is repeated after so many seconds."""
        with self._segment(run_id, segment, "note") as (transaction, run):
            _expect_open(run, step_id)
            changed = run.with_step(step_id, attempts=run.step(step_id).attempts + 1, **failure.values())
            detail: dict[str, JsonValue] = {"step": step_id, "cause": failure.cause, "pause_seconds": round(pause)}
            runs.save(transaction, changed, "step.attempt_failed", detail)

    def park(self, run_id: str, segment: int, wait: Wait) -> None:
        """Let the run wait, in the lane of this segment; what waits for a moment goes on by itself."""
        with self._segment(run_id, segment, "park") as (transaction, run):
            if wait.step_id:
                _expect_open(run, wait.step_id)
            self.wait(transaction, run, segment, wait)

    def wait(self, transaction: Transaction, run: Run, segment: int, wait: Wait) -> None:
        """Let the run wait, inside a transaction in which something else comes of it."""
        lane = self._lane(run, segment)
        goes_on = wait.until is not None and wait.kind is not WaitKind.APPROVAL
        parked = run.with_lane(lane, RunState.WAITING, wait, run.segments + 1 if goes_on else None)
        if wait.kind is WaitKind.PROMPT:
            parked = parked.with_step(wait.step_id, state=StepState.WAITING)
        if goes_on and wait.until is not None:
            self._enqueue(transaction, parked, lane, delay=_seconds(transaction.clock(), wait.until))
        detail: dict[str, JsonValue] = {"step": wait.step_id, "for": wait.kind, "text": wait.text, "lane": lane}
        runs.save(transaction, parked, "run.parked", detail)

    def find_way(self, run_id: str, segment: int, look: Callable[[Run], Run]) -> None:
        """Put on the record what was found on the way to the next step."""
        with self._segment(run_id, segment, "way") as (transaction, run):
            found = look(run)
            detail: dict[str, JsonValue] = {
                "marks": {place: mark for place, mark in found.marks.items() if place not in run.marks},
                "left_out": [each for each in found.having(StepState.LEFT_OUT) if not _was_left_out(run, each)],
            }
            runs.save(transaction, found, "run.went_on", detail)

    def fork(self, run_id: str, segment: int, fork: Fork) -> None:
        """Let the run go on in branches, each in segments of its own; the present segment ends with that."""
        with self._segment(run_id, segment, "fork") as (transaction, run):
            first = run.segments + 1
            branches = tuple(Branch(lane=lane, segment=first + place) for place, lane in enumerate(fork.lanes))
            after = first + len(branches)
            changes = {"branches": branches, "segment": after, "segments": after}
            forked = run.model_copy(update=changes).of_its_branches()
            for branch in branches:
                self._enqueue(transaction, forked, branch.lane)
            runs.save(transaction, forked, "run.forked", {"at": fork.position, "lanes": list(fork.lanes)})

    def look(self, run_id: str, segment: int, step_id: str, **values: Any) -> None:  # noqa: ANN401  # fields of a step
        """Put on the record what a shadow run saw."""
        with self._segment(run_id, segment, "look") as (transaction, run):
            changed = run.with_step(step_id, state=StepState.SKIPPED, **values)
            runs.save(transaction, changed, "step.looked_at", {"step": step_id})

    def stop(self, run_id: str, segment: int, step_id: str, failure: Failure, state: RunState) -> None:
        """End a run at a step that failed, or whose outcome is unknown; its other branches stop before their next."""
        outcome = StepState.UNKNOWN if state is RunState.NEEDS_REVIEW else StepState.FAILED
        with self._segment(run_id, segment, "end") as (transaction, run):
            _expect_open(run, step_id)
            record = run.step(step_id)
            is_left_done = bool(run.undoing) and outcome is StepState.FAILED
            values = {"attempts": record.attempts + 1, "ended_at": transaction.clock(), **failure.values()}
            changed = run.with_step(step_id, state=record.state if is_left_done else outcome, **values)
            detail: dict[str, JsonValue] = {"step": step_id, **failure.values()}
            self._leave(transaction, changed, segment, state, detail)

    def cancel(self, run_id: str, segment: int) -> None:
        """End a run because somebody asked for it, or a branch because another one failed."""
        with self._segment(run_id, segment, "end") as (transaction, run):
            self._leave(transaction, run, segment, RunState.CANCELLED, {"by": run.cancelled_by})

    def end(self, run_id: str, segment: int) -> None:
        """End a run, or a branch of it, that has come to its end."""
        with self._segment(run_id, segment, "end") as (transaction, run):
            if run.branches:
                self._leave(transaction, run, segment, RunState.DONE, {})
            else:
                self.over(transaction, run.model_copy(update={"undoing": ()}), run.ends_as, {})

    def hand_on(self, run_id: str, segment: int) -> None:
        """Leave the rest to the next process."""
        with self._segment(run_id, segment, "hand on") as (transaction, run):
            self.go_on(transaction, run, "run.handed_on", lane=self._lane(run, segment))

    # What starts segments

    def go_on(
        self,
        transaction: Transaction,
        run: Run,
        kind: str,
        detail: Mapping[str, JsonValue] | None = None,
        *,
        lane: str = MAIN,
        **values: Any,  # noqa: ANN401  # fields of a run
    ) -> Run:
        """Queue the next segment of a run's lane."""
        following = run.model_copy(update={"ended_at": None, **values})
        queued = following.with_lane(lane, RunState.QUEUED, segment=run.segments + 1)
        self._enqueue(transaction, queued, lane)
        return runs.save(transaction, queued, kind, detail)

    def start(self, transaction: Transaction, run: Run) -> Run:
        """Put a new run on the record and queue its first segment."""
        self._enqueue(transaction, run, MAIN)
        runs.start(transaction, run)
        return run

    # How runs end

    def over(self, transaction: Transaction, run: Run, state: RunState, detail: Mapping[str, JsonValue]) -> Run:
        """End a run; where its plan says so, what can be undone is undone first."""
        steps = self._to_put_back(run, state, transaction.clock())
        if steps:
            by = f"{AUTOMATION}{run.automation}" if run.automation else run.requested_by
            values: dict[str, Any] = {
                "undoing": steps,
                "undone_by": by,
                "ends_as": state,
                "branches": (),
                "cancelled_by": None,
            }
            return self.go_on(transaction, run, "run.compensating", {**detail, "steps": list(steps)}, **values)
        return _end(transaction, run, state, detail)

    def drop_branches(self, transaction: Transaction, run: Run) -> Run:
        """End the branches nobody is in at this moment: those that wait, or are queued."""
        for branch in run.branches:
            if branch.state in {RunState.WAITING, RunState.QUEUED}:
                run = run.with_lane(branch.lane, RunState.CANCELLED)
        return self.join(transaction, run)

    def join(self, transaction: Transaction, run: Run) -> Run:
        """Go on where all branches have ended well, end the run where one has not; else leave it at that."""
        if any(not each.state.is_over for each in run.branches):
            return runs.save(transaction, run, "run.branch_ended")
        states = {each.state for each in run.branches}
        for ending in (RunState.NEEDS_REVIEW, RunState.FAILED, RunState.CANCELLED):
            if ending in states:
                return self.over(transaction, run.model_copy(update={"branches": ()}), ending, {})
        position = run.branches[0].lane.rpartition(".")[0]
        joined = {"branches": (), "marks": {**run.marks, position: JOINED}, "state": RunState.QUEUED, "waits_for": None}
        after = run.model_copy(update=joined)
        self._enqueue(transaction, after, MAIN)
        return runs.save(transaction, after, "run.joined", {"at": position})

    def _leave(
        self, transaction: Transaction, run: Run, segment: int, state: RunState, detail: Mapping[str, JsonValue]
    ) -> None:
        lane = self._lane(run, segment)
        if lane == MAIN:
            self.over(transaction, run, state, detail)
            return
        left = run.with_lane(lane, state)
        if state is not RunState.DONE:
            kind = "run.branch_failed" if left.is_failing else "run.branch_stopped"
            transaction.audit(kind, tenant=run.tenant_id, ticket=run.ticket_id, detail={"run": run.id, **detail})
            self.drop_branches(transaction, left)
        else:
            self.join(transaction, left)

    def _to_put_back(self, run: Run, state: RunState, now: datetime) -> tuple[str, ...]:
        """List what a plan wants undone where its run does not come to its end by itself."""
        is_stopped_by_person = state is RunState.CANCELLED and run.cancelled_by is not None
        if run.undoing or is_stopped_by_person or state not in {RunState.FAILED, RunState.CANCELLED}:
            return ()
        plan = plans.find(self.records, run.plan_id)
        return reversible(run, plan, now) if plan is not None and plan.on_failure == "undo" else ()

    @contextmanager
    def _segment(self, run_id: str, segment: int, boundary: str) -> Iterator[tuple[Transaction, Run]]:
        with self.records.transaction(ACTOR) as transaction:
            yield transaction, self.own(transaction, run_id, segment)
            self.at(f"{boundary}: committing", run_id)
        self.at(f"{boundary}: committed", run_id)

    def _lane(self, run: Run, segment: int) -> str:
        lane = run.lane_of(segment)
        if lane is None:
            raise SupersededError(f"segment {segment} of run {run.id}")
        return lane

    def _enqueue(self, transaction: Transaction, run: Run, lane: str, delay: float | None = None) -> None:
        segment = next((each.segment for each in run.branches if each.lane == lane), run.segment)
        partition = f"{run.tenant_id}|{run.id}|{lane}" if lane else run.tenant_id
        self.queue().enqueue(transaction.connection, run.id, segment, partition=partition, delay=delay)


def until(now: datetime, seconds: float) -> datetime:
    """Return the moment so many seconds from now."""
    return now + timedelta(seconds=seconds)


def _seconds(now: datetime, moment: datetime) -> float:
    return max(0.0, (moment - now).total_seconds())


def _expect_open(run: Run, step_id: str) -> None:
    """Raise OvertakenError where a step that somebody still tries is over: how it ended stays as it is."""
    if run.has_made(step_id):
        raise OvertakenError(f"step {step_id} of run {run.id}")


def _was_left_out(run: Run, step_id: str) -> bool:
    return any(each.id == step_id and each.state is StepState.LEFT_OUT for each in run.steps)


def _end(transaction: Transaction, run: Run, state: RunState, detail: Mapping[str, JsonValue]) -> Run:
    values = {"state": state, "waits_for": None, "branches": (), "ended_at": transaction.clock()}
    ended = run.model_copy(update=values)
    for step_id in ended.having(StepState.PLANNED, StepState.WAITING):
        ended = ended.with_step(step_id, state=StepState.SKIPPED)
    return runs.save(transaction, ended, "run.ended", detail)
