"""Answers that are cut short, are some proxy's page, or never come: read again where that is safe, found where not."""

import itertools
import threading
from collections.abc import Mapping

import pytest

from deskhand.records import work
from deskhand.records.documents import FieldName
from deskhand.sdk.testing import SimulatedRequest
from deskhand.sdk.testing.faults import (
    DropAfterEffect,
    DropBefore,
    Fault,
    Held,
    HtmlErrorPage,
    Latency,
    Matching,
    ServerError,
    Throttle,
    TruncatedBody,
)
from tests.journeys.office import PATIENCE, Listener, Office, is_note, is_read, is_update, light, running, wait_until

FAULTS: Mapping[str, Fault] = {
    "truncated body": TruncatedBody(),
    "HTML page with 200": HtmlErrorPage(200),
    "HTML page with 502": HtmlErrorPage(502),
    "500": ServerError(500),
    "dropped before the effect": DropBefore(),
    "dropped after the effect": DropAfterEffect(),
    "429": Throttle(0),
}
LONGER_THAN_PATIENCE = 5
"""The client asks four times at most; then it is the desk's turn to wait."""


def about(ticket: str, matching: Matching) -> Matching:
    return lambda request: matching(request) and f"/tickets/{ticket}" in request.path


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_written_is_written_once(office: Office, fault: Fault) -> None:
    first, second = office.tickets[:2]
    office.host.faults.schedule(fault, matching=about(first, is_note))
    office.host.faults.schedule(fault, matching=about(first, is_update))
    office.host.faults.schedule(fault, LONGER_THAN_PATIENCE, about(second, is_update))
    office.work()
    assert not office.host.faults.pending
    office.assert_nothing_lost()
    for why in office.explanations().values():
        assert FieldName.TYPE in why.applied, why.reasons


def test_what_is_read_is_read_again(office: Office) -> None:
    reads = itertools.count()
    current = 0

    def count(request: SimulatedRequest) -> bool:
        nonlocal current
        current = next(reads) if is_read(request) else current
        return False

    def turn(place: int) -> Matching:
        return lambda request: is_read(request) and current % 21 == place

    office.host.faults.schedule(Latency(0), matching=count)
    for place, fault in enumerate(FAULTS.values()):
        office.host.faults.schedule(fault, 10_000, turn(place * 3))
    office.work()
    assert current > 60
    office.assert_nothing_lost()


def test_notes_whose_answers_go_astray_again_and_again_are_written_once(office: Office) -> None:
    for fault in (HtmlErrorPage(200), HtmlErrorPage(502), DropBefore(), DropAfterEffect()):
        office.host.faults.schedule(fault, times=len(office.tickets), matching=is_note)
    office.work()
    assert not office.host.faults.pending
    assert office.simulator.requests["POST /service/tickets/{id}/notes"] == len(office.tickets)
    office.assert_nothing_lost()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (TruncatedBody(), "failed: "),
        (HtmlErrorPage(200), "its answer is an HTML page"),
        (HtmlErrorPage(502), "was answered with 502"),
    ],
)
def test_nonsense_that_goes_on_is_told_and_ends_by_itself(office: Office, fault: Fault, told: str) -> None:
    office.host.faults.schedule(fault, times=10_000)
    with office.desk() as desk, running(desk, drain=True) as thread:
        wait_until(lambda: told in light(desk, "psa").detail, "the health document tells")
        assert "<" not in light(desk, "psa").detail, "nothing of the page itself"
        office.host.faults.clear()
        thread.join(PATIENCE)
    office.assert_nothing_lost()


def test_a_note_whose_answer_was_lost_is_found_and_not_written_again(office: Office) -> None:
    office.host.faults.schedule(DropAfterEffect(), matching=is_note)
    office.work()
    assert office.simulator.requests["POST /service/tickets/{id}/notes"] == len(office.tickets)
    office.assert_nothing_lost()


def test_a_note_that_takes_effect_after_the_desk_gave_up_waiting_is_found_and_not_written_again(office: Office) -> None:
    late = about(office.tickets[0], is_note)
    held, landed = Held(threading.Event()), threading.Event()
    office.host.faults.schedule(held, matching=late)
    office.on_answer = lambda request: landed.set() if late(request) else None
    connectors = {name: {**section, "timeout_seconds": 2} for name, section in office.sections["connectors"].items()}
    with office.desk(connectors=connectors) as desk:
        hurry = desk.worker.wait

        def wait(stop: threading.Event, seconds: float) -> None:
            """Let the note land as the desk comes to rest: no time has passed for it yet."""
            assert work.counts(desk.records)["pending"] == 1
            held.released.set()
            assert landed.wait(PATIENCE)
            hurry(stop, seconds)

        desk.worker.wait = wait
        desk.run(Listener(), drain=True)
    assert held.released.is_set(), "the desk did not wait before it tried again"
    assert office.simulator.requests["POST /service/tickets/{id}/notes"] == len(office.tickets)
    office.assert_nothing_lost()
