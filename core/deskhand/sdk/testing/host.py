"""Runs a simulator on a loopback socket, with faults on demand."""

import queue
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import httpx

from deskhand.sdk.testing.faults import (
    DropAfterEffect,
    DropBefore,
    ExpiredToken,
    Fault,
    Faults,
    Held,
    HtmlErrorPage,
    Latency,
    ServerError,
    Throttle,
    TruncatedBody,
)
from deskhand.sdk.testing.simulator import RoutedSimulator, SimulatedRequest, SimulatedResponse, Simulator

LOOPBACK = "127.0.0.1"
CALLBACK_SECONDS = 5.0
LONGEST_HOLD = 60.0
HTML_PAGE = b"<!DOCTYPE html><html><head><title>Bad gateway</title></head><body><h1>502</h1></body></html>"
Observer: TypeAlias = Callable[[SimulatedRequest, SimulatedResponse], None]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A callback that was sent; ``status`` is what its receiver answered, None where nobody did."""

    url: str
    status: int | None


class SimulatorHost:
    """A simulator behind real HTTP/1.1 on 127.0.0.1, one request at a time, connections kept alive.

    It stops and starts again on the same port, so that an outage can be rehearsed: stopping closes every connection.
    ``observer`` sees each request with the answer the simulator gave, faults not included. A simulator that raises
    drops the connection, and the error comes out of ``stop``.
    """

    def __init__(
        self, simulator: Simulator, *, faults: Faults | None = None, port: int = 0, observer: Observer | None = None
    ) -> None:
        self.simulator = simulator
        self.faults = faults or Faults()
        self.deliveries: list[Delivery] = []
        self._observer = observer
        self._port = port
        self._requests = 0
        self._counting = threading.Lock()
        self._turn = threading.Lock()
        self._failures: list[BaseException] = []
        self._server: _Server | None = None
        self._callbacks: queue.SimpleQueue[tuple[str, Mapping[str, str], bytes] | threading.Event | None]
        self._callbacks = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        if isinstance(simulator, RoutedSimulator):
            simulator.deliver = self.deliver

    @property
    def url(self) -> str:
        """The address of the simulator, without a path; known once it has started."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def requests(self) -> int:
        """Count the requests that came, those that suffered a fault included."""
        return self._requests

    def start(self) -> Self:
        """Listen; the address is free or was this host's own."""
        self._server = _Server((LOOPBACK, self._port), self)
        self._port = self._server.server_port
        for work in (self._server.serve, self._post_callbacks):
            thread = threading.Thread(target=work, name="simulator", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def stop(self) -> None:
        """Stop listening and close every connection; then raise what the simulator raised, if it did."""
        if self._server is not None:
            self._callbacks.put(None)
            self._server.shutdown()
            self._server.server_close()
            self._server.disconnect()
            self._server = None
        for thread in self._threads:
            thread.join(CALLBACK_SECONDS * 2)
        self._threads.clear()
        if self._failures:
            raise self._failures.pop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def deliver(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Queue a callback to a loopback address; it is sent in the order given, twice under DuplicateCallback."""
        if urlsplit(url).hostname not in (LOOPBACK, "localhost", "::1"):
            raise ValueError("a simulator calls back to this machine only")
        for _ in range(2 if self.faults.take_duplicate() else 1):
            self._callbacks.put((url, headers, body))

    def settle(self, timeout_seconds: float = 10.0) -> bool:
        """Wait until the callbacks queued so far are delivered; tell whether they were, in time."""
        reached = threading.Event()
        self._callbacks.put(reached)
        return reached.wait(timeout_seconds)

    def _post_callbacks(self) -> None:
        no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading them costs more than a test
        with httpx.Client(timeout=CALLBACK_SECONDS, trust_env=False, verify=no_certificates) as client:
            while (queued := self._callbacks.get()) is not None:
                if isinstance(queued, threading.Event):
                    queued.set()
                    continue
                url, headers, body = queued
                try:
                    status = client.post(url, headers=dict(headers), content=body).status_code
                except httpx.TransportError:
                    status = None
                self.deliveries.append(Delivery(url, status))

    def answer(self, request: SimulatedRequest) -> tuple[SimulatedResponse | None, bool]:
        """Answer a request under the faults that are due: the response, or None to hang up; and whether to cut it."""
        with self._counting:
            self._requests += 1
        for fault in self.faults.take(request):
            if isinstance(fault, Latency):
                time.sleep(fault.seconds)
            elif isinstance(fault, Held):
                fault.released.wait(LONGEST_HOLD)
            elif isinstance(fault, DropAfterEffect):
                self._handled(request)
                return None, False
            elif isinstance(fault, TruncatedBody):
                return self._handled(request), True
            else:
                return _refusal(fault), False
        return self._handled(request), False

    def _handled(self, request: SimulatedRequest) -> SimulatedResponse:
        with self._turn:
            response = self.simulator.handle(request)
            if self._observer is not None:
                self._observer(request, response)
        return response

    def fail(self, error: BaseException) -> None:
        """Keep what went wrong inside the simulator; a client that hung up is no failure."""
        if not isinstance(error, OSError):
            self._failures.append(error)


def _refusal(fault: Fault) -> SimulatedResponse | None:
    match fault:
        case Throttle(retry_after):
            headers = {"Retry-After": str(retry_after)}
            return SimulatedResponse.json(HTTPStatus.TOO_MANY_REQUESTS, {"message": "Too many requests"}, headers)
        case ServerError(status):
            return SimulatedResponse.json(status, {"message": "An error has occurred"})
        case ExpiredToken():
            return SimulatedResponse.json(HTTPStatus.UNAUTHORIZED, {"message": "The credential has expired"})
        case HtmlErrorPage(status):
            return SimulatedResponse(status, HTML_PAGE, {"Content-Type": "text/html"})
        case DropBefore():
            return None
    raise AssertionError(fault)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], host: SimulatorHost) -> None:
        super().__init__(address, _Handler)
        self.host = host
        self._connections: set[socket.socket] = set()

    def serve(self) -> None:
        self.serve_forever(poll_interval=0.02)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if isinstance(request, socket.socket):
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self._connections.discard(request)
        super().shutdown_request(request)

    def disconnect(self) -> None:
        for connection in tuple(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # its client was faster

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        del request, client_address
        error = sys.exc_info()[1]
        if error is not None:
            self.host.fail(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_any(self) -> None:
        response, is_cut = self.server.host.answer(self._request())
        if response is None:
            self.close_connection = True
        else:
            self._send(response, is_cut=is_cut)

    def _request(self) -> SimulatedRequest:
        path, _, query = self.path.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        return SimulatedRequest(
            method=self.command,
            path=path,
            query={name: tuple(value for each, value in pairs if each == name) for name, _ in pairs},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )

    def _send(self, response: SimulatedResponse, *, is_cut: bool) -> None:
        length = max(len(response.body), 2) if is_cut else len(response.body)
        body = response.body[: length // 2] if is_cut else response.body
        headers = {"Date": formatdate(usegmt=True), "Content-Length": str(length), **response.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        line = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n"
        self.wfile.write(f"{line}{head}\r\n".encode("latin-1") + (b"" if self.command == "HEAD" else body))
        self.close_connection = self.close_connection or is_cut

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the standard library's name
        """Say nothing: tests and the rehearsal have their own output."""


for _verb in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
    setattr(_Handler, f"do_{_verb}", _Handler.do_any)
