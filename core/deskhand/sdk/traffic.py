"""Who lets a connector's requests go, and on whose behalf they are made.

The host decides (a kill switch, a circuit, a budget of calls) and a plugin knows nothing of it: `HttpClient` asks
before each request it sends, retries, pages and sign-ins included, and tells what came of each exchange.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Protocol

from deskhand.sdk.errors import ConnectorError


class Purpose(StrEnum):
    """What calls are made for, from what waits last to what waits first when there are few left."""

    PEOPLE = "people"
    AUTOMATIONS = "automations"
    BACKGROUND = "background"
    """Polling, history, learning: nobody waits for it."""


@dataclass(slots=True)
class Errand:
    """Why the calls of this thread are made just now."""

    purpose: Purpose = Purpose.PEOPLE
    tenant: str = ""
    automation: str = ""
    is_begun: bool = False
    """A change has been claimed and is being made: no budget cuts it off half-way."""
    sent: int = 0
    """Requests that were let go on this errand."""


class Traffic(Protocol):
    """Whoever answers for one connector's requests. Thread-safe."""

    def enter(self, connection: str, errand: Errand) -> None:
        """Let one request go, and count it. Raises HeldBackError, and then it is not sent."""
        ...

    def leave(self, connection: str, error: ConnectorError | None) -> None:
        """Take note of what came of an exchange that was entered."""
        ...


_lock = Lock()
_directed: dict[str, list[Traffic]] = {}
_errand: ContextVar[Errand] = ContextVar("errand")


@contextmanager
def directed(package: str, traffic: Traffic) -> Iterator[None]:
    """Have the requests of a package's modules ask here, while this lasts; of several the latest is asked."""
    with _lock:
        _directed.setdefault(package, []).append(traffic)
    try:
        yield
    finally:
        with _lock:
            _directed[package].remove(traffic)


def errand() -> Errand:
    """Return why calls are made just now; where nobody said anything, a person asks."""
    return _errand.get(None) or Errand()


@contextmanager
def on_errand(
    purpose: Purpose | None = None,
    *,
    tenant: str | None = None,
    automation: str | None = None,
    is_begun: bool | None = None,
) -> Iterator[Errand]:
    """Say why calls are made from here to the end of the block, in this thread; what is left out stays as it was."""
    outer = errand()
    inner = Errand(
        purpose=outer.purpose if purpose is None else purpose,
        tenant=outer.tenant if tenant is None else tenant,
        automation=outer.automation if automation is None else automation,
        is_begun=outer.is_begun if is_begun is None else is_begun,
    )
    token = _errand.set(inner)
    try:
        yield inner
    finally:
        _errand.reset(token)


def enter(package: str, connection: str) -> None:
    """Ask whoever answers for a package to let one request go. Raises HeldBackError."""
    mine = errand()
    traffic = _of(package)
    if traffic is not None:
        traffic.enter(connection, mine)
    mine.sent += 1


def leave(package: str, connection: str, error: ConnectorError | None) -> None:
    """Tell whoever answers for a package what came of an exchange."""
    traffic = _of(package)
    if traffic is not None:
        traffic.leave(connection, error)


def _of(package: str) -> Traffic | None:
    with _lock:
        found = _directed.get(package)
        return found[-1] if found else None
