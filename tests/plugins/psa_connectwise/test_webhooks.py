import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.sdk.errors import ConfigurationError
from deskhand.sdk.models import NoteKind, TicketUpdate
from deskhand.sdk.testing import (
    DuplicateCallback,
    RoutedSimulator,
    ServerError,
    SimulatedRequest,
    SimulatedResponse,
    SimulatorHost,
    route,
)
from deskhand.sdk.webhooks import LARGEST_BODY, Callback, CallbackReceiver, CallbackRefusedError
from deskhand_psa_connectwise.connector import ConnectWise
from deskhand_psa_connectwise.simulation.callbacks import Signer, signature
from deskhand_psa_connectwise.simulator import KEY_PATH, SIGNING_KEY
from deskhand_psa_connectwise.webhooks import KEY_RESTS, SIGNATURE, ConnectWiseCallbacks
from tests.plugins.psa_connectwise.practice import Practice, configured, connect

READ_KEY = f"GET {KEY_PATH}"


class Desk(RoutedSimulator):
    """Stands where deskhand listens, and keeps what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[SimulatedRequest] = []

    @route("POST", "/callbacks/psa_connectwise")
    def hear(self, request: SimulatedRequest) -> SimulatedResponse:
        self.heard.append(request)
        return SimulatedResponse(200, b"ok")


@dataclass
class Seconds:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Line:
    """A receiver, its clock, and authentic callbacks to show it."""

    receiver: ConnectWiseCallbacks
    seconds: Seconds
    msp: Practice
    host: SimulatorHost
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        self.signer = Signer(SIGNING_KEY, f"{self.host.url}{KEY_PATH}", "rehearsal")

    def authentic(self, **changes: object) -> tuple[dict[str, str], bytes]:
        """Make a callback as PSA signs it, with some members of its body changed before it is signed."""
        ticket = self.msp.simulator.tickets()[0]
        body = json.loads(self.signer.message("https://x/", ticket, "updated", "jdoe").body)
        return self.signed(json.dumps({**body, **changes}).encode())

    def signed(self, body: bytes) -> tuple[dict[str, str], bytes]:
        return {SIGNATURE: signature(self.signer.signing_key, body)}, body

    @property
    def keys_read(self) -> int:
        return self.msp.simulator.requests[READ_KEY]


@pytest.fixture
def line(simulator_host: SimulatorHost, msp: Practice) -> Line:
    seconds = Seconds()
    receiver = ConnectWiseCallbacks(configured(simulator_host.url), monotonic=seconds)
    return Line(receiver, seconds, msp, simulator_host)


@pytest.fixture
def desk() -> Iterator[SimulatorHost]:
    with SimulatorHost(Desk()) as host:
        yield host


@pytest.fixture
def listening(simulator_host: SimulatorHost, desk: SimulatorHost) -> Iterator[ConnectWise]:
    connector = connect(simulator_host.url, callback_url=f"{desk.url}/callbacks/psa_connectwise")
    connector.callbacks.ensure()
    yield connector
    connector.close()


def heard(desk: SimulatorHost) -> list[SimulatedRequest]:
    assert isinstance(desk.simulator, Desk)
    return desk.simulator.heard


def refused(receiver: CallbackReceiver, headers: Mapping[str, str], body: bytes) -> CallbackRefusedError:
    with pytest.raises(CallbackRefusedError) as raised:
        receiver.receive(headers, body)
    return raised.value


def test_is_a_receiver(line: Line) -> None:
    receiver: CallbackReceiver = line.receiver
    assert receiver.receive(*line.authentic()).record_id == str(line.msp.ticket)


def test_a_change_by_somebody_else_arrives_and_is_understood(
    simulator_host: SimulatorHost, desk: SimulatorHost, listening: ConnectWise, line: Line
) -> None:
    line.msp.simulator.seed_note(line.msp.ticket, {"text": "Are you there?", "contact": line.msp.contact})
    assert simulator_host.settle()
    (request,) = heard(desk)
    callback = line.receiver.receive(request.headers, request.body)
    assert (callback.record_type, callback.record_id, callback.action) == ("ticket", str(line.msp.ticket), "updated")
    assert request.query == {"source": ("connectwise",), "recordId": (str(line.msp.ticket),), "action": ("updated",)}
    assert listening.ticket(callback.record_id).id == str(line.msp.ticket)


def test_our_own_changes_do_not_come_back(
    simulator_host: SimulatorHost, desk: SimulatorHost, listening: ConnectWise, msp: Practice
) -> None:
    listening.add_note(str(msp.ticket), "Ours", NoteKind.INTERNAL)
    listening.update_ticket(str(msp.ticket), TicketUpdate(status_id=msp.named("statuses", "Closed", msp.board)))
    assert simulator_host.settle()
    assert heard(desk) == []


def test_a_replay_has_the_digest_of_the_first(
    simulator_host: SimulatorHost, desk: SimulatorHost, listening: ConnectWise, line: Line
) -> None:
    assert listening.settings.callback_url
    simulator_host.faults.schedule(DuplicateCallback())
    for text in ("One", "Two"):
        line.msp.simulator.seed_note(line.msp.ticket, {"text": text, "contact": line.msp.contact})
    assert simulator_host.settle()
    callbacks = [line.receiver.receive(request.headers, request.body) for request in heard(desk)]
    assert callbacks[0] == callbacks[1]
    assert callbacks[1].digest != callbacks[2].digest


def test_the_copy_of_the_record_is_ignored(line: Line) -> None:
    for entity in ('{"id": 666}', "not json", None, {"id": 666}):
        assert line.receiver.receive(*line.authentic(Entity=entity)).record_id == str(line.msp.ticket)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_the_body_is_found(line: Line, data: st.DataObject) -> None:
    headers, body = line.authentic()
    line.receiver.receive(headers, body)
    position = data.draw(st.integers(min_value=0, max_value=len(body) - 1))
    changed = data.draw(st.integers(min_value=0, max_value=255).filter(lambda byte: byte != body[position]))
    forged = body[:position] + bytes([changed]) + body[position + 1 :]
    assert refused(line.receiver, headers, forged).status in {400, 401}


@pytest.mark.parametrize("cut", [0, 1, 50, -1])
def test_a_truncated_body_is_refused(line: Line, cut: int) -> None:
    headers, body = line.authentic()
    assert refused(line.receiver, headers, body[:cut]).status == 400


def test_the_same_json_in_other_bytes_is_refused(line: Line) -> None:
    headers, body = line.authentic()
    assert refused(line.receiver, headers, json.dumps(json.loads(body), indent=1).encode()).status == 401


@pytest.mark.parametrize("given_signature", ["", "AAAA", "not base64!", "é", "=" * 44, "A" * 44])
def test_another_signature_is_refused(line: Line, given_signature: str) -> None:
    _, body = line.authentic()
    assert refused(line.receiver, {SIGNATURE: given_signature}, body).status == 401


def test_a_callback_without_a_signature_is_refused_and_nothing_is_fetched(line: Line) -> None:
    _, body = line.authentic()
    assert refused(line.receiver, {}, body).status == 401
    assert line.keys_read == 0


def test_a_signature_by_the_key_as_it_stands_is_refused(line: Line) -> None:
    _, body = line.authentic()
    unhashed = hmac.new(SIGNING_KEY.encode(), body, hashlib.sha256).digest()
    assert refused(line.receiver, {SIGNATURE: base64.b64encode(unhashed).decode()}, body).status == 401


def test_a_forger_who_serves_his_own_key_is_refused_and_never_asked(line: Line) -> None:
    with SimulatorHost(line.msp.simulator) as forger:
        line.signer = Signer("the forger's key", f"{forger.url}{KEY_PATH}", "rehearsal")
        line.msp.simulator.signing_key = "the forger's key"
        assert refused(line.receiver, *line.authentic()).status == 401
        assert (forger.requests, line.keys_read) == (0, 0)


@pytest.mark.parametrize(
    "disguise",
    [
        "{url}{path}/",
        "{url}{path}?x=1",
        "{url}{path}#x",
        "{url}/{path}",
        "{url}@evil.example{path}",
        "{url}.evil.example{path}",
        "http://user@{host}{path}",
        "HTTP://{host}{path}",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_address_that_only_looks_like_the_pinned_one_is_refused(line: Line, disguise: str) -> None:
    url = line.host.url
    key_url = disguise.format(url=url, host=url.removeprefix("http://"), path=KEY_PATH)
    assert refused(line.receiver, *line.authentic(Metadata={"key_url": key_url})).status == 401
    assert line.keys_read == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"ID": "10001"},
        {"ID": True},
        {"ID": 0},
        {"ID": -5},
        {"ID": 1.5},
        {"ID": None},
        {"Action": "up dated"},
        {"Action": 5},
        {"Type": "../ticket"},
        {"Type": ""},
        {"Metadata": None},
        {"Metadata": "http://x"},
        {"Metadata": {"key_url": 5}},
        {"Metadata": {}},
    ],
)
def test_a_body_of_another_shape_is_refused_without_quoting_it(line: Line, changes: dict[str, object]) -> None:
    error = refused(line.receiver, *line.authentic(**changes))
    assert error.status == 400
    assert "http://x" not in str(error)
    assert line.keys_read == 0


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"5", b'"text"', b"\xff\xfe", b"{" * 5000, b"<html></html>"])
def test_what_is_not_a_callback_is_refused(line: Line, body: bytes) -> None:
    assert refused(line.receiver, *line.signed(body)).status == 400


def test_a_body_too_large_is_refused_unread(line: Line) -> None:
    assert refused(line.receiver, *line.authentic(Entity="x" * LARGEST_BODY)).status == 413
    assert line.keys_read == 0


def test_the_key_is_read_once(line: Line) -> None:
    for number in range(1, 6):
        line.receiver.receive(*line.authentic(ID=number))
    assert line.keys_read == 1


def test_a_new_key_is_noticed_after_a_rest(line: Line) -> None:
    line.receiver.receive(*line.authentic())
    line.msp.simulator.signing_key = "rotated"
    line.signer = replace(line.signer, signing_key="rotated")
    assert refused(line.receiver, *line.authentic()).status == 401
    line.seconds.now += KEY_RESTS
    assert line.receiver.receive(*line.authentic()).action == "updated"


def test_a_flood_of_forgeries_reads_the_key_once_per_rest(line: Line) -> None:
    _, body = line.authentic()
    for _ in range(20):
        refused(line.receiver, {SIGNATURE: "AAAA"}, body)
    assert line.keys_read == 1


def test_while_the_key_cannot_be_read_psa_is_asked_to_deliver_again(line: Line) -> None:
    line.host.faults.schedule(ServerError())
    assert refused(line.receiver, *line.authentic()).status == 429
    assert refused(line.receiver, *line.authentic()).status == 429
    assert line.host.requests == 1
    line.seconds.now += KEY_RESTS
    assert isinstance(line.receiver.receive(*line.authentic()), Callback)


def test_without_a_pinned_address_every_callback_is_refused(simulator_host: SimulatorHost, line: Line) -> None:
    receiver = ConnectWiseCallbacks(configured(simulator_host.url, callback_key_url=None))
    assert "callback_key_url" in str(refused(receiver, *line.authentic()))


def test_registering_twice_registers_once(listening: ConnectWise, msp: Practice) -> None:
    registration = listening.callbacks
    assert registration.ensure() == registration.ensure()
    (callback,) = msp.simulator.state["callbacks"]
    assert str(callback["url"]).endswith("&recordId=")
    assert (callback["type"], callback["level"], callback["objectId"]) == ("ticket", "owner", 1)
    assert callback["isSelfSuppressedFlag"] is True


def test_a_callback_that_psa_disabled_is_woken(listening: ConnectWise, msp: Practice) -> None:
    (callback,) = msp.simulator.state["callbacks"]
    callback["inactiveFlag"] = True
    assert listening.callbacks.ensure() == callback["id"]
    assert callback["inactiveFlag"] is False


def test_deregistering_leaves_other_peoples_callbacks(listening: ConnectWise, msp: Practice) -> None:
    listening.client.create(
        "/system/callbacks",
        {"url": "https://other.example/?recordId=", "objectId": 1, "type": "ticket", "level": "owner"},
    )
    registration = listening.callbacks
    assert registration.remove() == 1
    assert registration.registered() == ()
    assert [each["url"] for each in msp.simulator.state["callbacks"]] == ["https://other.example/?recordId="]


def test_registering_without_an_address_names_the_setting(connector: ConnectWise) -> None:
    with pytest.raises(ConfigurationError, match="callback_url"):
        connector.callbacks.ensure()


def test_a_board_callback_hears_of_its_board_alone(
    simulator_host: SimulatorHost, desk: SimulatorHost, msp: Practice
) -> None:
    address = f"{desk.url}/callbacks/psa_connectwise"
    connector = connect(
        simulator_host.url, callback_url=address, callback_level="board", callback_object_id=msp.other_board
    )
    connector.callbacks.ensure()
    msp.simulator.seed_ticket("Elsewhere", board=msp.board, company=msp.company)
    added = msp.simulator.seed_ticket("Here", board=msp.other_board, company=msp.company)
    assert simulator_host.settle()
    assert [request.parameter("recordId") for request in heard(desk)] == [str(added)]
    assert [request.parameter("action") for request in heard(desk)] == ["added"]
    connector.close()
