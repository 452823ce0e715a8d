"""What can go wrong between a connector and its vendor, on demand."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from deskhand.sdk.testing.simulator import SimulatedRequest


@dataclass(frozen=True, slots=True)
class Latency:
    """The answer takes this much longer; later faults still apply."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Held:
    """The request waits until ``released`` is set, a minute at most, and only then takes effect; later faults apply."""

    released: threading.Event


@dataclass(frozen=True, slots=True)
class Throttle:
    """429 with Retry-After, in seconds or as an HTTP date; no effect."""

    retry_after: int | str = 1


@dataclass(frozen=True, slots=True)
class ServerError:
    """An error of the vendor's own, as JSON; no effect."""

    status: int = 500


@dataclass(frozen=True, slots=True)
class DropBefore:
    """The connection closes without an answer; no effect."""


@dataclass(frozen=True, slots=True)
class DropAfterEffect:
    """The request takes effect, then the connection closes without an answer."""


@dataclass(frozen=True, slots=True)
class TruncatedBody:
    """The request takes effect, and half of the answer's body arrives."""


@dataclass(frozen=True, slots=True)
class HtmlErrorPage:
    """A page of some proxy in between, with this status, in place of the vendor's answer; no effect."""

    status: int = 502


@dataclass(frozen=True, slots=True)
class ExpiredToken:
    """401, whatever the credential; no effect."""


@dataclass(frozen=True, slots=True)
class DuplicateCallback:
    """The next callback is delivered twice."""


Fault: TypeAlias = (
    Latency
    | Held
    | Throttle
    | ServerError
    | DropBefore
    | DropAfterEffect
    | TruncatedBody
    | HtmlErrorPage
    | ExpiredToken
    | DuplicateCallback
)
Matching: TypeAlias = Callable[[SimulatedRequest], bool]


@dataclass(slots=True)
class _Scheduled:
    fault: Fault
    times: int
    matching: Matching | None

    def fits(self, request: SimulatedRequest) -> bool:
        is_for_requests = not isinstance(self.fault, DuplicateCallback)
        return is_for_requests and (self.matching is None or self.matching(request))


class Faults:
    """The faults that are due, in the order they were scheduled. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scheduled: list[_Scheduled] = []

    def schedule(self, fault: Fault, times: int = 1, matching: Matching | None = None) -> None:
        """Let the next ``times`` requests that match suffer a fault."""
        with self._lock:
            self._scheduled.append(_Scheduled(fault, times, matching))

    def clear(self) -> None:
        """Forget what has not happened yet."""
        with self._lock:
            self._scheduled.clear()

    @property
    def pending(self) -> int:
        """Count the faults that have not happened yet."""
        with self._lock:
            return sum(each.times for each in self._scheduled)

    def take(self, request: SimulatedRequest) -> tuple[Fault, ...]:
        """Use up what this request suffers: delays, and at most one fault that is none."""
        with self._lock:
            taken: list[Fault] = []
            for each in [each for each in self._scheduled if each.fits(request)]:
                self._use(each)
                taken.append(each.fault)
                if not isinstance(each.fault, Latency | Held):
                    break
            return tuple(taken)

    def take_duplicate(self) -> bool:
        """Use up a DuplicateCallback; tell whether there was one."""
        with self._lock:
            armed = next((each for each in self._scheduled if isinstance(each.fault, DuplicateCallback)), None)
            if armed is not None:
                self._use(armed)
            return armed is not None

    def _use(self, scheduled: _Scheduled) -> None:
        scheduled.times -= 1
        if scheduled.times == 0:
            self._scheduled.remove(scheduled)
