import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from deskhand.records import cursors
from deskhand.sdk.errors import AuthorizationError, NotFoundError, UnavailableError
from tests.core.intake.desk_side import DeskSide
from tests.core.intake.pocket_psa import START, PocketPsa

OpenDesk = Callable[..., DeskSide]


def silent(done: int, total: int) -> None:
    del done, total


def answer(call: str) -> None:
    del call


def past_and_backlog(psa: PocketPsa) -> None:
    """Tickets 1 to 8, a day apart; the odd ones are closed."""
    for number in range(1, 9):
        ticket_id = psa.open_ticket(f"problem {number}")
        psa.tick(3600)
        if number % 2:
            psa.close_ticket(ticket_id, f"fix {number}")
        psa.tick(82_800)


def test_history_is_mirrored_with_its_notes_and_the_backlog_is_left_alone(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk()
    desk.intake.backfill(silent)
    desk.assert_mirrors(psa)
    assert desk.queued == []
    oldest, *others = desk.mirror.closed_tickets()
    assert (oldest.text, oldest.resolution) == ("problem 1\nproblem 1: please help", "fix 1")
    assert len(others) == 3
    assert desk.mirror.company("7") is not None
    assert desk.mirror.people_by_email("ada@acme.example")
    assert desk.mirror.devices_by_name("acme-lt-01")
    assert desk.mirror.taxonomy("1") is not None
    assert len(desk.mirror.priorities()) == 2


def test_the_backlog_is_queued_where_settings_say_so(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk(triage_backlog=True)
    desk.intake.backfill(silent)
    assert desk.queued == ["2", "4", "6", "8"]


def test_only_tickets_created_since_the_first_start_are_queued(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk()
    desk.intake.poll()
    psa.change("2", summary="an old one changes")
    new = psa.open_ticket("a new one")
    desk.intake.poll()
    assert desk.queued == [new]


@pytest.mark.parametrize("whole_seconds", [True, False])
def test_tickets_of_the_very_second_of_the_first_start_are_told_apart(
    psa: PocketPsa, open_desk: OpenDesk, *, whole_seconds: bool
) -> None:
    psa.whole_seconds = whole_seconds
    psa.open_ticket("before")
    psa.open_ticket("also before")
    desk = open_desk()
    desk.intake.poll()
    new = psa.open_ticket("after, in the same second")
    desk.intake.poll()
    desk.restart()
    desk.intake.poll()
    assert desk.queued == [new]


def test_a_ticket_that_arrives_during_the_backfill_is_queued(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk()
    started = False

    def arrive(call: str) -> None:
        nonlocal started
        if call == "tickets_since" and desk.mirror.counts()["tickets"] and not started:
            started = True
            psa.tick()
            psa.open_ticket("urgent")

    psa.before = arrive
    desk.intake.backfill(silent)
    assert desk.queued == ["9"]


def test_history_goes_back_as_far_as_settings_say(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk(history_days=3)
    desk.intake.backfill(silent)
    assert [number for number in range(1, 9) if desk.mirror.ticket(str(number))] == [5, 6, 7, 8]
    desk.lose_mirror()
    desk.settings = desk.settings.model_copy(update={"history_days": 0})
    desk.restart()
    desk.intake.backfill(silent)
    desk.assert_mirrors(psa)


def test_an_empty_psa_is_read_and_its_first_ticket_is_queued(psa: PocketPsa, open_desk: OpenDesk) -> None:
    desk = open_desk()
    desk.intake.backfill(silent)
    assert desk.intake.poll().seen == 0
    first = psa.open_ticket()
    desk.intake.poll()
    assert desk.queued == [first]


def test_a_second_backfill_reads_nothing_again(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk()
    desk.intake.backfill(silent)
    desk.restart()
    psa.calls.clear()
    desk.intake.backfill(silent)
    assert not psa.calls


def test_the_position_survives_each_page(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk(history_days=0)
    psa.calls.clear()

    def fail(call: str) -> None:
        if call == "tickets_since" and desk.mirror.counts()["tickets"] == 6:
            raise UnavailableError("psa_pocket is down")

    psa.before = fail
    with pytest.raises(UnavailableError):
        desk.intake.backfill(silent)
    assert cursors.read(desk.records, psa.name).after == "6"
    psa.before = answer
    desk.restart()
    psa.calls.clear()
    desk.intake.backfill(silent)
    assert psa.calls["tickets_since"] == 1
    desk.assert_mirrors(psa)


def test_notes_are_read_of_the_latest_closed_tickets_only_and_once(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk(history_notes=2)
    desk.intake.backfill(silent)
    assert psa.calls["notes"] == 2
    assert [desk.mirror.has_notes(ticket_id) for ticket_id in ("1", "3", "5", "7")] == [False, False, True, True]
    desk.intake.read_history(silent)
    assert psa.calls["notes"] == 2


def test_notes_read_before_a_failure_are_not_read_again(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk(readers=1)

    def fail(call: str) -> None:
        if call == "notes" and psa.calls["notes"] == 3:
            raise UnavailableError("psa_pocket is down")

    psa.before = fail
    with pytest.raises(UnavailableError):
        desk.intake.backfill(silent)
    desk.restart()
    desk.intake.backfill(silent)
    assert psa.calls["notes"] == 2 + 1 + 2
    assert all(desk.mirror.has_notes(ticket_id) for ticket_id in ("1", "3", "5", "7"))


def test_a_closed_ticket_that_is_gone_does_not_stop_the_others(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk(readers=1)

    def fail(call: str) -> None:
        if call == "notes" and psa.calls["notes"] == 1:
            raise NotFoundError("psa_pocket has no such ticket")

    psa.before = fail
    desk.intake.backfill(silent)
    assert psa.calls["notes"] == 4
    desk.intake.read_history(silent)
    assert psa.calls["notes"] == 4


def test_a_ticket_that_closes_later_becomes_history_with_its_resolution(psa: PocketPsa, open_desk: OpenDesk) -> None:
    desk = open_desk()
    desk.intake.poll()
    new = psa.open_ticket("vpn drops")
    desk.intake.poll()
    desk.intake.read_ticket(new)
    psa.tick()
    psa.close_ticket(new, "new driver")
    desk.intake.poll()
    desk.intake.read_history(silent)
    assert desk.mirror.closed_tickets()[0].resolution == "new driver"


def test_progress_is_told_with_a_total_once_one_is_known(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    told: list[tuple[int, int]] = []
    open_desk().intake.backfill(lambda done, total: told.append((done, total)))
    assert told == [(3, 0), (6, 0), (8, 0), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_missing_right_to_read_devices_is_raised_but_keeps_nothing_else_from_being_read(
    psa: PocketPsa, open_desk: OpenDesk
) -> None:
    desk = open_desk()

    def refuse(call: str) -> None:
        if call == "devices":
            raise AuthorizationError("psa_pocket refuses configurations")

    psa.before = refuse
    with pytest.raises(AuthorizationError):
        desk.intake.refresh_reference_data()
    assert len(desk.mirror.priorities()) == 2
    assert desk.mirror.taxonomy("1") is not None
    desk.intake.backfill(silent)


def test_a_rebuilt_mirror_is_filled_again_and_no_ticket_is_queued_twice(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk()
    desk.intake.backfill(silent)
    new = psa.open_ticket("handled once")
    desk.intake.poll()
    psa.tick(5000)
    unseen = psa.open_ticket("not seen before the mirror was lost")
    desk.lose_mirror()
    desk.intake.poll()
    desk.intake.read_history(silent)
    desk.assert_mirrors(psa)
    assert desk.enqueued_on_record == [new, unseen]
    assert desk.mirror.company("7") is not None
    assert all(desk.mirror.has_notes(ticket_id) for ticket_id in ("1", "3", "5", "7"))


def test_a_mirror_rebuilt_in_the_middle_of_the_backfill_misses_nothing(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    desk = open_desk(history_days=0)

    def fail(call: str) -> None:
        if call == "tickets_since" and desk.mirror.counts()["tickets"] == 6:
            raise UnavailableError("psa_pocket is down")

    psa.before = fail
    with pytest.raises(UnavailableError):
        desk.intake.backfill(silent)
    psa.before = answer
    desk.lose_mirror()
    desk.intake.backfill(silent)
    desk.assert_mirrors(psa)


@pytest.mark.parametrize(
    "ahead", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=4000), timedelta(days=-4000)]
)
def test_our_own_clock_does_not_matter(psa: PocketPsa, open_desk: OpenDesk, ahead: timedelta) -> None:
    past_and_backlog(psa)
    desk = open_desk(ahead=ahead)
    desk.intake.backfill(silent)
    for _ in range(5):
        psa.tick(600)
        psa.open_ticket()
        psa.change("2", summary=f"at {psa.now}")
        desk.intake.poll()
    desk.assert_mirrors(psa)
    assert desk.enqueued_on_record == ["9", "10", "11", "12", "13"]


def test_a_change_dated_far_in_the_future_does_not_blind_intake(psa: PocketPsa, open_desk: OpenDesk) -> None:
    past_and_backlog(psa)
    psa.tickets[1] = replace(psa.tickets[1], version="9", updated_at=START + timedelta(days=30_000))
    desk = open_desk()
    desk.intake.backfill(silent)
    psa.tick()
    new = psa.open_ticket("after the glitch")
    desk.intake.poll()
    assert desk.queued == [new]
    desk.assert_mirrors(psa)


def test_five_thousand_tickets_are_backfilled_in_seconds(psa: PocketPsa, open_desk: OpenDesk) -> None:
    psa.page_size = 1000
    for number in range(5000):
        psa.tick(60)
        ticket_id = psa.open_ticket(f"problem {number}")
        if number % 10:
            psa.close_ticket(ticket_id)
    desk = open_desk(history_notes=500)
    started = time.process_time()
    desk.intake.backfill(silent)
    assert time.process_time() - started < 8
    assert desk.mirror.counts()["tickets"] == 5000
    assert desk.mirror.counts()["past_tickets"] == 4500
    assert psa.calls["notes"] == 500
