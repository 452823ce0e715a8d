import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from deskhand.sdk.errors import ConnectorError, HeldBackError, NotFoundError, RateLimitedError, UnavailableError
from deskhand.sdk.http import HttpClient
from deskhand.sdk.testing import SimulatorHost
from deskhand.sdk.traffic import Errand, Purpose, directed, errand, on_errand
from tests.core.sdk.scripted_vendor import Answer, Naps, ScriptedVendor, ok, status

ME = "tests"
"""The package these modules are in."""


@dataclass
class Watchman:
    """Keeps who asked and what came of it; ``lets`` says how many requests still go."""

    lets: int = 1_000
    asked: list[tuple[str, Errand]] = field(default_factory=list)
    told: list[tuple[str, type[ConnectorError] | None]] = field(default_factory=list)

    def enter(self, connection: str, errand: Errand) -> None:
        self.asked.append((connection, errand))
        if self.lets <= 0:
            raise HeldBackError("enough", retry_after=7)
        self.lets -= 1

    def leave(self, connection: str, error: ConnectorError | None) -> None:
        self.told.append((connection, type(error) if error else None))


@contextmanager
def line(*answers: Answer, naps: Naps | None = None, **options: object) -> Iterator[tuple[HttpClient, ScriptedVendor]]:
    vendor = ScriptedVendor(*answers)
    with SimulatorHost(vendor) as host:
        settings: dict[str, object] = {
            "allow_private_addresses": True,
            "requests_per_minute": 1_000_000,
            "patience": (naps or Naps()).patience(),
        }
        with HttpClient(host.url, **(settings | options)) as client:  # type: ignore[arg-type]  # a test's own options
            yield client, vendor


def test_every_request_asks_first_retries_and_pages_too() -> None:
    watchman = Watchman()
    pages = ok([1], link='</more>; rel="next"'), status(503), ok([2])
    with line(*pages, connection="c-1") as (client, vendor), directed(ME, watchman):
        assert list(client.pages("/first")) == [[1], [2]]
    assert [name for name, _ in watchman.asked] == ["c-1"] * 3
    assert len(vendor.seen) == 3
    assert watchman.told == [("c-1", None)] * 2


def test_what_is_held_back_is_not_sent() -> None:
    with line() as (client, vendor), directed(ME, Watchman(lets=0)), pytest.raises(HeldBackError, match="enough"):
        client.get("/x")
    assert vendor.seen == []


def test_another_package_is_asked_nothing() -> None:
    with line() as (client, vendor), directed("deskhand_psa_nobody", Watchman(lets=0)):
        client.get("/x")
    assert len(vendor.seen) == 1


@pytest.mark.parametrize(("answer", "error"), [(status(503), UnavailableError), (status(429), RateLimitedError)])
def test_a_stop_between_two_attempts_keeps_the_next_from_being_sent(
    answer: Answer, error: type[ConnectorError]
) -> None:
    watchman, naps = Watchman(), Naps()

    def sleeping(seconds: float) -> None:
        Naps.sleep(naps, seconds)
        watchman.lets = 0  # somebody throws a switch while the connector sleeps before its next attempt

    naps.sleep = sleeping  # type: ignore[method-assign]  # this test's sleep
    with (
        line(answer, naps=naps) as (client, vendor),
        directed(ME, watchman),
        pytest.raises(ConnectorError) as found,
    ):
        client.get("/x")
    assert len(vendor.seen) == 1
    assert type(found.value) is error, "what was tried may have had its effect: the host hears of that"
    assert watchman.told == [("", error)]


def test_a_stop_while_a_request_waits_for_its_pace_keeps_it_from_being_sent() -> None:
    watchman, naps = Watchman(), Naps()

    def sleeping(seconds: float) -> None:
        Naps.sleep(naps, seconds)
        watchman.lets = 0

    naps.sleep = sleeping  # type: ignore[method-assign]  # this test's sleep
    with line(naps=naps, requests_per_minute=1) as (client, vendor), directed(ME, watchman):
        client.get("/x")
        with pytest.raises(HeldBackError):
            client.get("/x")
    assert len(vendor.seen) == 1


def test_what_came_of_an_exchange_is_told() -> None:
    watchman = Watchman()
    with line(status(404), ok()) as (client, _), directed(ME, watchman):
        with pytest.raises(NotFoundError):
            client.get("/x")
        client.get("/x")
    assert [error for _, error in watchman.told] == [NotFoundError, None]


def test_an_errand_is_of_its_thread_and_ends_with_its_block() -> None:
    elsewhere: list[Errand] = []
    with on_errand(Purpose.BACKGROUND, tenant="19") as outer:
        with on_errand(automation="unlock", is_begun=True) as inner:
            assert (inner.purpose, inner.tenant, inner.automation) == (Purpose.BACKGROUND, "19", "unlock")
            thread = threading.Thread(target=lambda: elsewhere.append(errand()))
            thread.start()
            thread.join()
        assert errand() is outer
        assert not outer.is_begun
    assert (elsewhere[0], errand()) == (Errand(), Errand())


def test_an_errand_counts_what_was_sent_on_it() -> None:
    with line() as (client, _), directed(ME, Watchman(lets=2)), on_errand() as mine:
        for _ in range(2):
            client.get("/x")
        with pytest.raises(HeldBackError):
            client.get("/x")
        assert mine.sent == 2


def test_of_several_the_latest_answers() -> None:
    first, second = Watchman(), Watchman()
    with line() as (client, _), directed(ME, first):
        with directed(ME, second):
            client.get("/x")
        client.get("/x")
    assert (len(first.asked), len(second.asked)) == (1, 1)
