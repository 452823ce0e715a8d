"""In what order steps are done, on which conditions, and what a run waits for between them: a tree of blocks.

An automation's flow and a plan's are the same: a plan pins it with everything else. A block is known by its position in
the tree, such as ``2.then.0``; that is what a run remembers it by.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from deskhand.automation.conditions import Condition
from deskhand.automation.rules import (
    MOST_MINUTES,
    ApprovalRule,
    Part,
    StepId,
    StepResult,
    TimeOfDay,
    ZoneName,
    is_zone,
)

MOST_BRANCHES = 8
MOST_ITEMS = 100
"""No for-each may be allowed more: whoever needs it has another tool for that."""
ITEM = "item"
"""What an argument's origin begins with where it is a part of what a for-each is at; no step may be called so."""


class Choose(Part):
    """One way or the other, by a condition over what earlier steps returned."""

    choose: Condition
    then: "Flow"
    otherwise: "Flow" = ()


class Parallel(Part):
    """Branches side by side; what comes after waits for all of them. One that fails lets the others stop."""

    parallel: "tuple[Flow, ...]" = Field(min_length=2, max_length=MOST_BRANCHES)


class ForEach(Part):
    """The same for each entry of a list an earlier step returned, one after another; none where there are too many."""

    for_each: StepResult
    most: int = Field(ge=1, le=MOST_ITEMS)
    """How many entries there may be: with more, nothing is done and the run fails."""
    do: "Flow"


class AskApproval(Part):
    """Wait until somebody else approves of going on, knowing what was done so far."""

    ask_approval: ApprovalRule
    otherwise: "Flow" = ()
    """What is done instead where it is denied or nobody decides in time; then the run is over."""


class Delay(Part):
    """For how many minutes, or until what time of day, on the clocks of which place."""

    minutes: int | None = Field(default=None, ge=1, le=MOST_MINUTES)
    until: TimeOfDay | None = None
    zone: ZoneName = "UTC"

    @model_validator(mode="after")
    def _is_one(self) -> "Delay":
        if (self.minutes is None) == (self.until is None):
            raise ValueError("say either `minutes` or `until`")
        return self


class Pause(Part):
    """Wait for a while, or until a time of day."""

    pause: Delay


def _kind(value: Any) -> str | None:  # noqa: ANN401  # what is to become a block
    """Tell the kinds apart by the name only one of them has."""
    if isinstance(value, str):
        return "step"
    names = set(value) if isinstance(value, dict) else set(getattr(type(value), "model_fields", ()))
    return next((kind for kind in _KINDS if kind in names), None)


_KINDS = ("choose", "parallel", "for_each", "ask_approval", "pause")

AnyBlock: TypeAlias = Annotated[
    Annotated[StepId, Tag("step")]
    | Annotated[Choose, Tag("choose")]
    | Annotated[Parallel, Tag("parallel")]
    | Annotated[ForEach, Tag("for_each")]
    | Annotated[AskApproval, Tag("ask_approval")]
    | Annotated[Pause, Tag("pause")],
    Discriminator(
        _kind,
        custom_error_type="no_block",
        custom_error_message="this is no block: write a step's id, or one of choose, parallel, for_each, ask_approval, "
        "pause",
    ),
]
Flow: TypeAlias = tuple[AnyBlock, ...]
"""Blocks, one after another."""

for _block in (Choose, Parallel, ForEach, AskApproval):
    _block.model_rebuild()


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a step stands in a flow: what surely came before it, and within what."""

    step_id: str
    before: frozenset[str]
    """The steps whose turn was over by then, whatever way was taken."""
    is_in_branch: bool
    is_in_loop: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a flow, and how it is mended."""

    position: str
    problem: str
    fix: str


def leaves(flow: Flow) -> tuple[Leaf, ...]:
    """List the steps of a flow in its order."""
    return tuple(_Reading().blocks(flow, frozenset(), ""))


def faults(flow: Flow, steps: AbstractSet[str]) -> Iterator[Fault]:
    """Say what is wrong with a flow over these steps."""
    reading = _Reading()
    found = [leaf.step_id for leaf in reading.blocks(flow, frozenset(), "")]
    yield from reading.faults
    for name in dict.fromkeys(found):
        if name not in steps:
            yield Fault("", f"there is no step {name}", f"name one of {', '.join(sorted(steps))}")
        if found.count(name) > 1:
            yield Fault("", f"{name} is there {found.count(name)} times", "have each step in one place")
    for name in sorted(steps - set(found)):
        yield Fault("", f"{name} is in no place of it", f"put {name} where its turn comes, or remove the step")


def choices(flow: Flow) -> Iterator[tuple[str, Condition, Leaf]]:
    """List the places where one way or the other is taken: position, condition, and what surely came before."""
    before: dict[str, Leaf] = {leaf.step_id: leaf for leaf in leaves(flow)}
    for position, block in _positions(flow, ""):
        if isinstance(block, Choose) and (block.then or block.otherwise):
            first = leaves((*block.then, *block.otherwise))
            yield position, block.choose, before[first[0].step_id]


def waits_between(flow: Flow, earlier: str, later: str) -> bool:
    """Tell whether the flow waits, for people or for a moment, somewhere between two steps."""
    order = [block if isinstance(block, str) else type(block).__name__ for _, block in _positions(flow, "")]
    between = order[order.index(earlier) : order.index(later)]
    return any(each in {AskApproval.__name__, Pause.__name__} for each in between)


