from collections.abc import Callable
from datetime import timedelta

import pytest

from deskhand.intake.intake import PollReport, StoppedError
from deskhand.mirror.mirror import MirrorUnavailableError
from deskhand.records import cursors
from deskhand.records.cursors import Cursor
from deskhand.sdk.errors import NotFoundError, UnavailableError
from deskhand.sdk.models import Signal, SignalSource
from tests.core.intake.desk_side import Death, DeskSide
from tests.core.intake.pocket_psa import START, PocketPsa

OpenDesk = Callable[..., DeskSide]


@pytest.fixture
def desk(psa: PocketPsa, open_desk: OpenDesk) -> DeskSide:
    """A desk that has begun, before any ticket."""
    begun = open_desk()
    begun.intake.poll()
    psa.calls.clear()
    return begun


def hint(ticket_id: str, connector: str = "psa_pocket") -> Signal:
    return Signal(connector, ticket_id, SignalSource.CALLBACK, START)


def test_a_new_ticket_is_mirrored_and_queued_once(psa: PocketPsa, desk: DeskSide) -> None:
    psa.open_ticket()
    assert desk.intake.poll() == PollReport(seen=1, new=1, enqueued=1)
    assert desk.intake.poll() == PollReport(seen=1, new=0, enqueued=0)
    psa.change("1", summary="changed")
    assert desk.intake.poll() == PollReport(seen=1, new=1, enqueued=0)
    desk.assert_mirrors(psa)
    assert desk.enqueued_on_record == ["1"]


def test_a_ticket_that_was_closed_before_it_was_seen_is_not_queued(psa: PocketPsa, desk: DeskSide) -> None:
    psa.close_ticket(psa.open_ticket())
    desk.intake.poll()
    assert desk.queued == []


def test_a_quiet_poll_costs_one_request_and_puts_nothing_on_the_record(psa: PocketPsa, desk: DeskSide) -> None:
    psa.open_ticket()
    desk.intake.poll()
    desk.intake.poll()
    with desk.records.reading() as connection:
        before = connection.exec_driver_sql("select count(*) from audit").scalar()
    psa.calls.clear()
    for _ in range(3):
        psa.tick(60)
        desk.intake.poll()
    with desk.records.reading() as connection:
        assert connection.exec_driver_sql("select count(*) from audit").scalar() == before
    assert psa.calls == {"tickets_since": 3}


def test_the_cursor_rests_an_overlap_before_the_newest_change(psa: PocketPsa, desk: DeskSide) -> None:
    psa.tick(1000)
    psa.open_ticket()
    desk.intake.poll()
    newest = START + timedelta(seconds=1000)
    since = newest - timedelta(seconds=desk.settings.overlap_seconds)
    assert cursors.read(desk.records, psa.name) == Cursor(since, None, newest, "poll")


def test_a_change_that_the_psa_shows_late_is_found_within_the_overlap(psa: PocketPsa, desk: DeskSide) -> None:
    psa.open_ticket()
    late = psa.open_ticket("committed late")
    hidden = psa.tickets.pop(int(late))
    psa.tick(100)
    psa.change("1")
    desk.intake.poll()
    psa.tickets[int(late)] = hidden
    desk.intake.poll()
    assert desk.queued == ["1", "2"]


def test_a_change_behind_the_page_being_read_is_found_by_the_next_sweep(psa: PocketPsa, open_desk: OpenDesk) -> None:
    desk = open_desk(overlap_seconds=0)
    desk.intake.poll()
    for _ in range(9):
        psa.tick()
        psa.open_ticket()

    def interfere(call: str) -> None:
        if call == "tickets_since" and psa.calls[call] == 3:
            psa.tick(500)
            psa.change("1", summary="behind, and earlier")
            psa.tick(500)
            psa.change("9", summary="ahead, and later")

    psa.calls.clear()
    psa.before = interfere
    desk.intake.poll()
    stored = desk.mirror.ticket("1")
    assert stored is not None
    assert stored.summary != "behind, and earlier"
    desk.intake.poll()
    desk.assert_mirrors(psa)


def test_a_sweep_that_fails_goes_on_at_the_page_where_it_failed(psa: PocketPsa, desk: DeskSide) -> None:
    for _ in range(8):
        psa.tick()
        psa.open_ticket()

    def fail(call: str) -> None:
        if psa.calls[call] == 3:
            raise UnavailableError("psa_pocket is down")

    psa.before = fail
    with pytest.raises(UnavailableError):
        desk.intake.poll()
    assert desk.queued == ["1", "2", "3", "4", "5", "6"]
    desk.restart()
    assert desk.intake.poll() == PollReport(seen=2, new=2, enqueued=2)


