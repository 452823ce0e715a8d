"""twilio, the vendor's own client, works against the simulator. It knows its hosts by name: one line mends that."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from deskhand.sdk.testing import RoutedSimulator, SimulatedRequest, SimulatedResponse, SimulatorHost, route
from deskhand_notify_twilio.simulator import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    FROM_NUMBER,
    KEY_SECRET,
    KEY_SID,
    MESSAGING_SERVICE,
    VERIFY_SERVICE,
    TwilioSimulator,
)
from tests.plugins.notify_twilio.practice import ADA, BOB, CALLBACKS, HandClock, account


class LoopbackClient(TwilioHttpClient):  # type: ignore[misc]  # it ships no types
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Response:  # noqa: ANN401  # as there
        asked = urlsplit(url)
        assert asked.hostname in {"api.twilio.com", "verify.twilio.com"}
        return super().request(method, url.replace(f"https://{asked.netloc}", self.url, 1), *arguments, **options)


class Desk(RoutedSimulator):
    """Stands where callbacks go, and keeps what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[SimulatedRequest] = []

    @route("POST", CALLBACKS)
    def hear(self, request: SimulatedRequest) -> SimulatedResponse:
        self.heard.append(request)
        return SimulatedResponse(200, b"ok")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def simulator(clock: HandClock) -> TwilioSimulator:
    return account(clock)


@pytest.fixture
def host(simulator: TwilioSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorHost]:
    monkeypatch.setenv("NO_PROXY", "*")
    with SimulatorHost(simulator) as host:
        yield host


def opened(host: SimulatorHost, name: str = KEY_SID, secret: str = KEY_SECRET) -> Client:
    return Client(name, secret, ACCOUNT_SID, http_client=LoopbackClient(host.url))


@pytest.fixture
def client(host: SimulatorHost) -> Client:
    return opened(host)


def test_sends_reads_and_lists_messages(client: Client) -> None:
    sent = [client.messages.create(to=ADA, from_=FROM_NUMBER, body=f"Grüße {number}") for number in range(5)]
    by_service = client.messages.create(to=BOB, messaging_service_sid=MESSAGING_SERVICE, body="Hello")
    assert (sent[0].status, sent[0].num_segments, by_service.status) == ("queued", "1", "accepted")
    assert client.messages(sent[0].sid or "").fetch().body == "Grüße 0"
    found = client.messages.list(to=ADA, page_size=2)
    assert [each.sid for each in found] == [each.sid for each in reversed(sent)]
    assert found[0].date_created is not None


def test_filters_by_the_day_of_sending_redacts_and_deletes(client: Client, simulator: TwilioSimulator) -> None:
    sid = client.messages.create(to=ADA, from_=FROM_NUMBER, body="Hello").sid or ""
    assert client.messages.list(date_sent=date(2026, 3, 2)) == []
    for _ in range(2):
        simulator.advance()
    assert [each.sid for each in client.messages.list(date_sent_after=date(2026, 3, 2))] == [sid]
    assert client.messages(sid).update(body="").body == ""
    assert client.messages(sid).delete() is True
    assert client.messages.list() == []


def test_its_validator_accepts_the_callbacks_that_are_posted(
    client: Client, simulator: TwilioSimulator, host: SimulatorHost
) -> None:
    desk, validator = Desk(), RequestValidator(AUTH_TOKEN)
    with SimulatorHost(desk) as listening:
        url = f"{listening.url}{CALLBACKS}"
        simulator.events_url = url
        client.messages.create(to=ADA, from_=FROM_NUMBER, body="Hello", status_callback=url)
        simulator.advance()
        client.verify.v2.services(VERIFY_SERVICE).verifications.create(to=ADA, channel="sms")
        assert host.settle()
    form, event = desk.heard
    fields = dict(pair.split("=", 1) for pair in form.body.decode().replace("%2B", "+").split("&"))
    assert validator.validate(url, fields, form.headers["x-twilio-signature"])
    signed = f"{url}?bodySHA256={event.parameter('bodySHA256')}"
    assert validator.validate(signed, event.body.decode(), event.headers["x-twilio-signature"])
    assert not validator.validate(signed, event.body.decode() + " ", event.headers["x-twilio-signature"])


def test_verifies_a_person(client: Client, simulator: TwilioSimulator) -> None:
    service = client.verify.v2.services(VERIFY_SERVICE)
    assert service.fetch().friendly_name == "Rehearsal"
    started = service.verifications.create(to=ADA, channel="sms")
    assert service.verifications(started.sid or "").fetch().status == "pending"
    assert service.verification_checks.create(to=ADA, code="000000").status == "pending"
    checked = service.verification_checks.create(verification_sid=started.sid or "", code=simulator.code(ADA))
    assert (checked.status, checked.valid) == ("approved", True)
    attempts = client.verify.v2.verification_attempts.list(verification_sid=started.sid or "")
    assert [each.conversion_status for each in attempts] == ["converted"]


def test_cancels_a_verification(client: Client) -> None:
    verifications = client.verify.v2.services(VERIFY_SERVICE).verifications
    started = verifications.create(to=ADA, channel="sms")
    assert verifications(started.sid or "").update(status="canceled").status == "canceled"
    with pytest.raises(TwilioRestException) as raised:
        verifications(started.sid or "").fetch()
    assert (raised.value.status, raised.value.code) == (404, 20404)


@pytest.mark.parametrize(("number", "code"), [("01632", 21211), (BOB, 21610)])
def test_is_refused_what_twilio_refuses(client: Client, simulator: TwilioSimulator, number: str, code: int) -> None:
    simulator.opted_out.add(BOB)
    with pytest.raises(TwilioRestException) as raised:
        client.messages.create(to=number, from_=FROM_NUMBER, body="Hello")
    assert (raised.value.status, raised.value.code) == (400, code)


def test_is_locked_after_five_wrong_codes_and_refused_after_ten_minutes(
    client: Client, simulator: TwilioSimulator, clock: HandClock
) -> None:
    service = client.verify.v2.services(VERIFY_SERVICE)
    service.verifications.create(to=ADA, channel="sms")
    code = simulator.code(ADA)
    for _ in range(5):
        assert service.verification_checks.create(to=ADA, code="000000").status == "pending"
    told = []
    for minutes in (0, 10):
        clock.pass_by(minutes=minutes)
        with pytest.raises(TwilioRestException) as raised:
            service.verification_checks.create(to=ADA, code=code)
        told.append((raised.value.status, raised.value.code))
    assert told == [(429, 60202), (404, 20404)]


def test_a_wrong_secret_and_throttling_are_told(host: SimulatorHost, simulator: TwilioSimulator) -> None:
    simulator.requests_per_minute = 0
    told = []
    for secret in ("wrong", AUTH_TOKEN):
        with pytest.raises(TwilioRestException) as raised:
            opened(host, ACCOUNT_SID, secret).verify.v2.services(VERIFY_SERVICE).fetch()
        told.append((raised.value.status, raised.value.code))
    assert told == [(401, 20003), (429, 20429)]
