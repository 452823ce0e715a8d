"""Every request the connector sends and every answer the simulator gives, held against Twilio's own documents."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from openapi_core.exceptions import OpenAPIError

from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost
from deskhand_notify_twilio.actions import ACTIONS
from deskhand_notify_twilio.arguments import CheckArguments, SmsArguments, StartArguments
from deskhand_notify_twilio.connector import Twilio
from deskhand_notify_twilio.simulator import TwilioSimulator
from tests.conformance.twilio_specification import fields_of, needs_documents, specification
from tests.plugins.notify_twilio.practice import ADA, BOB, COMPANY, OWN_COMPANY, account, connect, person
from tests.repository import ROOT

pytestmark = needs_documents

Exchange = tuple[SimulatedRequest, SimulatedResponse]
SEND, BEGIN, CHECK, CALL, CHECK_CALL = ACTIONS
OPEN = frozenset({"lookup", "sna", "price", "channel_data"})
"""Members of answers that the documents leave open."""
CHECKED_FIELDS = {"MessagingServiceSid": "MG1", "VerificationSid": "VE1", "Status": "done"}
"""Fields of forms that the documents say more of than that they are text, each with a wrong value."""


@contextmanager
def rejected() -> Iterator[None]:
    with pytest.raises(OpenAPIError):
        yield


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    """Have the connector do everything it can, once."""
    heard: list[Exchange] = []
    simulator = account()
    with SimulatorHost(simulator, observer=lambda *each: heard.append(each)) as host:
        connector = connect(host.url, callback_url="http://127.0.0.1:9/callbacks/notify_twilio")
        connector.check()
        send_and_find(connector, simulator)
        prove(connector, simulator)
        connector.close()
    return heard


def send_and_find(connector: Twilio, simulator: TwilioSimulator) -> None:
    connector.send(ADA, "Hello")
    for company in (COMPANY, OWN_COMPANY):
        sms = SmsArguments(company_id=company, to=ADA, text="Grüße & =+%")
        SEND.inspect(connector, sms)
        receipt = SEND.apply(connector, sms, company)
        for _ in range(5):
            assert SEND.verify(connector, sms, receipt)
            simulator.advance()
        assert SEND.probe is not None
        assert SEND.probe(connector, sms, company) is not None
    for number in range(200):
        connector.send(BOB, f"{number}")
    assert connector.message_under(BOB, "none") is None


def prove(connector: Twilio, simulator: TwilioSimulator) -> None:
    start = StartArguments(company_id=COMPANY, to=ADA)
    receipt = BEGIN.apply(connector, start, "key")
    assert BEGIN.verify(connector, start, receipt)
    assert not connector.is_proven(f"{receipt.detail['service']}:{receipt.reference}", "000000")
    given = {"company_id": COMPANY, "to": ADA, "verification_sid": receipt.reference, "code": simulator.code(ADA)}
    check = CheckArguments.model_validate(given)
    CHECK.inspect(connector, check)
    assert CHECK.verify(connector, check, CHECK.apply(connector, check, "key"))
    called = CALL.apply(connector, start, "call")
    assert CALL.verify(connector, start, called)
    heard = CheckArguments.model_validate({**given, "verification_sid": called.reference, "code": simulator.code(ADA)})
    assert CHECK_CALL.verify(connector, heard, CHECK_CALL.apply(connector, heard, "call"))
    connector.challenge(person(ADA))
    assert BEGIN.undo is not None
    BEGIN.undo(connector, start, {}, BEGIN.apply(connector, start, "key"))


def documented_operations() -> set[str]:
    readme = (ROOT / "plugins" / "notify_twilio" / "README.md").read_text(encoding="utf-8")
    return set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`]+)`", readme))


def name_of(request: SimulatedRequest) -> str:
    return specification(request).operation(request)


def one_of_each(exchanges: list[Exchange]) -> dict[str, Exchange]:
    """Keep one exchange an operation, the last of the largest."""
    return {name_of(each[0]): each for each in sorted(exchanges, key=lambda each: len(each[1].body))}


def holders(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk through the records of an answer: itself, and the first of a listing with what tells of the listing."""
    yield answer
    for name in ("messages", "attempts"):
        if name in answer:
            yield answer[name][0]
    if "meta" in answer:
        yield answer["meta"]


def one_wrong_at_a_time(response: SimulatedResponse) -> Iterator[tuple[str, SimulatedResponse]]:
    answer = json.loads(response.body)
    for holder in list(holders(answer)):
        for member in list(holder.keys() - OPEN):
            kept, holder[member] = holder[member], "text" if isinstance(holder[member], dict | list) else {"no": []}
            yield member, replace(response, body=json.dumps(answer).encode())
            holder[member] = kept


