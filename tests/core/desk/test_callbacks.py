from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deskhand.desk.callbacks import REMEMBERED, Callbacks
from deskhand.intake.settings import IntakeSettings
from deskhand.sdk.webhooks import Callback, CallbackRefusedError, digest
from tests.core.intake.desk_side import DeskSide
from tests.core.intake.pocket_psa import START, PocketPsa

HEADERS: Mapping[str, str] = {}


@dataclass
class Receiver:
    """Takes a body that says ``<type> <number>`` and nothing else."""

    received: list[bytes] = field(default_factory=list)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Callback:
        assert headers == HEADERS
        self.received.append(body)
        kind, _, number = body.decode().partition(" ")
        if not number.strip("?").isdigit():
            raise CallbackRefusedError("not understood", status=400)
        return Callback(kind, number.strip("?"), "updated", digest(body))


@pytest.fixture
def desk_side(folder: Path) -> Iterator[DeskSide]:
    psa = PocketPsa(START)
    side = DeskSide(folder, psa, IntakeSettings(), lambda: psa.now)
    yield side
    side.close()


@pytest.fixture
def hints(desk_side: DeskSide) -> list[str]:
    heard: list[str] = []
    desk_side.intake.on_hint = lambda: heard.append("hint")
    return heard


@pytest.fixture
def callbacks(desk_side: DeskSide) -> Callbacks:
    return Callbacks({"psa_pocket": Receiver()}, desk_side.intake, lambda: START)


def test_an_authentic_callback_becomes_a_hint(callbacks: Callbacks, hints: list[str]) -> None:
    assert callbacks.receive("psa_pocket", HEADERS, b"ticket 1")
    assert hints == ["hint"]


def test_a_replay_is_none_also_after_the_hint_was_followed(
    callbacks: Callbacks, hints: list[str], desk_side: DeskSide
) -> None:
    callbacks.receive("psa_pocket", HEADERS, b"ticket 1")
    desk_side.intake.poll()
    desk_side.intake.follow_hints()
    for _ in range(1000):
        assert not callbacks.receive("psa_pocket", HEADERS, b"ticket 1")
    assert hints == ["hint"]
    assert callbacks.receive("psa_pocket", HEADERS, b"ticket 1?")


def test_other_records_and_other_connectors_are_no_hint(callbacks: Callbacks, hints: list[str]) -> None:
    assert not callbacks.receive("psa_pocket", HEADERS, b"company 1")
    with pytest.raises(CallbackRefusedError) as raised:
        callbacks.receive("psa_unknown", HEADERS, b"ticket 1")
    assert raised.value.status == 404
    assert "psa_unknown" not in str(raised.value)
    assert hints == []


def test_what_the_receiver_refuses_is_refused_and_not_remembered(callbacks: Callbacks, hints: list[str]) -> None:
    for _ in range(2):
        with pytest.raises(CallbackRefusedError, match="not understood"):
            callbacks.receive("psa_pocket", HEADERS, b"ticket x")
    assert hints == []


def test_memory_of_earlier_callbacks_is_bounded_and_the_oldest_goes_first(callbacks: Callbacks) -> None:
    for number in range(REMEMBERED + 2):
        callbacks.receive("psa_pocket", HEADERS, f"company {number}".encode())
    assert len(callbacks._seen) == REMEMBERED
    assert digest(b"company 0") not in callbacks._seen
    assert digest(f"company {REMEMBERED + 1}".encode()) in callbacks._seen


def test_one_callback_that_comes_at_once_from_many_sides_is_one_hint(callbacks: Callbacks, hints: list[str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        news = list(pool.map(lambda _: callbacks.receive("psa_pocket", HEADERS, b"ticket 1"), range(200)))
    assert (sum(news), hints) == (1, ["hint"])
