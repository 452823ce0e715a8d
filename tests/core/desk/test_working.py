"""What follows from each way an attempt can end: pauses, putting off, giving up; and that work goes on."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from deskhand.desk.desk import Desk
from deskhand.desk.working import LONGEST_PAUSE, MOST_ATTEMPTS
from deskhand.records import work
from deskhand.records.documents import OutcomeKind
from deskhand.sdk.testing import SimulatedRequest, SimulatorHost
from deskhand.sdk.testing.faults import DropAfterEffect, ExpiredToken, ServerError, Throttle
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import PSA, Hurry, Msp, drain, hurried


@pytest.fixture
def hurry() -> Hurry:
    return Hurry()


@pytest.fixture
def desk(configured: Configure, hurry: Hurry) -> Iterator[Desk]:
    with hurried(configured(limits={"breaker_failures": 100}), hurry) as desk:  # what a breaker adds is told below
        yield desk


class Reads:
    """Requests for one ticket's notes, the first thing that is asked about it alone."""

    def __init__(self, ticket: str) -> None:
        self.ticket = ticket
        self.times = 0

    def __call__(self, request: SimulatedRequest) -> bool:
        is_it = request.path.endswith(f"/tickets/{self.ticket}/allNotes")
        self.times += is_it
        return is_it


def kinds(desk: Desk, ticket: str) -> list[str]:
    return [entry.kind for entry in desk.records.audit_entries(ticket=ticket)]


def prepare(desk: Desk) -> None:
    desk.intake.backfill(lambda _done, _total: None)
    desk.intake.poll()


def test_a_defect_of_ours_is_tried_five_times_later_and_later_and_then_given_to_a_person(
    desk: Desk, msp: Msp, hurry: Hurry
) -> None:
    ticket = msp.ticket()
    prepare(desk)  # and nothing learned: no triager
    started = hurry()
    with capture_logs() as logged:
        desk.worker.run(threading.Event(), until_empty=True)
    assert kinds(desk, ticket).count("work.postponed") == MOST_ATTEMPTS - 1
    assert work.counts(desk.records)["needs review"] == 1
    assert (hurry() - started).total_seconds() >= 30 + 60 + 120 + 240
    failures = [each for each in logged if each["event"] == "step failed"]
    assert len(failures) == MOST_ATTEMPTS
    assert {each["error"] for each in failures} == {"RuntimeError"}
    assert msp.notes(ticket) == []


def test_a_defect_with_one_ticket_holds_up_no_other(desk: Desk, msp: Msp) -> None:
    msp.ticket()
    msp.ticket()
    prepare(desk)
    with capture_logs():
        desk.worker.run(threading.Event(), until_empty=True)
    assert work.counts(desk.records) == {"pending": 0, "done": 0, "quarantined": 0, "needs review": 2}


def test_refused_credentials_pause_the_desk_longer_and_longer_until_they_are_mended(
    desk: Desk, msp: Msp, host: SimulatorHost, hurry: Hurry
) -> None:
    ticket = msp.ticket()
    prepare(desk)
    desk.judgement.learn()
    host.faults.schedule(ExpiredToken(), times=24)  # the ticket is asked for, and then how the PSA is
    with capture_logs() as logged:
        desk.worker.run(threading.Event(), until_empty=True)
    assert len(msp.notes(ticket)) == 1
    assert hurry.pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert max(hurry.pauses) == LONGEST_PAUSE
    events = [each["event"] for each in logged]
    assert events.count("work pauses") == 1
    assert events.index("work pauses") < events.index("work goes on")
    assert desk.worker.psa_trouble is None
    assert "work.postponed" not in kinds(desk, ticket)


