"""The time as a database server tells it: machines that work on one record store must not differ about it."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from deskhand.records.database import connect, location_of
from deskhand.records.failures import explained


@dataclass(slots=True)
class ServerClock:
    """A clock that goes as a server's did when it was last heard of. Thread-safe."""

    _heard: tuple[datetime, float] = field(default=(datetime.min.replace(tzinfo=UTC), 0.0), init=False)

    @classmethod
    def of(cls, url: str) -> Self:
        """Ask a server for the time. Raises RecordsUnavailableError."""
        clock, engine = cls(), connect(url)
        try:
            with explained(location_of(make_url(url))), engine.connect() as connection:
                clock.hear(connection.execute(select(func.clock_timestamp())).scalar_one())
        finally:
            engine.dispose()
        return clock

    def hear(self, now: datetime) -> None:
        """Take note of the server's time, as it was told just now."""
        self._heard = (now.astimezone(UTC), time.monotonic())

    def __call__(self) -> datetime:
        """Return the present moment."""
        heard, then = self._heard
        return heard + timedelta(seconds=time.monotonic() - then)
