"""A store on a server, opened by a process that neither makes nor signs it."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, RecordsUnavailableError
from deskhand.records.server import LONGEST_IDLE_MILLISECONDS
from deskhand.records.server_clock import ServerClock
from deskhand.sdk.clock import utc_now


def test_whoever_joins_writes_what_the_owners_key_vouches_for_and_makes_no_key(
    postgresql_url: str, tmp_path: Path
) -> None:
    owner = Records.open(postgresql_url, clock=utc_now, signing=tmp_path / "signing")
    files = set(tmp_path.iterdir())
    joined = Records.join(postgresql_url, clock=utc_now)
    with joined.transaction("hand") as transaction:
        transaction.audit("test.written")
    assert set(tmp_path.iterdir()) == files
    assert owner.checkpoint() is not None
    with pytest.raises(RuntimeError, match="only the process that opened this store signs"):
        joined.checkpoint()
    joined.close()
    owner.close()
    found = verify(postgresql_url, signing=tmp_path / "signing")
    assert (found.ok, found.covered) == (True, found.entries)


def test_a_store_nobody_made_is_not_made_by_joining_it(postgresql_url: str) -> None:
    for _ in range(2):
        with pytest.raises(RecordsUnavailableError, match="start the desk first"):
            Records.join(postgresql_url, clock=utc_now)


def test_a_store_of_another_version_is_not_joined(postgresql_url: str, tmp_path: Path) -> None:
    Records.open(postgresql_url, clock=utc_now, signing=tmp_path / "signing").close()
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE store SET version = version + 1"))
    engine.dispose()
    with pytest.raises(RecordsUnavailableError, match="run the same deskhand"):
        Records.join(postgresql_url, clock=utc_now)


def test_a_clock_goes_as_the_server_told(postgresql_url: str) -> None:
    clock = ServerClock.of(postgresql_url)
    assert abs(clock() - utc_now()) < timedelta(seconds=5)  # the tests' server goes by this machine's clock
    ahead = utc_now() + timedelta(hours=3)
    clock.hear(ahead)
    time.sleep(0.01)
    assert timedelta(0) < clock() - ahead < timedelta(seconds=5)


def test_a_process_that_stands_still_in_a_transaction_holds_nobody_up_for_long(
    postgresql_url: str, tmp_path: Path
) -> None:
    records = Records.open(postgresql_url, clock=utc_now, signing=tmp_path / "signing")
    other = Records.join(postgresql_url, clock=utc_now)
    with pytest.raises(RecordsUnavailableError), other.transaction("hand") as transaction:  # noqa: PT012  # its end fails
        transaction.audit("test.lost")
        time.sleep(LONGEST_IDLE_MILLISECONDS / 1000 + 1)
        with records.transaction("desk") as mine:
            mine.audit("test.kept")
    assert [each.kind for each in records.audit_entries() if each.kind.startswith("test.")] == ["test.kept"]
    other.close()
    records.close()
