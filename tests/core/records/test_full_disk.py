import resource
from collections.abc import Callable

import pytest
from sqlalchemy import text

from deskhand.records import work
from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, RecordsUnavailableError
from deskhand.sdk.clock import Clock, utc_now
from tests.core.records import children
from tests.core.records.examples import enqueue


def test_a_full_disk_says_so_loses_nothing_and_goes_on_when_there_is_room(sqlite_url: str, clock: Clock) -> None:
    records = Records.open(sqlite_url, clock=clock)
    with records.reading() as connection:
        connection.execute(text("PRAGMA max_page_count=40"))
    written = 0
    with pytest.raises(RecordsUnavailableError, match="disk is full: free some space"):  # noqa: PT012  # sooner or later
        while True:
            enqueue(records, str(written))
            written += 1
    assert written > 5
    assert work.counts(records)["pending"] == written == len(records.audit_entries())
    enqueue(records, "room again")
    assert work.counts(records)["pending"] == written + 1
    assert verify(sqlite_url).entries == written + 1
    assert verify(sqlite_url).ok
    records.close()


def write_until_refused(url: str, say: Callable[[str], None]) -> None:
    records = Records.open(url, clock=utc_now)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    written, refused = 0, 0
    while refused < 3:
        try:
            enqueue(records, str(written + refused))
            written += 1
        except RecordsUnavailableError as error:
            refused += 1
            say(str(error))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    enqueue(records, "room again")
    say(str(written + 1))


def test_a_write_that_the_system_refuses_is_told_and_the_same_process_goes_on(sqlite_url: str) -> None:
    status, said = children.start(lambda say: write_until_refused(sqlite_url, say)).wait()
    assert status == 0
    *refusals, written = said.decode().splitlines()
    assert all("the disk cannot be read or written (full" in refusal for refusal in refusals), refusals
    records = Records.open(sqlite_url, clock=utc_now)
    assert work.counts(records)["pending"] == int(written)
    assert verify(sqlite_url).entries == int(written)
    assert verify(sqlite_url).ok
    records.close()
