"""A flow says what comes before what; whatever it cannot mean is found before anything runs."""

import json
from itertools import product

import pytest
from pydantic import TypeAdapter, ValidationError

from deskhand.automation.flow import Choose, Flow, Parallel, block_at, faults, leaves, pruned, waits_between
from deskhand.automation.plan import Plan
from tests.core.workflow.office import ASKED, plan, returned, said, step

READ = TypeAdapter(Flow)


def flow(*blocks: object) -> Flow:
    return READ.validate_json(json.dumps(blocks))


IF = {"choose": "steps.a.is_done", "then": ["b"], "otherwise": ["c"]}
SIDE = {"parallel": [["b", "c"], ["d"]]}
LOOP = {"for_each": "a.detail.devices", "most": 3, "do": ["b", "c"]}
ASK = {"ask_approval": {"role": "admin"}, "otherwise": ["c"]}
REST = {"pause": {"minutes": 5}}


@pytest.mark.parametrize(
    ("blocks", "before"),
    [
        (["a", "b"], {"a": "", "b": "a"}),
        (["a", IF, "d"], {"a": "", "b": "a", "c": "a", "d": "a"}),
        (["a", {**IF, "otherwise": []}, "d"], {"a": "", "b": "a", "d": "a"}),
        (["a", SIDE, "e"], {"a": "", "b": "a", "c": "ab", "d": "a", "e": "abcd"}),
        (["a", LOOP, "d"], {"a": "", "b": "a", "c": "ab", "d": "a"}),
        (["a", ASK, "d"], {"a": "", "c": "a", "d": "a"}),
    ],
)
def test_each_step_knows_what_surely_came_before_it(blocks: list[object], before: dict[str, str]) -> None:
    assert {leaf.step_id: "".join(sorted(leaf.before)) for leaf in leaves(flow(*blocks))} == before


@pytest.mark.parametrize(
    ("blocks", "said_of_it"),
    [
        (["a", "a"], "a is there 2 times"),
        (["a", "x"], "there is no step x"),
        (["a"], "b is in no place of it"),
        (["a", {"parallel": [["b"], [REST]]}], "pause cannot stand within parallel"),
        (["a", {"parallel": [["b"], [ASK]]}], "ask_approval cannot stand within parallel"),
        (["a", {**LOOP, "do": [SIDE]}], "parallel cannot stand within for_each"),
        (["a", {**LOOP, "do": [LOOP]}], "for_each cannot stand within for_each"),
        ([LOOP, "a"], "a does not surely come before it"),
        (["a", {"parallel": [["b"], []]}], "there is nothing in it"),
        (["a", "b", {"choose": "true", "then": []}], "there is nothing in it"),
        (["a", "b", {"pause": {"until": "07:00", "zone": "Mars/Olympus"}}], "there is no time zone"),
    ],
)
def test_what_a_flow_cannot_mean_is_said_with_its_place_and_its_fix(blocks: list[object], said_of_it: str) -> None:
    found = list(faults(flow(*blocks), {"a", "b"} if "c" not in json.dumps(blocks) else {"a", "b", "c"}))
    assert any(said_of_it in each.problem for each in found), found
    assert all(each.fix for each in found)


@pytest.mark.parametrize(
    "block",
    [
        {"parallel": [["a"]]},
        {"parallel": [["a"]] * 9},
        {"for_each": "a.detail.devices", "most": 101, "do": ["b"]},
        {"for_each": "a.detail.devices", "do": ["b"]},
        {"pause": {}},
        {"pause": {"minutes": 5, "until": "07:00"}},
        {"pause": {"until": "25:00"}},
        {"choose": "", "then": ["a"]},
        {"unless": "a"},
        {**IF, "else": ["d"]},
        7,
        "Not a step",
    ],
)
def test_what_is_no_block_is_refused(block: object) -> None:
    with pytest.raises(ValidationError):
        flow(block)


def test_a_block_is_found_by_its_position() -> None:
    whole = flow("a", {"choose": "true", "then": ["b", SIDE], "otherwise": ["e"]})
    assert block_at(whole, "1.then.1.b0.1") == "c"
    assert block_at(whole, "1.otherwise.0") == "e"
    assert isinstance(block_at(whole, "1.then.1"), Parallel)
    assert isinstance(block_at(whole, "1"), Choose)


def test_a_flow_without_some_steps_has_no_empty_blocks() -> None:
    whole = flow("a", IF, SIDE, LOOP, ASK)
    assert pruned(whole, {"a", "d"}) == flow("a", "d", {"ask_approval": {"role": "admin"}})
    assert pruned(flow(SIDE), {"c", "d"}) == flow({"parallel": [["c"], ["d"]]})
    for kept in product([True, False], repeat=4):
        names = {name for name, is_kept in zip("abcd", kept, strict=True) if is_kept}
        left = [leaf.step_id for leaf in leaves(pruned(flow("a", SIDE), names))]
        assert left == [name for name in "abcd" if name in names]


def test_a_wait_between_two_steps_is_seen_wherever_it_stands() -> None:
    assert waits_between(flow("a", REST, "b"), "a", "b")
    assert waits_between(flow("a", {"choose": "true", "then": [ASK]}, "b"), "a", "b")
    assert not waits_between(flow("a", "b", REST), "a", "b")


NOTE, LOOK = step("add_note", text=said("Done.")), step("list_devices")
ALSO = step("add_note", "also", text=said("Also."))


@pytest.mark.parametrize(
    ("steps", "blocks", "said_of_it"),
    [
        ([LOOK, NOTE], ["list_devices"], "add_note is in no place"),
        ([NOTE, NOTE], [], "two steps have one name"),
        ([step("add_note", text=returned("late.reference")), ALSO], ["add_note", "also"], "no earlier step"),
        ([step("add_note", text=returned("item.id"))], [], "no earlier step"),
        (
            [LOOK, step("add_note", text=returned("also.reference")), ALSO],
            ["list_devices", {"parallel": [["also"], ["add_note"]]}],
            "no earlier step",
        ),
        (
            [LOOK, step("check_code", code=ASKED), ALSO],
            ["list_devices", {"parallel": [["also"], ["check_code"]]}],
            "in the midst of a branch",
        ),
        (
            [LOOK, step("check_code", code=ASKED)],
            ["list_devices", {"for_each": "list_devices.detail.devices", "most": 2, "do": ["check_code"]}],
            "in the midst of a branch or a loop",
        ),
    ],
)
def test_a_plan_whose_flow_is_not_sound_is_no_plan(steps: list, blocks: list[object], said_of_it: str) -> None:  # type: ignore[type-arg]  # planned steps
    with pytest.raises(ValidationError, match=said_of_it):
        plan(*steps, flow=flow(*blocks))


def test_the_flow_is_part_of_what_is_approved() -> None:
    loop = {"for_each": "list_devices.detail.devices", "most": 2, "do": ["add_note"]}
    one = plan(LOOK, NOTE, flow=flow("list_devices", loop))
    others = [
        plan(LOOK, NOTE, flow=flow("list_devices", {**loop, "most": 3})),
        plan(LOOK, NOTE, flow=flow("list_devices", "add_note")),
        plan(LOOK, NOTE),
        plan(LOOK, NOTE, flow=flow("list_devices", loop), on_failure="undo"),
    ]
    assert one.sha256() not in {each.sha256() for each in others}
    assert Plan.model_validate_json(one.written()) == one