def test_every_request_is_what_the_documents_say(exchanges: list[Exchange]) -> None:
    for request, _ in exchanges:
        specification(request).judge_request(request)


def test_every_answer_is_what_the_documents_say(exchanges: list[Exchange]) -> None:
    for request, response in exchanges:
        assert response.status < 300, request.path
        specification(request).judge_answer(request, response)


def test_the_readme_lists_every_operation_that_is_used_and_no_other(exchanges: list[Exchange]) -> None:
    assert one_of_each(exchanges).keys() == documented_operations()


def test_every_call_says_who_asks(exchanges: list[Exchange]) -> None:
    assert {request.headers["authorization"].split()[0] for request, _ in exchanges} == {"Basic"}


def test_the_documents_would_reject_a_request_that_does_not_say_who_asks(exchanges: list[Exchange]) -> None:
    for request, _ in one_of_each(exchanges).values():
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        with rejected():
            specification(request).judge_request(replace(request, headers=headers))


def test_the_documents_would_reject_an_identifier_of_another_kind_in_an_address(exchanges: list[Exchange]) -> None:
    judged = set()
    for name, (request, _) in one_of_each(exchanges).items():
        if "Sid}" in name:
            judged.add(name)
            damaged = re.sub(r"/(AC|VA)[0-9a-f]{32}", r"/XX1", request.path)
            with rejected():
                specification(request).judge_request(replace(request, path=damaged))
    assert len(judged) == len(documented_operations()) - 1


def test_the_documents_would_reject_a_body_that_is_no_form(exchanges: list[Exchange]) -> None:
    posts = [request for request, _ in one_of_each(exchanges).values() if request.method == "POST"]
    assert len(posts) == 4
    for request in posts:
        headers = {**request.headers, "content-type": "application/json"}
        with rejected():
            specification(request).judge_request(replace(request, headers=headers, body=b"{}"))


def test_the_documents_would_reject_a_form_that_lacks_what_it_needs(exchanges: list[Exchange]) -> None:
    judged = 0
    for request, _ in one_of_each(exchanges).values():
        for field in {"To", "Channel"} & fields_of(request).keys():
            rest = {each: value for each, value in fields_of(request).items() if each != field}
            judged += 1
            with rejected():
                specification(request).judge_request(replace(request, body=urlencode(rest).encode()))
    assert judged == 3


def test_the_documents_would_reject_a_wrong_or_unknown_field(exchanges: list[Exchange]) -> None:
    judged: set[str] = set()
    for request, _ in exchanges:
        fields = fields_of(request)
        for field in CHECKED_FIELDS.keys() & fields.keys() - judged:
            judged.add(field)
            damaged = {**fields, field: CHECKED_FIELDS[field]}
            with rejected():
                specification(request).judge_request(replace(request, body=urlencode(damaged).encode()))
        if request.method == "POST":
            with rejected():
                body = urlencode({**fields, "MadeUp": "1"}).encode()
                specification(request).judge_request(replace(request, body=body))
    assert judged == CHECKED_FIELDS.keys()


def test_the_documents_would_reject_a_wrong_or_unknown_parameter(exchanges: list[Exchange]) -> None:
    listings = [request for request, _ in exchanges if request.query]
    for request in listings:
        for damaged in ({"PageSize": ("many",)}, {"MadeUp": ("1",)}):
            with rejected():
                specification(request).judge_request(replace(request, query={**request.query, **damaged}))
    assert len({name_of(request) for request in listings}) == 2


def test_the_documents_would_reject_any_member_of_an_answer_of_another_type(exchanges: list[Exchange]) -> None:
    judged = 0
    for request, response in one_of_each(exchanges).values():
        for member, damaged in one_wrong_at_a_time(response):
            judged += 1
            try:
                specification(request).judge_answer(request, damaged)
            except OpenAPIError:
                continue
            pytest.fail(f"{name_of(request)}: {member} may be anything")
    assert judged > 120


def test_the_documents_would_reject_another_status(exchanges: list[Exchange]) -> None:
    for request, response in one_of_each(exchanges).values():
        with rejected():
            specification(request).judge_answer(request, replace(response, status=299))


def test_a_refusal_of_verify_is_what_the_document_says(exchanges: list[Exchange]) -> None:
    request, _ = one_of_each(exchanges)["POST /v2/Services/{ServiceSid}/Verifications"]
    simulator = account(requests_per_minute=0)
    answer = simulator.handle(request)
    assert answer.status == 429
    specification(request).judge_answer(request, answer)
    damaged = {**json.loads(answer.body), "code": "text"}
    with rejected():
        specification(request).judge_answer(request, replace(answer, body=json.dumps(damaged).encode()))