def test_trouble_shows_while_it_lasts(desk: Desk, msp: Msp, host: SimulatorHost, hurry: Hurry) -> None:
    msp.ticket()
    prepare(desk)
    desk.judgement.learn()
    host.faults.schedule(ExpiredToken(), times=4)
    seen: list[tuple[bool, str]] = []

    def wait(stop: threading.Event, seconds: float) -> None:
        psa = next(light for light in desk.health().lights if light.name == "psa")
        seen.append((psa.is_well, psa.text))
        hurry.wait(stop, seconds)

    desk.worker.wait = wait
    desk.worker.run(threading.Event(), until_empty=True)
    assert seen == [(False, "PSA in trouble")] * 2
    assert desk.health().is_well


def test_a_pause_the_psa_asks_for_is_kept(desk: Desk, msp: Msp, host: SimulatorHost, hurry: Hurry) -> None:
    ticket = msp.ticket()
    prepare(desk)
    desk.judgement.learn()
    host.faults.schedule(Throttle(90), times=1, matching=Reads(ticket))
    desk.worker.run(threading.Event(), until_empty=True)
    assert hurry.pauses == [90]
    assert "work.postponed" not in kinds(desk, ticket)


def test_a_ticket_whose_trouble_is_its_own_holds_up_no_other_and_is_not_given_up(
    desk: Desk, msp: Msp, host: SimulatorHost, hurry: Hurry
) -> None:
    poison, *others = (msp.ticket(f"Ticket {number}") for number in range(6))
    broken = Reads(poison)
    host.faults.schedule(ExpiredToken(), times=1000, matching=broken)
    prepare(desk)
    desk.judgement.learn()
    ends: list[str] = []
    stop = threading.Event()
    desk.worker.on_handled = lambda why: ends.append(why.ticket_id)
    desk.worker.on_idle = lambda: stop.set() if broken.times > 2 * MOST_ATTEMPTS else None
    started = hurry()
    desk.worker.run(stop)
    assert (ends, hurry.pauses) == (others, [])
    assert (hurry() - started).total_seconds() > 30 + 60 + 120 + 240 + 480 + 960
    assert work.counts(desk.records) == {"pending": 1, "done": 5, "quarantined": 0, "needs review": 0}
    host.faults.clear()
    desk.worker.on_idle = lambda: None
    desk.worker.run(threading.Event(), until_empty=True)
    assert ends[-1] == poison
    assert len(msp.notes(poison)) == 1


def test_told_to_stop_it_stops_between_two_tickets(desk: Desk, msp: Msp) -> None:
    for _ in range(3):
        msp.ticket()
    prepare(desk)
    desk.judgement.learn()
    stop = threading.Event()
    desk.worker.on_handled = lambda _why: stop.set()
    desk.worker.run(stop)
    assert desk.worker.handled == 1
    assert work.counts(desk.records)["pending"] == 2


def test_a_step_of_intake_is_insisted_on_until_it_is_done(desk: Desk, host: SimulatorHost, hurry: Hurry) -> None:
    host.faults.schedule(ExpiredToken(), times=3)
    steps: list[str] = []

    def step() -> None:
        desk.connections.ticket_system.check()
        steps.append("done")

    desk.worker.insist(step, threading.Event())
    assert (steps, hurry.pauses) == (["done"], [1, 2, 4])


def test_or_until_it_is_told_to_stop(desk: Desk, host: SimulatorHost) -> None:
    host.faults.schedule(ExpiredToken(), times=1000)
    stop = threading.Event()
    desk.worker.wait = lambda event, _seconds: event.set()
    desk.worker.insist(desk.connections.ticket_system.check, stop)
    assert stop.is_set()


def test_a_closed_ticket_is_left_alone_and_so_is_one_that_is_gone(desk: Desk, msp: Msp) -> None:
    closed, gone = msp.ticket("Closed meanwhile"), msp.ticket("Deleted meanwhile")
    prepare(desk)
    desk.judgement.learn()
    msp.close(closed, "Hardware")
    msp.psa.state["tickets"].remove(int(gone))
    whys = drain(desk)
    assert {whys[each].outcome for each in (closed, gone)} == {OutcomeKind.LEFT_ALONE}
    assert "already closed" in whys[closed].reasons[0]
    assert "no longer exists" in whys[gone].reasons[0]


