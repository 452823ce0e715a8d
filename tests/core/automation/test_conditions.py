"""Conditions are true or false from what earlier steps returned; anything else is said, and nothing hangs."""

import time

import pytest
from pydantic import JsonValue

from deskhand.automation.conditions import UndecidableError, holds, problem

STEPS: dict[str, JsonValue] = {
    "find": {
        "is_done": True,
        "reference": "u-1",
        "detail": {"count": 2, "names": ["ann", "bob"], "is_licensed": False},
    },
    "look": {"is_done": False, "reference": "", "detail": {}},
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("steps.find.detail.count > 1", True),
        ("steps.find.detail.count > 2", False),
        ("steps.find.is_done && !steps.look.is_done", True),
        ("'bob' in steps.find.detail.names", True),
        ("size(steps.find.detail.names) == 3", False),
        ("has(steps.look.detail.count)", False),
        ("steps.find.reference == 'u-1'", True),
        ("steps.find.detail.is_licensed", False),
        ("steps.find.detail.names.exists(each, each.startsWith('a'))", True),
    ],
)
def test_a_condition_is_decided_by_what_earlier_steps_returned(condition: str, *, expected: bool) -> None:
    assert problem(condition) is None
    assert holds(condition, STEPS) is expected


def test_a_condition_may_ask_of_the_item_a_loop_is_at() -> None:
    assert holds("item.state == 'stale'", {}, {"state": "stale"})
    assert not holds("item == 'b'", {}, "a")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("steps.find.detail.size > 1", "size"),
        ("steps.lock.is_done", "lock"),
        ("steps.find.detail.names[7] == 'x'", "Index error"),
        ("steps.find.reference", "neither true nor false"),
        ("steps.find.detail.count", "neither true nor false"),
        ("steps.find.detail.names > 1", "neither true nor false"),
    ],
)
def test_what_is_neither_true_nor_false_is_said_and_never_guessed(condition: str, said: str) -> None:
    with pytest.raises(UndecidableError, match=said):
        holds(condition, STEPS)


@pytest.mark.parametrize("condition", ["1 +", "ticket.summary == 'x'", "1 + 1", "'a'", "'a' + 1 == 2", "nonsense("])
def test_what_is_no_condition_is_found_before_anything_runs(condition: str) -> None:
    found = problem(condition)
    assert found is not None
    assert "\n" not in found
    with pytest.raises(UndecidableError):
        holds(condition, STEPS)


def test_a_hostile_condition_ends_soon_and_undecided() -> None:
    numbers = str(list(range(30)))
    hostile = (
        f"{numbers}.all(a, {numbers}.all(b, {numbers}.all(c, {numbers}.all(d, {numbers}.all(e, a+b+c+d+e >= 0)))))"
    )
    begun = time.process_time()
    with pytest.raises(UndecidableError):
        holds(hostile, {})
    assert time.process_time() - begun < 5
    assert holds("!'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')", {}), "expressions backtrack"
