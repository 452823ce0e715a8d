import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from deskhand.records import work
from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, RecordsUnavailableError, url_of
from deskhand.sdk.clock import Clock, utc_now
from tests.core.records.examples import enqueue


def test_a_full_disk_says_so_loses_nothing_and_goes_on_when_there_is_room(url: str, clock: Clock) -> None:
    records = Records.open(url, clock=clock)
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
    assert verify(url).entries == written + 1
    assert verify(url).ok
    records.close()


UNTIL_FULL = """
import resource, sys
from deskhand.records.database import Records, RecordsUnavailableError
from deskhand.sdk.clock import utc_now
from tests.core.records.examples import enqueue
records = Records.open(sys.argv[1], clock=utc_now)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
written, failed = 0, 0
for number in range(400):
    try:
        enqueue(records, str(number))
        written += 1
    except RecordsUnavailableError as error:
        failed += 1
        assert "disk" in str(error), error
    if failed == 3:
        break
else:
    raise SystemExit("the file never grew too large")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
enqueue(records, "room again")
print(written + 1)
"""


def test_a_write_that_the_system_refuses_is_told_and_the_same_process_goes_on(file: Path) -> None:
    done = subprocess.run([sys.executable, "-c", UNTIL_FULL, url_of(file)], capture_output=True, text=True, check=False)  # noqa: S603  # our own code
    assert done.returncode == 0, done.stderr
    records = Records.open(url_of(file), clock=utc_now)
    assert work.counts(records)["pending"] == int(done.stdout)
    assert verify(url_of(file)).entries == int(done.stdout)
    assert verify(url_of(file)).ok
    records.close()
