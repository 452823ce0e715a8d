"""Callbacks as an enemy would send them: each is refused or is one hint, and nobody is contacted but the PSA."""

import json
import random
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deskhand.desk.callbacks import Callbacks
from deskhand.intake.settings import IntakeSettings
from deskhand.sdk.testing import SimulatorHost
from deskhand.sdk.webhooks import CallbackRefusedError
from deskhand_psa_connectwise.settings import ConnectWiseSettings
from deskhand_psa_connectwise.simulation.callbacks import Signer, signature
from deskhand_psa_connectwise.simulator import COMPANY_ID, KEY_PATH, SIGNING_KEY, settings
from deskhand_psa_connectwise.webhooks import ConnectWiseCallbacks
from tests.core.desk.msp import Msp
from tests.core.intake.desk_side import DeskSide
from tests.core.intake.pocket_psa import START, PocketPsa

CONNECTOR = "psa_pocket"
HEADER = "x-content-signature"
HOSTILE_URLS = (
    *("http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/", "http://0/", "http://2130706433/"),
    *(
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "ftp://127.0.0.1/",
        "data:text/plain,key",
        "//evil.example",
    ),
    *("http://evil.example/keys", "https://evil.example@127.0.0.1/", "http://127.0.0.1:1/", "javascript:alert(1)", ""),
)
_dialled: list[object] = []
_watching: list[bool] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event == "socket.connect":
        _dialled.append(arguments[1])
    elif _watching and event == "socket.getaddrinfo" and arguments[0] != "127.0.0.1":
        _dialled.append(arguments[0])


sys.addaudithook(_watch)


@dataclass
class Gate:
    """Where callbacks come in, what they led to, and a genuine one."""

    callbacks: Callbacks
    url: str
    ticket: dict[str, Any]
    hints: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def genuine(self, key_url: str = "", key: str = SIGNING_KEY) -> tuple[dict[str, str], bytes]:
        message = Signer(key, key_url or f"{self.url}{KEY_PATH}", COMPANY_ID).message(
            "", self.ticket, "updated", "jdoe"
        )
        return {name.lower(): value for name, value in message.headers.items()}, message.body

    def send(self, headers: dict[str, str], body: bytes) -> int:
        """Return the status that is answered."""
        try:
            self.callbacks.receive(CONNECTOR, headers, body)
        except CallbackRefusedError as error:
            return error.status
        return 200


@pytest.fixture
def gate(folder: Path) -> Iterator[Gate]:
    msp, pocket = Msp(), PocketPsa(START)
    number = msp.ticket()
    with SimulatorHost(msp.psa) as host:
        key_url = f"{host.url}{KEY_PATH}"
        section = {**settings(host.url), "callback_url": "http://127.0.0.1:1/callbacks/x", "callback_key_url": key_url}
        side = DeskSide(folder, pocket, IntakeSettings(), lambda: pocket.now)
        receiver = ConnectWiseCallbacks(ConnectWiseSettings.model_validate(section))
        opened = Gate(Callbacks({CONNECTOR: receiver}, side.intake, lambda: START), host.url, msp.record(number))
        side.intake.on_hint = lambda: opened.hints.append("hint")
        _watching.append(True)
        _dialled.clear()
        try:
            yield opened
        finally:
            _watching.clear()
            side.close()


def test_a_thousand_forgeries_are_refused_and_lead_to_nothing(gate: Gate) -> None:
    chance = random.Random(7)
    headers, body = gate.genuine()
    statuses: Counter[int] = Counter()
    for _ in range(1000):
        changed = bytearray(body)
        match chance.randrange(4):
            case 0:
                changed[chance.randrange(len(changed))] ^= chance.randrange(1, 256)
            case 1:
                del changed[chance.randrange(len(changed)) :]
            case 2:
                changed += chance.randbytes(chance.randrange(1, 50))
            case _:
                headers = {**headers, HEADER: signature(f"key {chance.random()}", body)}
        statuses[gate.send(headers, bytes(changed))] += 1
        headers, _ = gate.genuine()
    assert set(statuses) <= {400, 401}, statuses
    assert statuses[401] > 250
    assert gate.hints == []
    assert _dialled == [("127.0.0.1", gate.port)], "the key was read, once"


def test_every_truncation_is_refused(gate: Gate) -> None:
    headers, body = gate.genuine()
    assert {gate.send(headers, body[:length]) for length in range(len(body))} <= {400, 401}
    assert {gate.send({**headers, HEADER: headers[HEADER][:length]}, body) for length in range(40)} == {401}
    assert gate.hints == []


def test_a_replay_a_thousand_times_is_one_hint(gate: Gate) -> None:
    headers, body = gate.genuine()
    assert {gate.send(headers, body) for _ in range(1000)} == {200}
    assert gate.hints == ["hint"]
    assert _dialled == [("127.0.0.1", gate.port)], "the key was read, once"


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_no_connection_is_made_to_where_a_stranger_says_the_key_is(gate: Gate, url: str) -> None:
    """Even signed with the right key: the address is not the one that was agreed."""
    headers, body = gate.genuine()
    document = {**json.loads(body), "Metadata": {"key_url": url}}
    written = json.dumps(document).encode()
    for sent in ({HEADER: signature(SIGNING_KEY, written)}, {HEADER: signature("theirs", written)}, {}, headers):
        assert gate.send(sent, written) in {400, 401}
    assert (gate.hints, _dialled) == ([], [])


def test_the_watch_would_see_a_connection(gate: Gate) -> None:
    """The control."""
    with socket.create_connection(("127.0.0.1", gate.port)):
        pass
    assert _dialled
