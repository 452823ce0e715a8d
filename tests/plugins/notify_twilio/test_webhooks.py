import base64
import json
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from deskhand.sdk.testing import (
    DuplicateCallback,
    RoutedSimulator,
    SimulatedRequest,
    SimulatedResponse,
    SimulatorHost,
    route,
)
from deskhand.sdk.webhooks import LARGEST_BODY, Callback, CallbackReceiver, CallbackRefusedError, digest
from deskhand_notify_twilio.simulator import ACCOUNT_SID, AUTH_TOKEN, TwilioSimulator
from deskhand_notify_twilio.webhooks import (
    MOST_FIELDS,
    SIGNATURE,
    TwilioCallbacks,
    form_signature,
    json_signature,
    signed_address,
)
from tests.plugins.notify_twilio.practice import ADA, CALLBACKS, configured, connect

URL = f"https://desk.example{CALLBACKS}"
SID, VERIFICATION = "SM" + "a" * 32, "VE" + "b" * 32
FORM = "application/x-www-form-urlencoded"
FIELDS = {"AccountSid": ACCOUNT_SID, "MessageSid": SID, "MessageStatus": "delivered", "To": ADA, "Empty": ""}
EVENT: dict[str, object] = {
    "specversion": "1.0",
    "type": "com.twilio.accountsecurity.verify.verification.approved",
    "id": "NO1",
    "data": {"account_sid": ACCOUNT_SID, "verification_sid": VERIFICATION, "to": ADA},
}
Given = tuple[dict[str, str], bytes]


def receiver(**changes: object) -> TwilioCallbacks:
    return TwilioCallbacks(configured("http://127.0.0.1:9", **{"callback_url": URL, **changes}))


def a_form(fields: Mapping[str, str] = FIELDS, url: str = URL, token: str = AUTH_TOKEN) -> Given:
    """Sign a form by Twilio's own reference."""
    signature = RequestValidator(token).compute_signature(url, dict(fields))
    return {SIGNATURE: signature, "content-type": f"{FORM}; charset=utf-8"}, urlencode(fields).encode()


def some_json(value: object = (EVENT,), url: str = URL, token: str = AUTH_TOKEN) -> Given:
    """Sign JSON by Twilio's own reference."""
    body = json.dumps(value).encode()
    signature = RequestValidator(token).compute_signature(signed_address(url, body), {})
    return {SIGNATURE: signature, "content-type": "application/json"}, body


def refused(given: Given, by: CallbackReceiver | None = None) -> CallbackRefusedError:
    with pytest.raises(CallbackRefusedError) as raised:
        (by or receiver()).receive(*given)
    return raised.value


