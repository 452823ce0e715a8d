from hypothesis import given
from hypothesis import strategies as st

from deskhand.governance.traffic.budget import Budget, minutes_to_wait, used
from deskhand.sdk.hooks import CallLimit
from deskhand.sdk.settings import ConnectorSettings
from deskhand.sdk.traffic import Purpose

PAGE = "https://vendor.example/limits"
AUTOTASK = CallLimit(10_000, 3600, PAGE)


def test_by_default_a_desk_uses_three_tenths_and_people_stop_last() -> None:
    budget = Budget.of(ConnectorSettings(), AUTOTASK)
    assert [budget.for_(each) for each in Purpose] == [3_000, 2_400, 1_800]


def test_a_limit_of_another_time_is_one_of_the_hour() -> None:
    assert Budget.of(ConnectorSettings(), CallLimit(1_000, 60, PAGE)).calls == 18_000
    assert Budget.of(ConnectorSettings(), CallLimit(3_000, 150, PAGE)).calls == 21_600


def test_an_administrator_has_the_last_word() -> None:
    settings = ConnectorSettings(vendor_calls_per_hour=500, budget_share=0.5, people_reserve=0)
    budget = Budget.of(settings, AUTOTASK)
    assert [budget.for_(each) for each in Purpose] == [250, 250, 250]
    assert Budget.of(ConnectorSettings(vendor_calls_per_hour=1), None).for_(Purpose.BACKGROUND) == 1


def test_where_nobody_names_a_limit_there_is_none() -> None:
    assert [Budget.of(ConnectorSettings(), None).for_(each) for each in Purpose] == [None, None, None]


@given(st.dictionaries(st.integers(800, 1_000), st.integers(1, 9), max_size=40), st.integers(1, 60))
def test_it_waits_exactly_until_one_more_call_makes_no_hour_too_full(sent: dict[int, int], allowed: int) -> None:
    """The oracle: every minute is tried, and an hour is the sixty minutes before a moment and the one it falls in."""
    by_purpose = {(minute, "people"): count for minute, count in sent.items()}

    def in_the_hour_before(minute: int) -> int:
        return sum(count for at, count in sent.items() if at in range(minute - 60, 2_000))

    wait = minutes_to_wait(by_purpose, 1_000, allowed)
    assert used(by_purpose, 1_000) == in_the_hour_before(1_000)
    assert in_the_hour_before(1_000 + wait) < allowed
    assert all(in_the_hour_before(1_000 + sooner) >= allowed for sooner in range(wait))
