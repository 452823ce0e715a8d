from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deskhand.governance.breaker import INNOCENT, Ending, Flood, MaintenanceSettings, tripped
from deskhand.records.diagnoses import FailureCause

START = datetime(2026, 1, 5, tzinfo=UTC)
SETTINGS = MaintenanceSettings()
OUTAGE, CHANGED, PERSON, POLICY = (
    FailureCause.OUTAGE,
    FailureCause.CHANGED_DATA,
    FailureCause.PERSON,
    FailureCause.POLICY,
)


def endings(*causes: FailureCause | None, version: int = 2) -> list[Ending]:
    """Newest first."""
    return [Ending(f"r-{place}", version, START - timedelta(hours=place), cause) for place, cause in enumerate(causes)]


@pytest.mark.parametrize(
    "causes",
    [
        (OUTAGE, OUTAGE, OUTAGE),
        (OUTAGE, None, OUTAGE, None, OUTAGE),
        (CHANGED, CHANGED),
        (CHANGED, FailureCause.BUG, None),
        (CHANGED, PERSON, CHANGED),
        (OUTAGE, POLICY, OUTAGE, PERSON, OUTAGE),
    ],
)
def test_it_pauses(causes: Sequence[FailureCause | None]) -> None:
    assert tripped(endings(*causes), 2, SETTINGS)


@pytest.mark.parametrize(
    "causes",
    [
        (),
        (None, None),
        (OUTAGE, OUTAGE),
        (OUTAGE, OUTAGE, None, None, None, OUTAGE),
        (CHANGED, None, CHANGED),
        (CHANGED,),
        (PERSON,) * 9,
        (POLICY,) * 9,
    ],
)
def test_it_goes_on(causes: Sequence[FailureCause | None]) -> None:
    assert tripped(endings(*causes), 2, SETTINGS) is None


def test_it_says_why_and_which_runs() -> None:
    assert tripped(endings(CHANGED, CHANGED), 2, SETTINGS) == "2 runs in a row failed with “changed data”: r-0, r-1"
    assert tripped(endings(OUTAGE, None, OUTAGE, OUTAGE), 2, SETTINGS) == "3 of the last 4 runs failed: r-0, r-2, r-3"


def test_failures_of_an_earlier_version_are_forgiven() -> None:
    assert tripped(endings(CHANGED, CHANGED, CHANGED, version=1), 2, SETTINGS) is None


def test_a_breaker_that_could_never_trip_is_refused() -> None:
    with pytest.raises(ValidationError, match="it would never pause"):
        MaintenanceSettings(pause_after=6, of_last=5)


@given(st.lists(st.none() | st.sampled_from(FailureCause)), st.integers(1, 5), st.integers(1, 3))
def test_nothing_but_failures_of_its_own_ever_pauses_it(
    causes: list[FailureCause | None], after: int, row: int
) -> None:
    settings = MaintenanceSettings(pause_after=after, of_last=5, pause_in_a_row=row)
    guilty = [each for each in causes if each is not None and each not in INNOCENT]
    if tripped(endings(*causes), 2, settings):
        assert len(guilty) >= min(after, row)
    assert tripped(endings(*([each for each in causes if each in INNOCENT or each is None])), 2, settings) is None


def test_an_automation_that_meets_its_cap_again_and_again_within_an_hour_must_pause() -> None:
    flood = Flood(MaintenanceSettings(pause_when_held_back=3))
    at = [datetime(2026, 3, 2, 12, minute, tzinfo=UTC) for minute in range(5)]
    assert [flood.met("unlock", at[0]), flood.met("other", at[0]), flood.met("unlock", at[1])] == [False] * 3
    assert flood.met("unlock", at[2])
    assert not flood.met("unlock", at[3]), "it counts anew once somebody let it go on"


def test_meeting_it_now_and_then_is_no_flood() -> None:
    flood = Flood(MaintenanceSettings(pause_when_held_back=3))
    moments = [datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(minutes=31 * each) for each in range(9)]
    assert not any(flood.met("unlock", each) for each in moments)