def _positions(flow: Flow, at: str) -> Iterator[tuple[str, AnyBlock]]:
    """Go through all blocks in the order they are written."""
    for place, block in enumerate(flow):
        position = f"{at}{place}"
        yield position, block
        for way, inner in _inner(block):
            yield from _positions(inner, f"{position}.{way}.")


def _inner(block: AnyBlock) -> Iterator[tuple[str, Flow]]:
    match block:
        case Choose():
            yield from (("then", block.then), ("otherwise", block.otherwise))
        case Parallel():
            yield from ((f"b{number}", branch) for number, branch in enumerate(block.parallel))
        case ForEach():
            yield "do", block.do
        case AskApproval():
            yield "otherwise", block.otherwise


def block_at(flow: Flow, position: str) -> AnyBlock:
    """Find a block by its position, which must be one of this flow's."""
    place, _, rest = position.partition(".")
    block = flow[int(place)]
    if not rest:
        return block
    way, _, within = rest.partition(".")
    if isinstance(block, Parallel):
        return block_at(block.parallel[int(way.removeprefix("b"))], within)
    return block_at(getattr(block, way), within)


def pruned(flow: Flow, kept: AbstractSet[str]) -> Flow:
    """Return the flow without the steps that are not kept, and without blocks that are empty then."""
    return tuple(each for block in flow for each in _pruned(block, kept))


def _pruned(block: AnyBlock, kept: AbstractSet[str]) -> Flow:
    match block:
        case str():
            return (block,) if block in kept else ()
        case Choose():
            then, otherwise = pruned(block.then, kept), pruned(block.otherwise, kept)
            return (Choose(choose=block.choose, then=then, otherwise=otherwise),) if then or otherwise else ()
        case Parallel():
            branches = tuple(each for each in (pruned(branch, kept) for branch in block.parallel) if each)
            return (Parallel(parallel=branches),) if len(branches) > 1 else branches[0] if branches else ()
        case ForEach():
            do = pruned(block.do, kept)
            return (ForEach(for_each=block.for_each, most=block.most, do=do),) if do else ()
        case AskApproval():
            return (AskApproval(ask_approval=block.ask_approval, otherwise=pruned(block.otherwise, kept)),)
    return (block,)


class _Reading:
    """One pass through a flow; what is wrong gathers on the way."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._lane: list[str] = []

    def blocks(self, flow: Flow, before: frozenset[str], at: str) -> Iterator[Leaf]:
        for number, block in enumerate(flow):
            found = list(self._block(block, before, f"{at}{number}"))
            yield from found
            before |= _surely_done(block)

    def _block(self, block: AnyBlock, before: frozenset[str], at: str) -> Iterator[Leaf]:
        match block:
            case str():
                yield Leaf(block, before, "parallel" in self._lane, "for_each" in self._lane)
            case Choose():
                if not block.then and not block.otherwise:
                    self.faults.append(Fault(at, "there is nothing in it", "put steps in it, or remove it"))
                yield from self.blocks(block.then, before, f"{at}.then.")
                yield from self.blocks(block.otherwise, before, f"{at}.otherwise.")
            case Parallel():
                self._refuse_within(at, "parallel")
                for number, branch in enumerate(block.parallel):
                    yield from self._within("parallel", branch, before, f"{at}.b{number}.")
            case ForEach():
                self._refuse_loop(at)
                self._need(block.for_each, before, at)
                yield from self._within("for_each", block.do, before, f"{at}.do.")
            case AskApproval():
                self._refuse_within(at, "ask_approval")
                yield from self.blocks(block.otherwise, before, f"{at}.otherwise.")
            case Pause():
                self._refuse_within(at, "pause")
                self._refuse_zone(block.pause, at)

    def _within(self, lane: str, flow: Flow, before: frozenset[str], at: str) -> Iterator[Leaf]:
        if not flow:
            self.faults.append(Fault(at, "there is nothing in it", "put steps in it, or remove it"))
        self._lane.append(lane)
        yield from self.blocks(flow, before, at)
        self._lane.pop()

    def _refuse_within(self, at: str, what: str) -> None:
        if self._lane:
            fix = "put it before or after"
            self.faults.append(Fault(at, f"{what} cannot stand within {self._lane[-1]}", fix))

    def _refuse_loop(self, at: str) -> None:
        if "for_each" in self._lane:
            self.faults.append(Fault(at, "for_each cannot stand within for_each", "make one list of it"))

    def _need(self, result: str, before: frozenset[str], at: str) -> None:
        source = result.partition(".")[0]
        if source not in before:
            self.faults.append(Fault(at, f"{source} does not surely come before it", f"put {source} before it"))

    def _refuse_zone(self, delay: Delay, at: str) -> None:
        if not is_zone(delay.zone):
            self.faults.append(Fault(at, f"there is no time zone {delay.zone}", "write it as in Europe/Berlin"))


def _surely_done(block: AnyBlock) -> frozenset[str]:
    """Return the steps whose turn is over after a block, whatever way was taken through it."""
    match block:
        case str():
            return frozenset({block})
        case Choose():
            return _all(block.then) & _all(block.otherwise)
        case Parallel():
            return frozenset().union(*map(_all, block.parallel))
    return frozenset()  # a for-each is done as often as there are entries, and a branch taken on a timeout ends the run


def _all(flow: Flow) -> frozenset[str]:
    return frozenset().union(*map(_surely_done, flow))
