"""Callbacks over real sockets: PSA's own become hints, everybody else's become nothing."""

import json
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest

from deskhand.daemon import serving
from deskhand.desk.desk import Desk
from deskhand.sdk.roles import CallbackSource
from deskhand.sdk.testing import DuplicateCallback, SimulatorHost
from deskhand.sdk.webhooks import LARGEST_BODY
from deskhand.web import machine
from deskhand.web.app import create_app
from deskhand_psa_connectwise.simulation.callbacks import Signer, signature
from deskhand_psa_connectwise.simulator import COMPANY_ID, KEY_PATH, SIGNING_KEY
from tests.core.desk.msp import PSA, Msp, configure, drain, quick_folder

SIGNATURE = "x-content-signature"


@dataclass
class Line:
    """A PSA and a desk that hears it, both on loopback."""

    msp: Msp
    psa: SimulatorHost
    desk: Desk
    url: str
    ticket: str
    hints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desk.intake.on_hint = lambda: self.hints.append("hint")

    def authentic(self, key_url: str | None = None, key: str = SIGNING_KEY) -> tuple[dict[str, str], bytes]:
        """Sign a callback as the vendor does."""
        signer = Signer(key, key_url or f"{self.psa.url}{KEY_PATH}", COMPANY_ID)
        record = next(each for each in self.msp.psa.tickets() if str(each["id"]) == self.ticket)
        message = signer.message(self.url, record, "updated", "jdoe")
        return dict(message.headers), message.body

    def post(self, headers: Mapping[str, str], body: bytes, connector: str = PSA) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=10) as client:
            return client.post(f"{self.url}/callbacks/{connector}", headers=dict(headers), content=body)

    @property
    def keys_read(self) -> int:
        return self.msp.psa.requests[f"GET {KEY_PATH}"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def line() -> Iterator[Line]:
    msp, port = Msp(), free_port()
    ticket = msp.ticket()
    with quick_folder() as folder, SimulatorHost(msp.psa) as psa:
        url = f"http://127.0.0.1:{port}"
        configuration = configure(folder, psa, web={"port": port})
        section = {**configuration.connectors[PSA], "callback_url": f"{url}/callbacks/{PSA}"}
        configuration = configure(folder, psa, web={"port": port}, connectors={PSA: section})
        with Desk.open(configuration) as desk, serving(create_app(desk), configuration.web) as served:
            assert served == url
            yield Line(msp, psa, desk, url, ticket)


def test_a_change_in_psa_reaches_the_desk_as_a_hint_and_is_read_again(line: Line) -> None:
    drain(line.desk)
    system = line.desk.connections.ticket_system
    assert isinstance(system, CallbackSource)
    system.ensure_callback()
    line.hints.clear()
    new = line.msp.ticket("The projector is dark")
    assert line.psa.settle()
    assert [each.status for each in line.psa.deliveries] == [200]
    assert line.hints == ["hint"]
    assert line.desk.intake.follow_hints().enqueued == 1
    assert set(drain(line.desk)) == {new}


def test_a_callback_delivered_twice_is_one_hint(line: Line) -> None:
    drain(line.desk)
    system = line.desk.connections.ticket_system
    assert isinstance(system, CallbackSource)
    system.ensure_callback()
    line.hints.clear()
    line.psa.faults.schedule(DuplicateCallback())
    line.msp.ticket("The projector is dark")
    assert line.psa.settle()
    assert [each.status for each in line.psa.deliveries] == [200, 200]
    assert line.hints == ["hint"]


def test_a_callback_replayed_a_thousand_times_is_one_hint_then_and_later(line: Line) -> None:
    drain(line.desk)
    headers, body = line.authentic()

    def replay(times: int) -> set[tuple[int, str]]:
        with httpx.Client(trust_env=False, timeout=30) as client:
            answers = [client.post(f"{line.url}/callbacks/{PSA}", headers=headers, content=body) for _ in range(times)]
        return {(each.status_code, each.text) for each in answers}

    with ThreadPoolExecutor(5) as pool:
        assert set().union(*pool.map(replay, [200] * 5)) == {(200, "ok")}
    assert line.hints == ["hint"]
    assert line.keys_read == 1
    assert line.desk.intake.follow_hints().seen == 1
    assert replay(3) == {(200, "ok")}
    assert line.hints == ["hint"]
    assert line.desk.intake.follow_hints().seen == 0


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64", "A" * 44, "\x7f" * 10])
def test_a_forged_callback_is_refused_without_a_reason(line: Line, signature: str) -> None:
    _, body = line.authentic()
    answer = line.post({SIGNATURE: signature}, body)
    assert (answer.status_code, answer.text) == (401, "refused")
    assert line.hints == []


def test_a_callback_changed_on_its_way_is_refused(line: Line) -> None:
    headers, body = line.authentic()
    changed = json.dumps({**json.loads(body), "ID": 4711}).encode()
    assert line.post(headers, changed).status_code == 401
    assert line.post({}, body).status_code == 401
    assert line.hints == []


def test_no_connection_is_made_to_where_a_forger_says_the_key_is(line: Line) -> None:
    forged = Msp().psa
    forged.signing_key = "the forger's own"
    with SimulatorHost(forged) as forger:
        headers, body = line.authentic(f"{forger.url}{KEY_PATH}", forged.signing_key)
        assert line.post(headers, body).status_code == 401
        assert forger.requests == 0
    for target in ("http://169.254.169.254/latest/meta-data", "file:///etc/passwd", f"{line.psa.url}/elsewhere"):
        headers, body = line.authentic(target)
        assert line.post(headers, body).status_code in {400, 401}
    assert (line.keys_read, line.hints) == (0, [])


def test_a_body_that_grows_and_grows_is_cut_off(line: Line) -> None:
    headers, _ = line.authentic()
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for sent in range(1000):  # noqa: B007  # counted outside
            yield b"x" * LARGEST_BODY

    with httpx.Client(trust_env=False, timeout=10) as client:
        try:
            status = client.post(f"{line.url}/callbacks/{PSA}", headers=headers, content=endless()).status_code
        except httpx.TransportError:
            status = 413  # it hung up while we were still sending
    assert (status, line.hints) == (413, [])
    assert sent < 500


def test_a_callback_cut_short_is_no_hint(line: Line) -> None:
    headers, body = line.authentic()
    head = f"POST /callbacks/{PSA} HTTP/1.1\r\nHost: desk\r\nContent-Length: {len(body)}\r\n"
    head += f"{SIGNATURE}: {headers[SIGNATURE]}\r\n\r\n"
    for cut in (0, 1, len(body) // 2, len(body) - 1):
        with socket.create_connection(("127.0.0.1", int(line.url.rpartition(":")[2])), timeout=10) as connection:
            connection.sendall(head.encode() + body[:cut])
    assert line.post(headers, body[:-1]).status_code == 400
    assert line.hints == []
    assert line.post(headers, body).status_code == 200
    assert line.hints == ["hint"]


def test_a_callback_that_dawdles_is_cut_off(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "BODY_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", int(line.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(f"POST /callbacks/{PSA} HTTP/1.1\r\nHost: desk\r\nContent-Length: 9\r\n\r\nab".encode())
        assert b" 408 " in connection.recv(4096)
    assert line.hints == []


def test_a_callback_about_something_else_than_a_ticket_is_taken_and_means_nothing(line: Line) -> None:
    headers, body = line.authentic()
    document = json.dumps({**json.loads(body), "Type": "company"}).encode()
    headers[SIGNATURE] = signature(SIGNING_KEY, document)
    assert line.post(headers, document).text == "ok"
    assert line.hints == []


def test_a_callback_for_a_connector_without_a_receiver_is_not_found(line: Line) -> None:
    headers, body = line.authentic()
    assert line.post(headers, body, "psa_other").status_code == 404
