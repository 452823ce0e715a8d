import threading

from hypothesis import given
from hypothesis import strategies as st

from deskhand.sdk.budget import RateBudget
from tests.core.sdk.scripted_vendor import Naps


@given(st.integers(1, 2000), st.lists(st.floats(0, 30), max_size=80))
def test_no_minute_ever_sees_more_than_the_budget(per_minute: int, idle: list[float]) -> None:
    clock = Naps()
    budget = RateBudget(per_minute, sleep=clock.sleep, monotonic=clock.monotonic)
    moments = []
    for pause in [*idle, *[0.0] * (min(per_minute, 200) + 5)]:
        clock.now += pause
        budget.spend()
        moments.append(clock.now)
    for start in moments:
        assert sum(start <= moment < start + 59.999 for moment in moments) <= per_minute


@given(st.integers(1, 600))
def test_the_budget_can_be_used_up(per_minute: int) -> None:
    clock = Naps()
    budget = RateBudget(per_minute, sleep=clock.sleep, monotonic=clock.monotonic)
    for _ in range(per_minute * 5):
        budget.spend()
    assert clock.now <= 5 * 60 * (1 + 0.12)


def test_a_tenth_may_go_at_once() -> None:
    clock = Naps()
    budget = RateBudget(100, sleep=clock.sleep, monotonic=clock.monotonic)
    for _ in range(10):
        budget.spend()
    assert clock.taken == []
    budget.spend()
    assert 0 < clock.taken[0] < 1


def test_threads_wait_their_turn_together() -> None:
    waits: list[float] = []
    budget = RateBudget(600, sleep=waits.append, monotonic=lambda: 0.0)

    def spend() -> None:
        for _ in range(50):
            budget.spend()

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waits) == len(set(waits)) == 400 - 60
