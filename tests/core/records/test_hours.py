"""Hours by the clock on the client's wall, also on the days when that clock jumps; the oracle is the C library's."""

import calendar
import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.records.grants import Hours

ZONES = (
    *("Europe/Berlin", "Europe/London", "America/New_York", "America/St_Johns", "America/Sao_Paulo", "UTC"),
    *("Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Chatham", "Africa/Casablanca"),
)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
needs_zones = pytest.mark.skipif(
    not Path("/usr/share/zoneinfo/Europe/Berlin").exists(),
    reason="the system has no time zones: apt-get install tzdata",
)


@contextmanager
def living_in(zone: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        try:
            yield
        finally:
            patch.undo()
            time.tzset()


def wall(zone: str, moment: datetime) -> time.struct_time:
    """Read the clock on the wall as the C library does."""
    with pytest.MonkeyPatch.context() as patch, living_in(zone, patch):
        return time.localtime(calendar.timegm(moment.utctimetuple()))


def oracle(hours: Hours, moment: datetime) -> bool:
    """Say whether some listed day's hours, which may reach into the next, hold what the wall's clock shows."""
    clock = wall(hours.zone, moment)
    day, minute = datetime(clock.tm_year, clock.tm_mon, clock.tm_mday), clock.tm_hour * 60 + clock.tm_min  # noqa: DTZ001  # a wall's
    opens, closes = (int(each[:2]) * 60 + int(each[3:]) for each in (hours.opens, hours.closes))
    for back in (0, 1):
        begun = day - timedelta(days=back)
        lasts_until = closes if closes > opens else closes + 24 * 60
        if begun.isoweekday() in hours.days and opens <= minute + back * 24 * 60 < lasts_until:
            return True
    return False


@cache
def jumps(zone: str) -> tuple[datetime, ...]:
    """Find the hours of two years in which the clock on the wall jumps, by looking at it."""
    if zone == "UTC":
        return (FIRST,)
    offsets = {}
    for hour in range(0, 2 * 366 * 24, 24):
        moment = FIRST + timedelta(hours=hour)
        offsets[moment] = wall(zone, moment).tm_gmtoff
    days = list(offsets)
    found = [one for one, other in itertools.pairwise(days) if offsets[one] != offsets[other]]
    return tuple(found) or (FIRST,)


def face(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


minutes = st.integers(0, 24 * 60 - 1)


@needs_zones
@settings(max_examples=400, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    opens=minutes,
    closes=minutes,
    days=st.sets(st.integers(1, 7), min_size=1),
    jump=st.integers(0, 10),
    after=st.integers(-26 * 60, 50 * 60),
    seconds=st.integers(0, 59),
)
def test_hours_are_what_the_wall_says_also_where_its_clock_jumps(
    zone: str, opens: int, closes: int, days: set[int], jump: int, after: int, seconds: int
) -> None:
    if opens == closes:
        return
    near = jumps(zone)
    moment = near[jump % len(near)] + timedelta(minutes=after, seconds=seconds)
    hours = Hours(zone=zone, days=tuple(days), opens=face(opens), closes=face(closes))
    assert hours.cover(moment) is oracle(hours, moment)


def minutes_open(hours: Hours, day: datetime) -> int:
    return sum(hours.cover(day + timedelta(minutes=minute)) for minute in range(24 * 60))


@pytest.mark.parametrize(
    ("opens", "closes", "spring", "usual", "autumn"),
    [
        ("02:15", "02:45", 0, 30, 60),  # an hour that is not there in spring and twice there in autumn
        ("01:30", "03:30", 60, 120, 180),
        ("00:00", "24:00", 23 * 60, 24 * 60, 25 * 60),
        ("08:00", "18:00", 600, 600, 600),
    ],
)
def test_an_hour_that_is_skipped_is_not_open_and_one_that_comes_twice_is_open_twice(
    opens: str, closes: str, spring: int, usual: int, autumn: int
) -> None:
    """Sundays in Berlin: the clocks went forward on 2026-03-29 and back on 2026-10-25."""
    hours = Hours(zone="Europe/Berlin", days=(7,), opens=opens, closes=closes)
    days = (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 21, 23, tzinfo=UTC))
    assert [minutes_open(hours, day) for day in days] == [spring, usual]
    begun = datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert sum(hours.cover(begun + timedelta(minutes=minute)) for minute in range(25 * 60)) == autumn


def test_an_oracle_that_did_not_jump_would_be_noticed() -> None:
    """The control: without its jumps the zone is wrong for half of the year."""
    hours = Hours(zone="Europe/Berlin", opens="08:00", closes="18:00")
    fixed = Hours(zone="Etc/GMT-1", opens="08:00", closes="18:00")
    summer, winter = datetime(2026, 7, 10, 6, 30, tzinfo=UTC), datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
    assert (hours.cover(summer), fixed.cover(summer)) == (True, False)
    assert (hours.cover(winter), fixed.cover(winter)) == (False, False)
