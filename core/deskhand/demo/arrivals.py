"""When the rehearsal's tickets came in and were closed: made up, and always the same for the same moment."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

YEAR = timedelta(days=364)
RECENT = timedelta(hours=36)
_OPENING_HOUR, _OPEN_HOURS, _DAY_HOURS = 7, 11, 24


def past_moments(count: int, now: datetime, chance: Random) -> list[datetime]:
    """Spread moments over the year that ended two days before ``now``, ascending, in office hours."""
    first = now - YEAR - RECENT
    return [_in_office_hours(moment) for moment in _spread(count, first, YEAR - timedelta(days=2), chance)]


def recent_moments(count: int, now: datetime, chance: Random) -> list[datetime]:
    """Spread moments over the last day and a half before ``now``, ascending, at any hour: mail does not sleep."""
    return list(_spread(count, now - RECENT, RECENT - timedelta(minutes=1), chance))


def closing(created: datetime, hours: float, chance: Random) -> datetime:
    """Say when a ticket was closed: after the work, and after it had waited for its turn."""
    return created + timedelta(hours=hours + chance.uniform(0.2, 30))


def _spread(count: int, first: datetime, span: timedelta, chance: Random) -> Iterator[datetime]:
    """Cut the span into equal slots and take one moment of each, in whole seconds."""
    for slot in range(count):
        moment = first + span * ((slot + chance.random()) / count)
        yield moment.replace(microsecond=0)


def _in_office_hours(moment: datetime) -> datetime:
    """Press a day into its office hours; what came later stays later."""
    midnight = moment.replace(hour=0, minute=0, second=0)
    return midnight + timedelta(hours=_OPENING_HOUR) + (moment - midnight) * _OPEN_HOURS / _DAY_HOURS
