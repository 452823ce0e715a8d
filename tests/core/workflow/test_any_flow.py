"""Whatever flow there is, a run does what an interpreter written apart from it says, in that order, each step once."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from deskhand.automation.flow import Flow
from deskhand.records.database import url_of
from deskhand.records.runs import RunState, StepState
from tests.core.workflow.desk import Desk
from tests.core.workflow.office import plan, returned, said, step

READ = TypeAdapter(Flow)
MOST = 14
CONDITIONS: dict[str, Callable[[int, str], bool]] = {
    "true": lambda _count, _item: True,
    "1 > 2": lambda _count, _item: False,
    "steps.find.detail.count > 1": lambda count, _item: count > 1,
    "steps.find.is_done && steps.find.detail.count == 0": lambda count, _item: count == 0,
}
OF_ITEMS: dict[str, Callable[[int, str], bool]] = {
    "item.id == 'd-1'": lambda _count, item: item == "d-1",
    "item.id != 'd-1'": lambda _count, item: item != "d-1",
}


class Growing:
    """Grows a flow over steps that are named as they are needed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.names: list[str] = []
        self.of_items: set[str] = set()
        self.conditions: dict[str, str] = {}

    def blocks(self, depth: int, *, lane: str) -> list[Any]:
        count = self.random.randint(1, 3 if depth else 2)
        return [each for _ in range(count) if (each := self.block(depth, lane)) is not None]

    def block(self, depth: int, lane: str) -> Any:  # noqa: ANN401  # JSON of a block
        kinds = ["step", "step"]
        if depth:
            kinds += ["choose"] + (
                ["parallel", "for_each"] if lane == "main" else ["for_each"] if lane == "branch" else []
            )
        kind = self.random.choice(kinds)
        if len(self.names) >= MOST:
            return None
        if kind == "step":
            return self.step(lane)
        if kind == "choose":
            ways = {"then": self.blocks(depth - 1, lane=lane), "otherwise": self.blocks(depth - 1, lane=lane)}
            return {"choose": self.condition(lane), **ways} if any(ways.values()) else None
        if kind == "parallel":
            return {"parallel": [[self.step("branch"), *self.blocks(depth - 1, lane="branch")] for _ in range(2)]}
        do = self.blocks(depth - 1, lane="loop")
        return {"for_each": "find.detail.devices", "most": 3, "do": do} if do else None

    def step(self, lane: str) -> str:
        name = f"s{len(self.names)}"
        self.names.append(name)
        if lane == "loop":
            self.of_items.add(name)
        if self.random.random() < 0.25:
            self.conditions[name] = self.condition(lane)
        return name

    def condition(self, lane: str) -> str:
        known = [*CONDITIONS, *OF_ITEMS] if lane == "loop" else [*CONDITIONS]
        return self.random.choice(known)


class Oracle:
    """Says in what order notes are written: the whole of a flow's meaning, in a few lines."""

    def __init__(self, grown: Growing, count: int) -> None:
        self.grown, self.count = grown, count

    def notes(self, blocks: list[Any], item: str = "") -> list[str]:
        return [note for block in blocks for note in self.block(block, item)]

    def block(self, block: Any, item: str) -> list[str]:  # noqa: ANN401  # JSON of a block
        if isinstance(block, str):
            wanted = self.grown.conditions.get(block, "true")
            return [f"{block}{item}"] if self.holds(wanted, item) else []
        if "choose" in block:
            return self.notes(block["then" if self.holds(block["choose"], item) else "otherwise"], item)
        if "parallel" in block:
            return [note for branch in block["parallel"] for note in self.notes(branch, item)]
        return [note for number in range(self.count) for note in self.notes(block["do"], f"d-{number + 1}")]

    def holds(self, condition: str, item: str) -> bool:
        return bool({**CONDITIONS, **OF_ITEMS}[condition](self.count, item))


@pytest.mark.parametrize("seed", range(30))
def test_a_run_does_what_the_oracle_says_whatever_the_flow(tmp_path: Path, seed: int) -> None:
    desk = Desk.open(url_of(tmp_path / "records.db"), tmp_path)
    grown = Growing(seed)
    blocks = grown.blocks(3, lane="main")
    count = seed % 4
    desk.office.devices = [{"id": f"d-{number + 1}"} for number in range(count)]
    steps = [step("list_devices", "find")]
    for name in grown.names:
        text = returned("item.id") if name in grown.of_items else said(name)
        made = step("add_note", name, text=text)
        steps.append(made.model_copy(update={"only_if": grown.conditions.get(name)}))
    flow = READ.validate_json(json.dumps(["find", *blocks]))
    run = desk.run(plan(*steps, flow=flow))
    desk.close()
    expected = Oracle(grown, count).notes(blocks)
    named = [
        f"{each.name}{each.item['id'] if isinstance(each.item, dict) else ''}"
        for each in sorted(run.steps, key=lambda each: str(each.ended_at))
        if each.state is StepState.DONE and each.name != "find"
    ]
    assert run.state is RunState.DONE, (blocks, [each.error for each in run.steps])
    assert named == expected, (blocks, grown.conditions)
    written = [each["value"] for each in desk.office.effects() if each["field"] == "note"]
    assert len(written) == len(expected)
    assert {each.state for each in run.steps} <= {StepState.DONE, StepState.LEFT_OUT, StepState.SKIPPED}