@pytest.mark.parametrize("seconds", [5, 30, 300])
def test_what_was_given_up_on_has_longer_than_that_to_take_effect_before_it_is_read_again(
    configured: Configure, msp: Msp, host: SimulatorHost, seconds: int
) -> None:
    section = {**configured().connectors[PSA], "timeout_seconds": seconds}
    ticket = msp.ticket()
    host.faults.schedule(DropAfterEffect(), matching=lambda request: request.method == "POST")
    with hurried(configured(connectors={PSA: section})) as desk:
        drain(desk)
        (postponed,) = (each for each in desk.records.audit_entries(ticket=ticket) if each.kind == "work.postponed")
    until = datetime.fromisoformat(str(postponed.detail["until"]))
    assert timedelta(seconds=seconds + 25) < until - postponed.at < timedelta(seconds=seconds + 35)
    assert len(msp.notes(ticket)) == 1


def test_a_vendor_that_fails_for_a_while_is_waited_out(desk: Desk, msp: Msp, host: SimulatorHost) -> None:
    ticket = msp.ticket()
    prepare(desk)
    desk.judgement.learn()
    host.faults.schedule(ServerError(503), times=8)
    desk.worker.run(threading.Event(), until_empty=True)
    assert len(msp.notes(ticket)) == 1


def lights(desk: Desk) -> dict[str, str]:
    return {each.name: each.text for each in desk.health().lights if not each.is_well}


def test_a_psa_that_stays_down_is_hardly_asked_any_more_and_then_all_goes_on_by_itself(
    configured: Configure, msp: Msp, host: SimulatorHost, hurry: Hurry
) -> None:
    ticket, seen = msp.ticket(), dict[str, str]()
    with hurried(configured(), hurry) as desk:
        prepare(desk)
        desk.judgement.learn()
        pause = desk.worker.wait

        def waiting(stop: threading.Event, seconds: float) -> None:
            seen.update(lights(desk))
            pause(stop, seconds)

        desk.worker.wait = waiting
        host.faults.schedule(ServerError(503), times=40)
        desk.worker.run(threading.Event(), until_empty=True)
        opened = [each.kind for each in desk.records.audit_entries() if each.kind.startswith("circuit.")]
        assert (opened[0], opened[-1], opened.count("circuit.opened")) == ("circuit.opened", "circuit.closed", 1)
        assert seen == {"psa": "PSA in trouble", f"calls {PSA}": f"Calls to {PSA} have stopped"}
        assert lights(desk) == {}
    assert sum(hurry.pauses) > 15 + 30 + 60 + 120
    assert len(msp.notes(ticket)) == 1


def test_a_budget_that_is_used_up_is_waited_out_and_no_ticket_is_lost(
    configured: Configure, msp: Msp, hurry: Hurry
) -> None:
    tickets = [msp.ticket() for _ in range(12)]
    section = {**configured().connectors[PSA], "vendor_calls_per_hour": 100, "budget_share": 0.5}
    with hurried(configured(connectors={PSA: section}), hurry) as desk:
        began = hurry()
        desk.worker.insist(lambda: desk.intake.backfill(lambda _done, _total: None), threading.Event())
        desk.worker.insist(desk.intake.poll, threading.Event())
        desk.judgement.learn()
        seen: set[str] = set()
        pause = desk.worker.wait

        def waiting(stop: threading.Event, seconds: float) -> None:
            seen.update(lights(desk).values())
            pause(stop, seconds)

        desk.worker.wait = waiting
        desk.worker.run(threading.Event(), until_empty=True)
    assert [len(msp.notes(each)) for each in tickets] == [1] * 12
    assert "Calls to the PSA are held back" in seen
    assert hurry() - began > timedelta(hours=1)
