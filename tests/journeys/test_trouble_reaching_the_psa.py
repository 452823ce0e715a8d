"""The PSA is down, or asks for a pause: the desk says so, waits, goes on by itself, and nothing is lost or doubled."""

import threading

from structlog.testing import capture_logs

from deskhand.desk.health import Light
from deskhand.records.documents import Why
from deskhand.sdk.testing.faults import DropBefore, Throttle
from tests.journeys.office import PATIENCE, Haste, Listener, Office, is_note, light, running, wait_until


def test_a_psa_that_is_down_at_the_start_is_waited_for(office: Office) -> None:
    office.host.stop()
    with capture_logs() as log, office.desk() as desk, running(desk, drain=True) as thread:
        wait_until(lambda: not light(desk, "psa").is_well, "the health document tells")
        assert "127.0.0.1" in light(desk, "psa").detail
        assert "did not connect" in light(desk, "psa").detail
        assert light(desk, "stores").is_well
        office.host.start()
        thread.join(PATIENCE)
        assert light(desk, "psa").is_well
    told = [line for line in log if line["event"] == "work pauses"]
    assert len(told) == 1, "an outage is one line, however long it lasts"
    assert told[0]["next"] == "it goes on by itself; nothing is lost"
    office.assert_nothing_lost()


def test_a_psa_that_goes_down_between_two_tickets_is_waited_for(office: Office) -> None:
    def go_down(_why: Why) -> None:
        if len(listener.handled_tickets) == 1:
            office.host.stop()

    listener = Listener(go_down)
    with office.desk() as desk, running(desk, listener, drain=True) as thread:
        wait_until(lambda: not light(desk, "psa").is_well, "the health document tells")
        assert len(listener.handled_tickets) == 1
        office.host.start()
        thread.join(PATIENCE)
        assert light(desk, "psa").is_well
    office.assert_nothing_lost()


def test_a_psa_that_goes_down_in_the_middle_of_a_ticket_is_waited_for(office: Office) -> None:
    haste = Haste()
    office.host.faults.schedule(DropBefore(), times=1000, matching=is_note)
    with office.desk(haste) as desk, running(desk, drain=True) as thread:
        wait_until(lambda: sum(haste.pauses) > 120, "two minutes of trouble")
        assert not any(office.desk_notes(ticket) for ticket in office.tickets)
        office.host.faults.clear()
        thread.join(PATIENCE)
    office.assert_nothing_lost()


def test_an_outage_while_polling_shows_and_passes(office: Office) -> None:
    with office.desk() as desk, running(desk):
        wait_until(lambda: desk.worker.handled == 3, "the first tickets are handled")
        office.host.stop()
        wait_until(lambda: not light(desk, "psa").is_well, "the health document tells")
        assert "cannot be reached or answers with faults" in light(desk, "psa").detail
        assert "nothing is lost" in light(desk, "psa").detail
        office.host.start()
        office.new_ticket()
        wait_until(lambda: desk.worker.handled == 4, "a ticket that came after the outage is handled")
        wait_until(lambda: light(desk, "psa").is_well, "the light is green again")
    office.assert_nothing_lost()


def test_a_storm_of_429_is_sat_out_as_long_as_the_psa_asks(office: Office) -> None:
    class Storm(Haste):
        def wait(self, stop: threading.Event, seconds: float) -> None:
            super().wait(stop, seconds)
            lights.append(light(desk, "psa"))
            if len(self.pauses) == 3:
                office.host.faults.clear()

    lights: list[Light] = []
    storm = Storm()
    office.host.faults.schedule(Throttle(45), times=1000)
    with office.desk(storm) as desk:
        desk.run(Listener(), drain=True)
        assert light(desk, "psa").is_well
    assert storm.pauses[:3] == [45, 45, 45]
    assert all("429" in each.detail for each in lights[:3])
    office.assert_nothing_lost()


def test_a_storm_of_429_over_the_notes_themselves_doubles_none(office: Office) -> None:
    haste = Haste()
    office.host.faults.schedule(Throttle(20), times=2, matching=is_note)
    office.host.faults.schedule(Throttle(0), times=3, matching=is_note)
    office.work(haste)
    assert [each for each in haste.pauses if each > 1] == [20, 20]
    assert not office.host.faults.pending
    office.assert_nothing_lost()


def test_a_storm_costs_one_request_a_pause(office: Office) -> None:
    haste = Haste()
    office.host.faults.schedule(Throttle(300), times=4)
    before = office.host.requests
    office.work(haste)
    calm = office.host.requests - before - 4
    assert haste.pauses[:4] == [300] * 4
    assert calm <= 12 * len(office.tickets) + 20
