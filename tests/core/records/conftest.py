from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deskhand.records.database import Records, url_of
from tests.core.records.examples import START


class SteppingClock:
    """A second passes with every look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now.astimezone(UTC)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def url(database_url: str) -> str:
    """Return where the record store is: on SQLite, and again on PostgreSQL."""
    return database_url


@pytest.fixture
def records(url: str, file: Path, clock: SteppingClock) -> Iterator[Records]:
    opened = Records.open(url, clock=clock, signing=file)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_url(file: Path) -> str:
    """Return where a record store is that a test gets at by its file."""
    return url_of(file)


@pytest.fixture
def sqlite_records(sqlite_url: str, clock: SteppingClock) -> Iterator[Records]:
    opened = Records.open(sqlite_url, clock=clock)
    yield opened
    opened.close()