def test_reading_a_ticket_mirrors_it_with_its_notes(psa: PocketPsa, desk: DeskSide) -> None:
    psa.open_ticket("vpn drops")
    ticket, notes = desk.intake.read_ticket("1")
    assert (ticket, notes) == (psa.tickets[1], tuple(psa.written["1"]))
    assert desk.mirror.ticket("1") == ticket
    assert desk.mirror.notes("1") == notes
    with pytest.raises(NotFoundError):
        desk.intake.read_ticket("2")


def test_the_mirror_is_written_before_the_cursor_moves(psa: PocketPsa, desk: DeskSide) -> None:
    psa.open_ticket()
    desk.fuse.deadly = desk.fuse.crossed + 3  # before a mirror write, after it, before the transaction
    with pytest.raises(Death):
        desk.intake.poll()
    assert desk.mirror.ticket("1") is not None
    assert desk.queued == []
    assert cursors.read(desk.records, psa.name).highest is None
    desk.restart()
    desk.intake.poll()
    assert desk.queued == ["1"]


def test_a_full_disk_under_the_mirror_holds_the_cursor_and_loses_nothing(psa: PocketPsa, desk: DeskSide) -> None:
    before = cursors.read(desk.records, psa.name)
    for _ in range(3):
        psa.open_ticket("x" * 60_000)
    pages = desk.mirror._database.execute("pragma page_count").fetchone()[0]
    desk.mirror._database.execute(f"pragma max_page_count = {pages + 3}")
    with pytest.raises(MirrorUnavailableError, match="the disk is full"):
        desk.intake.poll()
    assert cursors.read(desk.records, psa.name) == before
    assert desk.queued == []
    desk.mirror._database.execute("pragma max_page_count = 1000000")
    desk.intake.poll()
    desk.assert_mirrors(psa)
    assert desk.enqueued_on_record == ["1", "2", "3"]


def test_a_thousand_callbacks_for_one_ticket_cause_one_reading(psa: PocketPsa, desk: DeskSide) -> None:
    psa.open_ticket()
    for _ in range(1000):
        desk.intake.hint(hint("1"))
    for _ in range(3):
        desk.intake.follow_hints()
        desk.intake.hint(hint("1"))
    assert psa.calls["ticket"] == 1
    assert desk.enqueued_on_record == ["1"]
    psa.tick(11)
    desk.intake.follow_hints()
    assert psa.calls["ticket"] == 2


def test_a_hint_reads_the_ticket_and_queues_it_without_moving_the_cursor(psa: PocketPsa, desk: DeskSide) -> None:
    psa.open_ticket()
    before = cursors.read(desk.records, psa.name)
    assert desk.intake.hint(hint("1"))
    assert desk.intake.follow_hints() == PollReport(1, 1, 1)
    assert cursors.read(desk.records, psa.name) == before
    assert desk.intake.poll() == PollReport(1, 0, 0)


@pytest.mark.parametrize("ticket_id", ["404", "../../companies/1", "", "9" * 65, "1 or 1=1", "1\n"])
def test_a_hint_for_what_does_not_exist_is_harmless(psa: PocketPsa, desk: DeskSide, ticket_id: str) -> None:
    psa.open_ticket()
    desk.intake.hint(hint(ticket_id))
    desk.intake.hint(hint("1"))
    assert desk.intake.follow_hints().enqueued == 1


def test_hints_are_bounded_and_only_for_this_connector(psa: PocketPsa, desk: DeskSide) -> None:
    assert not desk.intake.hint(hint("1", "psa_other"))
    taken = [desk.intake.hint(hint(str(number))) for number in range(1500)]
    assert sum(taken) == 1000
    desk.intake.follow_hints()
    assert psa.calls["ticket"] == 1000


def test_a_hint_before_the_first_backfill_does_not_queue_the_backlog(psa: PocketPsa, open_desk: OpenDesk) -> None:
    psa.open_ticket()
    desk = open_desk()
    desk.intake.hint(hint("1"))
    desk.intake.follow_hints()
    desk.intake.poll()
    desk.intake.follow_hints()
    assert desk.queued == []


def test_a_sweep_stops_between_two_pages_when_told_to(psa: PocketPsa, desk: DeskSide) -> None:
    for _ in range(9):
        psa.open_ticket()
    psa.after = lambda _call: desk.intake.stopping.set()
    with pytest.raises(StoppedError):
        desk.intake.poll()
    assert psa.calls["tickets_since"] == 1
    assert desk.queued == ["1", "2", "3"]
    desk.restart()
    psa.after = lambda _call: None
    desk.intake.poll()
    assert desk.enqueued_on_record == [str(number) for number in range(1, 10)]