class Desk(RoutedSimulator):
    """Stands where deskhand listens, and keeps what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[SimulatedRequest] = []

    @route("POST", CALLBACKS)
    def hear(self, request: SimulatedRequest) -> SimulatedResponse:
        self.heard.append(request)
        return SimulatedResponse(200, b"ok")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def desk_host(desk: Desk) -> Iterator[SimulatorHost]:
    with SimulatorHost(desk) as host:
        yield host


def test_is_a_receiver() -> None:
    taking: CallbackReceiver = receiver()
    headers, body = a_form()
    assert taking.receive(headers, body) == Callback("message", SID, "delivered", digest(body))


def test_an_event_of_verify_becomes_a_hint() -> None:
    headers, body = some_json([EVENT])
    assert receiver().receive(headers, body) == Callback("verification", VERIFICATION, "approved", digest(body))


def test_a_messages_way_to_the_telephone_arrives_and_is_understood(
    simulator: TwilioSimulator, simulator_host: SimulatorHost, desk: Desk, desk_host: SimulatorHost
) -> None:
    url = f"{desk_host.url}{CALLBACKS}"
    connector = connect(simulator_host.url, callback_url=url)
    sid = connector.send(ADA, "Hello")
    connector.close()
    for _ in range(3):
        simulator.advance(sid)
    assert simulator_host.settle()
    taking = receiver(callback_url=url)
    heard = [taking.receive(each.headers, each.body) for each in desk.heard]
    assert [(each.record_type, each.record_id, each.action) for each in heard] == [
        ("message", sid, status) for status in ("sending", "sent", "delivered")
    ]


def test_a_verifications_life_arrives_and_is_understood(
    simulator: TwilioSimulator, simulator_host: SimulatorHost, desk: Desk, desk_host: SimulatorHost
) -> None:
    url = simulator.events_url = f"{desk_host.url}{CALLBACKS}"
    connector = connect(simulator_host.url, callback_url=url)
    _, started = connector.start("", ADA)
    connector.is_right(configured(simulator_host.url).verify_service("") or "", started.sid, simulator.code(ADA))
    connector.close()
    assert simulator_host.settle()
    taking = receiver(callback_url=url)
    heard = [taking.receive(each.headers, each.body) for each in desk.heard]
    assert {each.record_id for each in heard} == {started.sid}
    assert [each.action for each in heard] == ["pending", "approved"]


def test_a_replay_is_recognised_by_its_digest(
    simulator: TwilioSimulator, simulator_host: SimulatorHost, desk: Desk, desk_host: SimulatorHost
) -> None:
    url = f"{desk_host.url}{CALLBACKS}"
    connector = connect(simulator_host.url, callback_url=url)
    connector.send(ADA, "Hello")
    connector.close()
    simulator_host.faults.schedule(DuplicateCallback())
    for _ in range(2):
        simulator.advance()
    assert simulator_host.settle()
    digests = [receiver(callback_url=url).receive(each.headers, each.body).digest for each in desk.heard]
    assert len(digests) == 3
    assert len(set(digests)) == 2


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=8), st.sampled_from([URL, f"{URL}?a=b&c=d"]))
def test_a_form_is_signed_as_twilios_own_reference_signs_it(fields: dict[str, str], url: str) -> None:
    ours = base64.b64encode(form_signature(AUTH_TOKEN, url, tuple(fields.items()))).decode()
    assert ours == RequestValidator(AUTH_TOKEN).compute_signature(url, fields)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(alphabet="xy", max_size=2)), max_size=6))
def test_repeated_fields_are_signed_as_twilios_own_reference_signs_them(pairs: list[tuple[str, str]]) -> None:
    several = {name: [value for each, value in pairs if each == name] for name, _ in pairs}
    ours = base64.b64encode(form_signature(AUTH_TOKEN, URL, pairs)).decode()
    reference = RequestValidator(AUTH_TOKEN)
    reference.get_values = lambda params, name: params[name]
    assert ours == reference.compute_signature(URL, several)


@given(st.binary(max_size=200), st.sampled_from([URL, f"{URL}?a=b"]))
def test_json_is_signed_as_twilios_own_reference_validates_it(body: bytes, url: str) -> None:
    ours = base64.b64encode(json_signature(AUTH_TOKEN, url, body)).decode()
    assert RequestValidator(AUTH_TOKEN).compute_signature(signed_address(url, body), {}) == ours


@pytest.mark.parametrize(
    "given",
    [
        a_form(token="another-token"),  # noqa: S106  # a forger's
        a_form(url=URL.replace("https", "http")),
        a_form(url=URL.replace("desk.example", "desk.example:443")),
        a_form(url=URL.replace("desk.example", "evil.example")),
        a_form(url=f"{URL}/"),
        a_form(url=f"{URL}?x=1"),
        some_json(token="another-token"),  # noqa: S106  # a forger's
        some_json(url=f"{URL}?x=1"),
        (a_form()[0], urlencode({**FIELDS, "MessageStatus": "failed"}).encode()),
        (a_form()[0], a_form()[1] + b"&More=1"),
        (some_json()[0], some_json()[1] + b" "),
        ({**some_json()[0], "content-type": FORM}, some_json()[1]),
        ({**a_form()[0], "content-type": "application/json"}, a_form()[1]),
        ({**a_form()[0], SIGNATURE: ""}, a_form()[1]),
        ({**a_form()[0], SIGNATURE: "not base64!"}, a_form()[1]),
        ({**a_form()[0], SIGNATURE: "ünïcode"}, a_form()[1]),
        ({"content-type": FORM}, a_form()[1]),
    ],
)
def test_what_is_not_signed_for_this_address_is_refused_without_a_word_of_it(given: Given) -> None:
    error = refused(given)
    assert error.status == 401
    assert SID not in str(error)


def test_an_address_with_a_query_is_signed_with_it() -> None:
    url = f"{URL}?desk=1"
    taking = receiver(callback_url=url)
    for callback in (a_form(url=url), some_json(url=url)):
        assert taking.receive(*callback)
    for callback in (a_form(), some_json()):
        assert refused(callback, taking).status == 401
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert signed_address(url, b"") == f"{URL}?desk=1&bodySHA256={empty}"
    assert signed_address(URL, b"") == f"{URL}?bodySHA256={empty}"


def test_the_host_a_request_names_is_not_believed() -> None:
    headers, body = a_form(url="https://evil.example/callbacks/notify_twilio")
    named = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https"}
    assert refused(({**headers, **named}, body)).status == 401
    headers, body = a_form()
    assert receiver().receive({**headers, **named}, body).record_id == SID


def test_an_api_key_secret_signs_nothing() -> None:
    assert refused(a_form(token="secret-of-the-rehearsal")).status == 401  # noqa: S106  # the simulator's


def test_without_a_configured_address_everything_is_refused() -> None:
    assert "callback_url is not set" in str(refused(a_form(), receiver(callback_url=None)))


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (({**a_form()[0], "content-type": "text/plain"}, a_form()[1]), 415),
        (({SIGNATURE: a_form()[0][SIGNATURE]}, a_form()[1]), 415),
        ((a_form()[0], b"x" * (LARGEST_BODY + 1)), 413),
        ((a_form()[0], b"a=%FF"), 400),
        ((a_form()[0], "a=ü".encode()), 400),
        ((a_form()[0], b"&".join(b"a=1" for _ in range(MOST_FIELDS + 1))), 400),
        (a_form({name: value for name, value in FIELDS.items() if name != "MessageSid"}), 400),
        (a_form({**FIELDS, "MessageSid": "SM1"}), 400),
        (a_form({**FIELDS, "MessageStatus": "<script>"}), 400),
        (a_form({**FIELDS, "AccountSid": "AC" + "9" * 32}), 400),
        (some_json([]), 400),
        (some_json([EVENT, EVENT]), 400),
        (some_json({}), 400),
        (some_json(EVENT), 400),
        (some_json("text"), 400),
        (some_json([{**EVENT, "type": "com.twilio.messaging.message.sent"}]), 400),
        (some_json([{**EVENT, "data": {"account_sid": ACCOUNT_SID, "verification_sid": "VE1"}}]), 400),
        (some_json([{**EVENT, "data": {"account_sid": "AC1", "verification_sid": VERIFICATION}}]), 400),
    ],
)
def test_what_is_signed_and_not_understood_is_refused(given: Given, status: int) -> None:
    error = refused(given)
    assert error.status == status
    assert "script" not in str(error)


def test_a_field_given_twice_is_refused_even_when_it_is_signed() -> None:
    pairs = [*FIELDS.items(), ("MessageSid", "SM" + "c" * 32)]
    signature = base64.b64encode(form_signature(AUTH_TOKEN, URL, pairs)).decode()
    headers = {SIGNATURE: signature, "content-type": FORM}
    assert "twice" in str(refused((headers, urlencode(pairs).encode())))


@given(st.binary(max_size=300), st.sampled_from([FORM, "application/json"]), st.text(max_size=40))
def test_no_body_and_no_signature_raises_anything_but_a_refusal(body: bytes, kind: str, signature: str) -> None:
    assert refused(({SIGNATURE: signature, "content-type": kind}, body)).status in (400, 401)
