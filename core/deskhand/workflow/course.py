"""Which way a run takes through its plan's flow: what comes next, from what is on the record alone.

The same record always gives the same answer, whichever process asks and however often.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from deskhand.automation.conditions import UndecidableError, holds
from deskhand.automation.flow import AnyBlock, AskApproval, Choose, Delay, Flow, ForEach, Parallel, Pause, leaves
from deskhand.automation.plan import Plan
from deskhand.records.canonical import canonical_json
from deskhand.records.runs import MAIN, Run, StepRecord, StepState

JOINED = "joined"
PASSED = "passed"
TURNED_AWAY = "turned away"
"""Marks: what became of a block that waits, or that the run has branched at."""

_BEHIND = frozenset({StepState.DONE, StepState.LEFT_OUT})
_BEGUN = frozenset({StepState.RUNNING, StepState.WAITING})


class LostError(Exception):
    """It cannot be said which way to go; the message says why, and ``step_id`` is the step nobody can decide about."""

    def __init__(self, step_id: str, message: str) -> None:
        """Keep the step beside the message."""
        super().__init__(message)
        self.step_id = step_id


@dataclass(frozen=True, slots=True)
class Carry:
    """A step's turn has come."""

    step_id: str


@dataclass(frozen=True, slots=True)
class Fork:
    """The run goes on in branches, and after them at the block behind."""

    position: str
    lanes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody has to approve of going on."""

    position: str
    block: AskApproval


@dataclass(frozen=True, slots=True)
class Rest:
    """It goes on at a moment."""

    position: str
    delay: Delay


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is left to do in this lane."""


Upcoming: TypeAlias = Carry | Fork | Ask | Rest | Over


def ahead(plan: Plan, run: Run, lane: str = MAIN) -> tuple[Run, Upcoming]:
    """Return what comes next in a lane, and the run with what was found out on the way there.

    Raises LostError where a condition cannot be decided or a list is not what the flow takes it for.
    """
    if run.undoing:
        left = (each for each in run.undoing if run.step(each).state is not StepState.UNDONE)
        return run, _turn(next(left, None))
    if run.is_shadow:
        left = (each.id for each in run.steps if each.state not in {*_BEHIND, StepState.SKIPPED})
        return run, _turn(next(left, None))
    walk = _Walk(plan, run, lane)
    upcoming = walk.blocks(plan.course, "") or Over()
    return walk.run, upcoming


def _turn(step_id: str | None) -> Upcoming:
    return Over() if step_id is None else Carry(step_id)


def lane_name(position: str, branch: int) -> str:
    """Name a branch of a parallel block."""
    return f"{position}.b{branch}"


def results_sha256(run: Run) -> str:
    """Identify what came of the steps so far, in hex: an approval on the way is given knowing exactly that."""
    told: list[JsonValue] = [[each.id, each.state.value, each.reference, dict(each.detail)] for each in run.steps]
    return hashlib.sha256(canonical_json(told).encode()).hexdigest()


def moment_of(delay: Delay, now: datetime) -> datetime:
    """Return the moment a delay ends that begins now: its minutes from now, or the next time its clocks show that."""
    if delay.until is None:
        return now + timedelta(minutes=delay.minutes or 0)
    there = now.astimezone(ZoneInfo(delay.zone))
    hours, minutes = map(int, delay.until.split(":"))
    wanted = there.replace(hour=hours, minute=minutes, second=0, microsecond=0)
    if wanted <= there:
        wanted = wanted + timedelta(days=1)
    return wanted.astimezone(now.tzinfo)


