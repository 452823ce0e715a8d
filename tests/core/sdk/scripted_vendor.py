"""A vendor that answers what a test tells it to, and one that does not even speak HTTP properly."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from deskhand.sdk.http import Patience
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse

Answer = SimulatedResponse | Callable[[SimulatedRequest], SimulatedResponse]


def ok(value: object = "ok", **headers: str) -> SimulatedResponse:
    return SimulatedResponse.json(200, value, {name.replace("_", "-"): text for name, text in headers.items()})


def status(code: int, **headers: str) -> SimulatedResponse:
    return replace(ok({"code": code}, **headers), status=code)


class ScriptedVendor:
    """Gives its answers in order, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers: list[Answer] = list(answers) or [ok()]
        self.seen: list[SimulatedRequest] = []

    def handle(self, request: SimulatedRequest) -> SimulatedResponse:
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, SimulatedResponse) else answer(request)


class Naps:
    """Sleeps without sleeping, so that a test can read how long a client would have waited."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now

    def patience(self, **options: float) -> Patience:
        return Patience(sleep=self.sleep, monotonic=self.monotonic, **options)  # type: ignore[arg-type]  # a test's own numbers


@contextmanager
def raw_server(*pieces: bytes, pause: float = 0.0) -> Iterator[str]:
    """Answer every connection with these bytes, a pause before each piece but the first, then hang up."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()
    thread = threading.Thread(target=_serve, args=(listener, pieces, pause, over), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        thread.join(5)
        listener.close()


def _serve(listener: socket.socket, pieces: Sequence[bytes], pause: float, over: threading.Event) -> None:
    listener.settimeout(0.02)
    while not over.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        with connection:
            connection.settimeout(1)
            connection.recv(65536)
            for number, piece in enumerate(pieces):
                time.sleep(pause if number else 0)
                try:
                    connection.sendall(piece)
                except OSError:
                    break
