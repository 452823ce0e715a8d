"""Live pages: a stream that says that something changed, never what; the page then asks, and is checked anew."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

LOOK_EVERY = 0.4
"""Seconds between two looks at the record."""
LONGEST = 600.0
"""Seconds until a stream ends; the page connects again by itself, and has to prove anew that it may."""
_SIGN_OF_LIFE = 15.0


def changes_of(look: Callable[[], str], seen: str, stopping: threading.Event) -> StreamingResponse:
    """Stream an event ``changed`` whenever ``look`` returns another word than it did, beginning with ``seen``."""
    return StreamingResponse(
        _events(look, seen, stopping), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )


async def _events(look: Callable[[], str], seen: str, stopping: threading.Event) -> AsyncIterator[str]:
    end, quiet_since = time.monotonic() + LONGEST, time.monotonic()
    yield "retry: 1000\n\n"
    while time.monotonic() < end and not stopping.is_set():
        found = await run_in_threadpool(look)
        if found != seen:
            seen, quiet_since = found, time.monotonic()
            yield f"event: changed\ndata: {found}\n\n"
        elif time.monotonic() - quiet_since > _SIGN_OF_LIFE:
            quiet_since = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(LOOK_EVERY)