@dataclass(slots=True)
class _Walk:
    """One walk from the flow's beginning to the first thing that is still to be done."""

    plan: Plan
    run: Run
    lane: str
    before: Mapping[str, frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.before = {leaf.step_id: leaf.before for leaf in leaves(self.plan.course)}

    def blocks(self, flow: Flow, at: str, number: int = 0) -> Upcoming | None:
        """Return the first thing to do in these blocks; None where they are behind. ``number`` counts repetitions."""
        found = (self.block(block, f"{at}{place}", number) for place, block in enumerate(flow))
        return next((each for each in found if each is not None), None)

    def block(self, block: AnyBlock, at: str, number: int) -> Upcoming | None:
        match block:
            case str():
                return self._step(block, number)
            case Choose():
                return self._choose(block, at, number)
            case ForEach():
                return self._for_each(block, at)
            case Parallel():
                return self._parallel(block, at)
            case AskApproval():
                return self._ask(block, at)
            case Pause():
                return None if self.run.marks.get(at) == PASSED else Rest(at, block.pause)

    def _step(self, name: str, number: int) -> Upcoming | None:
        step_id = f"{name}.{number}" if number else name
        state = self.run.step(step_id).state
        if state in _BEHIND:
            return None
        condition = self.plan.step(name).only_if
        if condition is None or state in _BEGUN or self._decided(condition, name, number):
            return Carry(step_id)
        self.run = self.run.with_step(step_id, state=StepState.LEFT_OUT, error="", cause=None, ring="")
        return None

    def _choose(self, block: Choose, at: str, number: int) -> Upcoming | None:
        key = f"{at}#{number}" if number else at
        if key not in self.run.marks:
            first = next(iter(_names((*block.then, *block.otherwise))))
            self._mark(key, "then" if self._decided(block.choose, first, number) else "otherwise")
            self._pass_by(block.otherwise if self.run.marks[key] == "then" else block.then, number)
        way = str(self.run.marks[key])
        return self.blocks(block.then if way == "then" else block.otherwise, f"{at}.{way}.", number)

    def _for_each(self, block: ForEach, at: str) -> Upcoming | None:
        if at not in self.run.marks:
            self._mark(at, self._repeat(block))
        count = self.run.marks[at]
        rounds = range(1, int(count) + 1) if isinstance(count, int) else range(0)
        found = (self.blocks(block.do, f"{at}.do.", number) for number in rounds)
        return next((each for each in found if each is not None), None)

    def _parallel(self, block: Parallel, at: str) -> Upcoming | None:
        if self.run.marks.get(at) == JOINED:
            return None
        lanes = tuple(lane_name(at, branch) for branch in range(len(block.parallel)))
        if self.lane not in lanes:
            return Fork(at, lanes)
        return self.blocks(block.parallel[lanes.index(self.lane)], f"{self.lane}.") or Over()

    def _ask(self, block: AskApproval, at: str) -> Upcoming | None:
        mark = self.run.marks.get(at)
        if mark == TURNED_AWAY:
            return self.blocks(block.otherwise, f"{at}.otherwise.") or Over()
        if mark == PASSED:
            self._pass_by(block.otherwise)
            return None
        return Ask(at, block)

    def _decided(self, condition: str, name: str, number: int) -> bool:
        """Decide a condition from what surely came before a step."""
        step_id = f"{name}.{number}" if number else name
        try:
            return holds(condition, self._told(name, number), self.run.step(step_id).item)
        except UndecidableError as error:
            raise LostError(step_id, str(error)) from error

    def _told(self, name: str, number: int) -> dict[str, JsonValue]:
        """Say of the steps before one what a condition may ask; in a repetition those of the same round."""
        records = {each.id: each for each in self.run.steps}
        found = {each: records.get(f"{each}.{number}") or records.get(each) for each in self.before[name]}
        return {each: _plainly(record) for each, record in found.items() if record is not None}

    def _repeat(self, block: ForEach) -> int:
        """Give each step of the loop a record for each entry, and return how many entries there are."""
        names = tuple(_names(block.do))
        entries = self._entries(block, names[0])
        if len(entries) > block.most:
            message = f"{block.for_each} has {len(entries)} entries, and at most {block.most} may be touched"
            raise LostError(names[0], message)
        steps = [each for record in self.run.steps for each in _repeated(record, entries, names)]
        self.run = self.run.model_copy(update={"steps": tuple(steps)})
        return len(entries)

    def _entries(self, block: ForEach, first: str) -> list[JsonValue]:
        source, _, path = block.for_each.partition(".")
        record = self.run.step(source)
        found = record.detail.get(path.removeprefix("detail."))
        if record.state is StepState.DONE and isinstance(found, list):
            return found
        raise LostError(first, f"{block.for_each} is no list: there is nothing to go through")

    def _pass_by(self, flow: Flow, number: int = 0) -> None:
        """Leave out the steps of a way that is not taken."""
        for name in _names(flow):
            for each in self.run.steps:
                is_its = each.id == (f"{name}.{number}" if number else name)
                if is_its and each.state is StepState.PLANNED:
                    self.run = self.run.with_step(each.id, state=StepState.LEFT_OUT)

    def _mark(self, position: str, value: JsonValue) -> None:
        self.run = self.run.model_copy(update={"marks": {**self.run.marks, position: value}})


def _names(flow: Flow) -> Iterator[str]:
    return (leaf.step_id for leaf in leaves(flow))


def _plainly(record: StepRecord) -> dict[str, JsonValue]:
    return {
        "is_done": record.state is StepState.DONE,
        "reference": record.reference,
        "detail": dict(record.detail),
    }


def _repeated(record: StepRecord, entries: list[JsonValue], names: tuple[str, ...]) -> Iterator[StepRecord]:
    if record.id not in names:
        yield record
    elif not entries:
        yield record.model_copy(update={"state": StepState.LEFT_OUT})
    else:
        for number, item in enumerate(entries, 1):
            yield record.model_copy(update={"id": f"{record.id}.{number}", "item": item})
