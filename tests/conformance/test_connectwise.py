"""Every request the connector sends and every answer the simulator gives, held against the vendor's document."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from openapi_core.exceptions import OpenAPIError

from deskhand.sdk.models import NewTicket, NoteKind, Reference, TicketUpdate, TimeEntry
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost
from deskhand_psa_connectwise.actions import ACTIONS, NoteArguments, TimeArguments, TriageArguments
from deskhand_psa_connectwise.conditions import any_of
from deskhand_psa_connectwise.connector import ConnectWise
from tests.conformance.connectwise_specification import is_judged, needs_document, specification
from tests.plugins.psa_connectwise.practice import Practice, connect, practice
from tests.repository import ROOT

pytestmark = needs_document

Exchange = tuple[SimulatedRequest, SimulatedResponse]
BODIES = {"POST", "PATCH"}


@contextmanager
def rejected() -> Iterator[None]:
    with pytest.raises(OpenAPIError):
        yield


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    """Have the connector do everything it can, once."""
    heard: list[Exchange] = []
    msp = practice()
    with SimulatorHost(msp.simulator, observer=lambda *each: heard.append(each)) as host:
        connector = connect(host.url, callback_url="http://127.0.0.1:9/callbacks/psa_connectwise", page_size=100)
        read_everything(connector, msp)
        write_everything(connector, msp)
        act_and_undo(connector, msp)
        connector.close()
    return [each for each in heard if is_judged(each[0])]


def read_everything(connector: ConnectWise, msp: Practice) -> None:
    connector.check()
    connector.tickets_since(datetime(2026, 1, 1, tzinfo=UTC), "1")
    connector.client.page("/service/tickets", conditions=any_of("id", list(range(10_000, 10_400))))
    connector.notes(str(msp.ticket))
    connector.time_entries(str(msp.ticket))
    connector.boards()
    connector.taxonomy(str(msp.board))
    connector.priorities()
    connector.people_by_email("ada.king@ada.example")
    connector.members()
    for listing in (connector.companies(), connector.people(), connector.devices()):
        assert list(listing)


def write_everything(connector: ConnectWise, msp: Practice) -> None:
    ticket = str(msp.ticket)
    new = NewTicket("New laptop", str(msp.company), str(msp.board), "For Monday, please.", str(msp.contact))
    connector.create_ticket(new)
    connector.update_ticket(ticket, TicketUpdate(priority_id=msp.named("priorities", "Priority 2 - High")))
    for kind in NoteKind:
        connector.add_note(ticket, "A note", kind)
    started = datetime(2026, 3, 2, 9, tzinfo=UTC)
    connector.add_time_entry(TimeEntry("", ticket, Reference(str(msp.member), "Jo"), started, 0.5, "Work"))
    registration = connector.callbacks
    registration.ensure()
    next(iter(msp.simulator.state["callbacks"]))["inactiveFlag"] = True
    registration.ensure()
    registration.remove()


def act_and_undo(connector: ConnectWise, msp: Practice) -> None:
    ticket = str(msp.ticket)
    arguments: dict[type[Any], Any] = {
        NoteArguments: NoteArguments(ticket_id=ticket, text="Seen before"),
        TriageArguments: TriageArguments(ticket_id=ticket, type_id=msp.named("types", "Spam", msp.board)),
        TimeArguments: TimeArguments(
            ticket_id=ticket, started_at=datetime(2026, 3, 2, 9, tzinfo=UTC), hours=0.25, notes="Work"
        ),
    }
    for action in ACTIONS:
        given = arguments[action.arguments]
        before = action.inspect(connector, given)
        receipt = action.apply(connector, given, "key-1")
        assert action.verify(connector, given, receipt)
        assert action.probe is None or action.probe(connector, given, "key-1") == receipt
        assert action.undo is not None
        action.undo(connector, given, before.prior_state, receipt)


def documented_operations() -> set[str]:
    readme = (ROOT / "plugins" / "psa_connectwise" / "README.md").read_text(encoding="utf-8")
    return set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /(?!login)[^`]+)`", readme))


def one_of_each(exchanges: list[Exchange]) -> dict[str, Exchange]:
    """Keep one exchange an operation, the first whose answer holds a record."""
    kept: dict[str, Exchange] = {}
    for request, response in exchanges:
        name = specification().operation(request)
        if name not in kept or kept[name][1].body == b"[]":
            kept[name] = (request, response)
    return kept


def one_wrong_at_a_time(value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  # any JSON
    record = value[0] if isinstance(value, list) else value
    for key, each in record.items():
        damaged = {**record, key: "text" if isinstance(each, dict) else {"neither": []}}
        yield key, [damaged] if isinstance(value, list) else damaged


def test_every_request_is_what_the_document_says(exchanges: list[Exchange]) -> None:
    for request, _ in exchanges:
        specification().judge_request(request)


def test_every_answer_is_what_the_document_says(exchanges: list[Exchange]) -> None:
    for request, response in exchanges:
        assert response.status < 300, request.path
        specification().judge_answer(request, response)


def test_the_readme_lists_every_operation_that_is_used_and_no_other(exchanges: list[Exchange]) -> None:
    assert one_of_each(exchanges).keys() == documented_operations()


def test_every_call_says_who_asks_and_pins_the_version(exchanges: list[Exchange]) -> None:
    for request, _ in exchanges:
        assert request.headers["clientid"]
        assert request.headers["authorization"].startswith("Basic ")
        assert request.headers["accept"] == "application/vnd.connectwise.com+json; version=2025.1"


def test_no_address_is_longer_than_the_vendor_recommends(exchanges: list[Exchange]) -> None:
    for request, _ in exchanges:
        query = "&".join(f"{name}={value}" for name, values in request.query.items() for value in values)
        assert len(request.path) + len(query) < 1745


def test_the_document_would_reject_a_request_that_does_not_say_who_asks(exchanges: list[Exchange]) -> None:
    for request, _ in one_of_each(exchanges).values():
        headers = {name: value for name, value in request.headers.items() if name != "clientid"}
        with rejected():
            specification().judge_request(replace(request, headers=headers))


def test_the_document_would_reject_any_member_of_a_body_of_another_type(exchanges: list[Exchange]) -> None:
    judged = 0
    for request, _ in one_of_each(exchanges).values():
        if request.method not in BODIES:
            assert not request.body
            continue
        for member, damaged in one_wrong_at_a_time(request.json()):
            if request.method == "PATCH" and member == "value":
                continue  # the document leaves it open, as the vendor's own is wrong about it
            judged += 1
            with rejected():
                specification().judge_request(replace(request, body=json.dumps(damaged).encode()))
    assert judged > 20


def test_the_document_would_reject_a_body_of_another_shape(exchanges: list[Exchange]) -> None:
    for request, _ in one_of_each(exchanges).values():
        if request.method in BODIES:
            body = request.json()
            other = body[0] if isinstance(body, list) else [body]
            with rejected():
                specification().judge_request(replace(request, body=json.dumps(other).encode()))


def test_the_document_would_reject_any_member_of_an_answer_of_another_type(exchanges: list[Exchange]) -> None:
    judged = 0
    for request, response in one_of_each(exchanges).values():
        if not response.body:
            continue
        answer = json.loads(response.body)
        assert answer, f"{request.method} {request.path} shows no record"
        for _member, damaged in one_wrong_at_a_time(answer):
            judged += 1
            with rejected():
                specification().judge_answer(request, replace(response, body=json.dumps(damaged).encode()))
    assert judged > 200


def test_the_document_would_reject_an_answer_with_a_member_it_does_not_know(exchanges: list[Exchange]) -> None:
    for request, response in one_of_each(exchanges).values():
        if response.body:
            answer = json.loads(response.body)
            record = {**(answer[0] if isinstance(answer, list) else answer), "madeUp": 1}
            body = json.dumps([record] if isinstance(answer, list) else record).encode()
            with rejected():
                specification().judge_answer(request, replace(response, body=body))


def test_the_document_would_reject_another_answer_to_a_deletion(exchanges: list[Exchange]) -> None:
    deletions = [request for request, response in one_of_each(exchanges).values() if not response.body]
    assert {request.method for request in deletions} == {"DELETE"}
    for request in deletions:
        with rejected():
            specification().judge_answer(request, SimulatedResponse(200, b"{}", {"Content-Type": "application/json"}))
