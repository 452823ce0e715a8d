import http.client
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from deskhand.sdk.testing import (
    DropAfterEffect,
    DropBefore,
    DuplicateCallback,
    ExpiredToken,
    Fault,
    Faults,
    Held,
    HtmlErrorPage,
    Latency,
    RoutedSimulator,
    ServerError,
    SimulatedRequest,
    SimulatedResponse,
    SimulatorHost,
    Throttle,
    TruncatedBody,
    route,
)
from tests.core.sdk.scripted_vendor import ScriptedVendor, ok


class Counter(RoutedSimulator):
    """Counts, by name; tells whoever subscribed."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.subscriber = ""

    @route("GET", "/counters/{name}")
    def read(self, request: SimulatedRequest, name: str) -> SimulatedResponse:
        del request
        return SimulatedResponse.json(200, {"name": name, "count": self.counts.get(name, 0)})

    @route("GET", "/counters/all")
    def read_all(self, request: SimulatedRequest) -> SimulatedResponse:
        del request
        return SimulatedResponse.json(200, self.counts)

    @route("POST", "/counters/{name}")
    @route("PUT", "/counters/{name}/next")
    def count(self, request: SimulatedRequest, name: str) -> SimulatedResponse:
        del request
        self.counts[name] = self.counts.get(name, 0) + 1
        if self.subscriber:
            self.deliver(self.subscriber, {"X-Event": "counted"}, name.encode())
        return SimulatedResponse.json(201, {"count": self.counts[name]})


class CleverCounter(Counter):
    def read(self, request: SimulatedRequest, name: str) -> SimulatedResponse:
        """Replaces a handler without a mark of its own: the mark is gone too."""
        return super().read(request, name)

    @route("DELETE", "/counters/{name}")
    def forget(self, request: SimulatedRequest, name: str) -> SimulatedResponse:
        del request
        self.counts.pop(name, None)
        return SimulatedResponse(204)


@pytest.fixture
def host() -> Iterator[SimulatorHost]:
    with SimulatorHost(Counter()) as running:
        yield running


@pytest.fixture
def client(host: SimulatorHost) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=host.url, timeout=5, trust_env=False) as opened:
        yield opened


def count(host: SimulatorHost) -> int:
    assert isinstance(host.simulator, Counter)
    return host.simulator.counts.get("a", 0)


def test_a_request_reaches_the_method_marked_for_it(client: httpx.Client) -> None:
    assert client.post("/counters/a").json() == {"count": 1}
    assert client.put("/counters/a/next").json() == {"count": 2}
    assert client.get("/counters/a%2Fb%20c").json() == {"name": "a/b c", "count": 0}


def test_a_fixed_segment_wins_over_a_parameter(client: httpx.Client) -> None:
    assert client.get("/counters/all").json() == {}


def test_an_unknown_path_and_an_unknown_method_are_refused(client: httpx.Client) -> None:
    assert client.get("/nothing").status_code == 404
    refused = client.patch("/counters/a")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, POST"


def test_marks_are_inherited() -> None:
    with SimulatorHost(CleverCounter()) as host, httpx.Client(base_url=host.url) as client:
        assert client.post("/counters/a").status_code == 201
        assert client.delete("/counters/a").status_code == 204
        assert client.get("/counters/a").status_code == 405


def test_a_request_is_handed_over_as_it_came() -> None:
    vendor = ScriptedVendor(ok())
    with SimulatorHost(vendor) as host:
        httpx.request("PATCH", f"{host.url}/a%2Fb?x=1&x=2&y=", content=b'{"z": 1}', headers={"X-Key": "K"})
    request = vendor.seen[0]
    assert (request.method, request.path) == ("PATCH", "/a%2Fb")
    assert request.query == {"x": ("1", "2"), "y": ("",)}
    assert (request.parameter("x"), request.parameter("z", "none")) == ("1", "none")
    assert request.headers["x-key"] == "K"
    assert request.json() == {"z": 1}


def test_a_head_request_has_no_body(client: httpx.Client, host: SimulatorHost) -> None:
    assert client.head("/counters/a").status_code == 405
    assert client.get("/counters/a").status_code == 200
    assert host.requests == 2


@pytest.mark.parametrize(
    ("fault", "status", "effects"),
    [
        (ServerError(503), 503, 0),
        (Throttle(7), 429, 0),
        (ExpiredToken(), 401, 0),
        (HtmlErrorPage(502), 502, 0),
        (HtmlErrorPage(200), 200, 0),
        (Latency(0.01), 201, 1),
        (DropBefore(), None, 0),
        (DropAfterEffect(), None, 1),
        (TruncatedBody(), None, 1),
    ],
)
def test_a_fault_happens_as_often_as_it_was_ordered(
    client: httpx.Client, host: SimulatorHost, fault: Fault, status: int | None, effects: int
) -> None:
    host.faults.schedule(fault, 2)
    for _ in range(2):
        try:
            answered: int | None = client.post("/counters/a").status_code
        except httpx.RemoteProtocolError:
            answered = None
        assert answered == status
    assert count(host) == 2 * effects
    assert host.faults.pending == 0
    assert client.post("/counters/a").status_code == 201
    assert host.requests == 3


def test_a_pause_is_asked_for_in_either_form(client: httpx.Client, host: SimulatorHost) -> None:
    host.faults.schedule(Throttle(7))
    host.faults.schedule(Throttle("Wed, 01 Jan 2031 00:00:00 GMT"))
    assert client.get("/counters/a").headers["retry-after"] == "7"
    assert client.get("/counters/a").headers["retry-after"] == "Wed, 01 Jan 2031 00:00:00 GMT"


def test_a_fault_waits_for_the_request_it_is_meant_for(client: httpx.Client, host: SimulatorHost) -> None:
    host.faults.schedule(ServerError(), matching=lambda request: request.path.endswith("/b"))
    assert client.get("/counters/a").status_code == 200
    assert client.get("/counters/b").status_code == 500
    assert client.get("/counters/b").status_code == 200


def test_a_delay_adds_to_the_fault_after_it(client: httpx.Client, host: SimulatorHost) -> None:
    host.faults.schedule(Latency(0.05))
    host.faults.schedule(ServerError())
    began = time.monotonic()
    assert client.get("/counters/a").status_code == 500
    assert time.monotonic() - began >= 0.05


def test_a_held_request_takes_effect_when_it_is_released(client: httpx.Client, host: SimulatorHost) -> None:
    held = Held(threading.Event())
    host.faults.schedule(held)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(client.post, "/counters/a")
        while host.faults.pending:
            time.sleep(0.001)
        assert httpx.get(f"{host.url}/counters/all").json() == {}
        held.released.set()
        assert late.result(10).status_code == 201
    assert client.get("/counters/all").json() == {"a": 1}


def test_faults_can_be_called_off(client: httpx.Client, host: SimulatorHost) -> None:
    host.faults.schedule(ServerError(), 5)
    assert client.get("/counters/a").status_code == 500
    host.faults.clear()
    assert client.get("/counters/a").status_code == 200


def test_threads_share_the_faults_fairly() -> None:
    faults = Faults()
    faults.schedule(ServerError(), 100)
    request = SimulatedRequest("GET", "/", {}, {}, b"")
    taken: list[Fault] = []

    def take() -> None:
        for _ in range(50):
            taken.extend(faults.take(request))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 100


def test_callbacks_are_delivered_in_order_and_one_twice_on_demand(client: httpx.Client, host: SimulatorHost) -> None:
    receiver = ScriptedVendor(SimulatedResponse(204))
    with SimulatorHost(receiver) as listening:
        assert isinstance(host.simulator, Counter)
        host.simulator.subscriber = f"{listening.url}/callbacks?id=7"
        client.post("/counters/a")
        host.settle()
        host.faults.schedule(DuplicateCallback())
        client.post("/counters/b")
        client.post("/counters/c")
        assert host.settle()
    assert [request.body for request in receiver.seen] == [b"a", b"b", b"b", b"c"]
    assert receiver.seen[0].headers["x-event"] == "counted"
    assert [delivery.status for delivery in host.deliveries] == [204] * 4


def test_a_callback_nobody_takes_is_on_the_list(host: SimulatorHost) -> None:
    host.deliver("http://127.0.0.1:1/gone", {}, b"x")
    assert host.settle()
    assert [(delivery.url, delivery.status) for delivery in host.deliveries] == [("http://127.0.0.1:1/gone", None)]


def test_a_callback_never_leaves_this_machine(host: SimulatorHost) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        host.deliver("https://vendor.example/callback", {}, b"x")


def test_an_outage_ends_open_connections_and_the_address_stays(host: SimulatorHost) -> None:
    url = host.url
    with httpx.Client(base_url=url) as client:
        client.post("/counters/a")
        host.stop()
        with pytest.raises(httpx.TransportError):
            client.get("/counters/a")
        host.start()
        assert host.url == url
        assert client.get("/counters/a").json()["count"] == 1


def test_an_observer_sees_each_exchange_with_the_simulator() -> None:
    seen: list[tuple[str, int]] = []
    faults = Faults()
    observer = lambda request, response: seen.append((request.path, response.status))  # noqa: E731  # shorter here
    with SimulatorHost(Counter(), faults=faults, observer=observer) as host, httpx.Client(base_url=host.url) as client:
        faults.schedule(ServerError())
        client.get("/hidden")
        client.get("/counters/a")
    assert seen == [("/counters/a", 200)]


def test_a_mistake_in_a_simulator_comes_out_when_it_stops() -> None:
    host = SimulatorHost(ScriptedVendor(lambda request: ok(request.json()))).start()
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(host.url)
    with pytest.raises(ValueError, match="Expecting value"):
        host.stop()


def test_one_connection_carries_many_requests_fast(host: SimulatorHost) -> None:
    address = urlsplit(host.url)
    assert address.hostname
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    began = time.monotonic()
    for _ in range(500):
        connection.request("GET", "/counters/a")
        assert connection.getresponse().read()
    taken = time.monotonic() - began
    connection.close()
    assert taken < 2.5, f"{500 / taken:.0f} requests a second on a loaded machine; 3,000 and more on a quiet one"
