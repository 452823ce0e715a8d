"""Clocks that disagree or jump: the PSA's own times say what is new, and nothing waits longer than it has to."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from deskhand.records.documents import Why
from deskhand.sdk.testing.faults import HtmlErrorPage
from tests.journeys.office import Haste, Listener, Office, is_note, running, wait_until

HOUR = timedelta(hours=1)
OFF = [
    pytest.param(HOUR, id="the desk is an hour ahead"),
    pytest.param(-HOUR, id="the desk is an hour behind"),
    pytest.param(48 * HOUR, id="the desk is two days ahead"),
    pytest.param(-48 * HOUR, id="the desk is two days behind"),
]


@pytest.mark.parametrize("offset", OFF)
def test_a_clock_that_is_off_finds_every_ticket_old_and_new(office: Office, offset: timedelta) -> None:
    with capture_logs() as log, office.desk(Haste(offset)) as desk, running(desk):
        wait_until(lambda: desk.worker.handled == 3, "the backlog is handled")
        for _ in range(2):
            office.new_ticket()
        wait_until(lambda: desk.worker.handled == 5, "tickets that came since are handled")
        late = office.new_ticket()
        wait_until(lambda: office.desk_notes(late), "and one more")
        wait_until(lambda: desk.worker.handled == 6, "to its end")
    warned = any("check both clocks" in line["event"] for line in log)
    assert warned == (offset < -24 * HOUR), "the PSA seems to live in the future"
    office.assert_nothing_lost()


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_is_set_while_the_desk_runs_holds_nothing_up(office: Office, jump: timedelta) -> None:
    def set_clock(_why: Why) -> None:
        haste.offset += jump

    haste = Haste()
    office.host.faults.schedule(HtmlErrorPage(502), matching=is_note)
    with office.desk(haste) as desk:
        desk.run(Listener(set_clock), drain=True)
        assert len(haste.pauses) < 200, "the ticket that was put off half a minute waited for the clock to catch up"
    office.assert_nothing_lost()
    office.new_ticket()
    office.work(haste)
    office.assert_nothing_lost()


def test_a_clock_set_back_between_two_starts_keeps_the_record_whole(office: Office) -> None:
    office.work(Haste(24 * HOUR))
    office.new_ticket()
    office.work(Haste(-24 * HOUR))
    office.assert_nothing_lost()
