from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from deskhand.governance.anchoring.place import Sealed
from deskhand.records import work
from deskhand.records.audit.checkpoints import Checkpoint
from deskhand.records.database import Records, url_of
from deskhand.records.schema import checkpoints
from tests.core.governance.anchoring.authority import Authority

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Watch:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **spans: float) -> None:
        self.now += timedelta(**spans)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def records(tmp_path: Path, watch: Watch) -> Iterator[Records]:
    opened = Records.open(url_of(tmp_path / "records.db"), clock=watch)
    yield opened
    opened.close()


def write(records: Records, *tickets: str) -> None:
    """Put so many things on the record."""
    with records.transaction("intake") as transaction:
        for ticket in tickets:
            work.enqueue(transaction, "psa_example", ticket, "1", reason="new")


def sealed_now(records: Records) -> Sealed:
    """Sign what is new and return the newest checkpoint."""
    records.checkpoint()
    with records.reading() as connection:
        note = connection.execute(select(checkpoints.c.note).order_by(checkpoints.c.epoch.desc())).scalars().first()
    assert note is not None
    return Sealed(Checkpoint.read(note), note)


@pytest.fixture
def seal(records: Records) -> Callable[..., Sealed]:
    def more(*tickets: str) -> Sealed:
        write(records, *tickets)
        return sealed_now(records)

    return more


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
