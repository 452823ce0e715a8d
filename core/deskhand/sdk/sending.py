"""Until when a change may be sent: whoever wakes from a freeze later than that must send nothing more.

A process can stand still (it was stopped, its machine slept) between putting on the record what it is about to do and
doing it. Meanwhile others take it for dead and find out what came of it; what it sent afterwards nobody would expect.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from deskhand.sdk.errors import TooLateError

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where there is such a clock."""

_until: ContextVar[float | None] = ContextVar("sending_until", default=None)


def uptime() -> float:
    """Return seconds that nobody sets back and no sleep leaves out."""
    return time.clock_gettime(_CLOCK)


@contextmanager
def sending_until(end: float) -> Iterator[None]:
    """Let this thread send until a moment of `uptime`, to the end of the block. Raises TooLateError as `check` does."""
    before = _until.set(end)
    try:
        check()
        yield
    finally:
        _until.reset(before)


def check() -> None:
    """Refuse to send what is late. Raises TooLateError."""
    end = _until.get()
    if end is not None and uptime() > end:
        raise TooLateError("too much time went by since it was put on the record: nothing more is sent")
