"""Callbacks hasten and do nothing else: signed ones reach a ticket at once, replayed ones cost nothing."""

import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import pytest

from deskhand.daemon import serving
from deskhand.desk.desk import Desk
from deskhand.sdk.testing import SimulatedRequest
from deskhand.sdk.testing.faults import DuplicateCallback
from deskhand.web.app import create_app
from tests.journeys.office import PLUGIN, Office, running, wait_until

POLL_SECONDS = 3600
"""Long after every test has lost its patience."""


@contextmanager
def called_back(office: Office) -> Iterator[Desk]:
    """Run a desk that polls once an hour, with its web server, until PSA knows where to call."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    callback = {"callback_url": f"http://127.0.0.1:{port}/callbacks/{PLUGIN}"}
    connector = {**office.sections["connectors"][PLUGIN], **callback}
    with (
        office.desk(intake={"poll_seconds": POLL_SECONDS}, web={"port": port}, connectors={PLUGIN: connector}) as desk,
        serving(create_app(desk), desk.configuration.web),
        running(desk),
    ):
        wait_until(lambda: len(office.simulator.state["callbacks"]) == 1, "the callback is registered")
        wait_until(lambda: desk.worker.handled == 3, "the backlog is handled")
        yield desk


def test_a_callback_leads_to_handling_without_waiting_for_the_poll(office: Office) -> None:
    with called_back(office) as desk:
        new = office.new_ticket()
        wait_until(lambda: office.desk_notes(new), "the ticket is handled")
        wait_until(lambda: desk.worker.handled == 4, "to its end")
        assert office.host.settle()
    assert {delivery.status for delivery in office.host.deliveries} == {200}
    office.assert_nothing_lost()


def test_a_callback_delivered_twice_is_heard_once(office: Office) -> None:
    with called_back(office) as desk:
        office.host.faults.schedule(DuplicateCallback())
        new = office.new_ticket()
        wait_until(lambda: desk.worker.handled == 4, "the ticket is handled")
        assert office.host.settle()
        assert office.desk_notes(new)
    assert [delivery.status for delivery in office.host.deliveries] == [200, 200]
    office.assert_nothing_lost()


def test_a_thousand_replays_lead_to_one_reading(office: Office) -> None:
    posted: list[tuple[str, Mapping[str, str], bytes]] = []
    reads: Counter[str] = Counter()

    def count(request: SimulatedRequest) -> None:
        reads[f"{request.method} {request.path.rpartition('/')[2]}"] += 1

    office.on_answer = count
    with called_back(office) as desk:
        once = office.new_ticket()
        wait_until(lambda: desk.worker.handled == 4, "a ticket announced once is handled")
        office.simulator.deliver = lambda *message: posted.append(message)
        often = office.new_ticket()
        (url, headers, body) = posted[0]
        with httpx.Client() as vendor:
            statuses = {vendor.post(url, headers=dict(headers), content=body).status_code for _ in range(1000)}
        wait_until(lambda: desk.worker.handled == 5, "a ticket announced a thousand times is handled")
        time.sleep(1)
    assert statuses == {200}
    assert reads[f"GET {often}"] == reads[f"GET {once}"]
    assert reads["GET signingkey"] == 1
    office.assert_nothing_lost()


@pytest.mark.parametrize(
    "change", [{"x-content-signature": "AAAA"}, {"x-content-signature": ""}, {"x-content-signature": "not base64"}]
)
def test_a_forged_callback_leads_to_nothing(office: Office, change: Mapping[str, str]) -> None:
    posted: list[tuple[str, Mapping[str, str], bytes]] = []
    with called_back(office) as desk:
        office.simulator.deliver = lambda *message: posted.append(message)
        new = office.new_ticket()
        (url, headers, body) = posted[0]
        answer = httpx.post(url, headers={**headers, **change}, content=body)
        assert answer.is_client_error
        time.sleep(1)
        assert desk.worker.handled == 3
        assert not office.desk_notes(new)
