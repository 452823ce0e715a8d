from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from deskhand.records import cursors
from deskhand.records.canonical import read_time, written_time
from deskhand.records.cursors import Cursor
from deskhand.records.database import Records
from tests.core.records.examples import PSA, START


def test_a_connector_that_was_never_read_begins_with_its_history(records: Records) -> None:
    assert cursors.read(records, PSA) == Cursor(since=None, after=None, highest=None, phase="backfill")


def test_a_cursor_is_where_it_was_moved_to(records: Records) -> None:
    elsewhere = Cursor(since=START, after="page 2", highest=START + timedelta(microseconds=1), phase="poll")
    for cursor in (Cursor(after="9"), elsewhere):
        with records.transaction("intake") as transaction:
            cursors.move(transaction, PSA, cursor)
        assert cursors.read(records, PSA) == cursor
    assert cursors.read(records, "psa_other") == Cursor()


def test_a_poll_that_finds_nothing_leaves_no_entry(records: Records) -> None:
    for _ in range(2):
        with records.transaction("intake") as transaction:
            cursors.move(transaction, PSA, Cursor(since=START, phase="poll"))
    assert [entry.kind for entry in records.audit_entries()] == ["cursor.moved"]


ZONES = st.integers(-12, 12).map(lambda hours: timezone(timedelta(hours=hours)))
MOMENTS = st.builds(lambda zone, seconds: datetime.fromtimestamp(seconds, zone), ZONES, st.floats(0, 4e9))


@given(MOMENTS, MOMENTS)
def test_written_times_sort_as_times_and_come_back(first: datetime, second: datetime) -> None:
    assert (written_time(first) < written_time(second)) == (first < second)
    assert read_time(written_time(first)) == first
    assert written_time(first) == written_time(first.astimezone(UTC))
