"""What machines ask: is the desk well, and has a record changed."""

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from deskhand.desk.desk import Desk
from deskhand.sdk.webhooks import LARGEST_BODY, CallbackRefusedError
from deskhand.web.headers import is_local

BODY_SECONDS = 10.0
"""A callback that takes longer to arrive is cut off; vendors send theirs in one piece."""

_HANG_UP = {"connection": "close"}
"""Whatever else the sender had in mind to send is not read."""


class Machine:
    """Answers without a session: it says little, and believes nothing that is not signed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def health(self, request: Request) -> Response:
        """Answer 200 while the desk is well, 503 while something needs a person; details to this machine only."""
        health = await run_in_threadpool(self._desk.health)
        status = 200 if health.is_well else 503
        if is_local(request.scope):
            return JSONResponse(health.model_dump(mode="json"), status)
        return JSONResponse({"ok": health.is_well}, status)

    async def callback(self, request: Request) -> Response:
        """Take a hint from the vendor: verified on the raw bytes, then only a reason to read the record again."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(request)
        except ClientDisconnect:
            return PlainTextResponse("incomplete", 400)
        except TimeoutError:
            return PlainTextResponse("too slow", 408, headers=_HANG_UP)
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            await run_in_threadpool(self._desk.callbacks.receive, request.path_params["connector"], headers, body)
        except CallbackRefusedError as error:
            return PlainTextResponse("refused", error.status, headers=_HANG_UP)
        return PlainTextResponse("ok")


async def _body(request: Request) -> bytes:
    """Read at most one byte more than the largest body a callback may have."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > LARGEST_BODY:
            break
    return bytes(received[: LARGEST_BODY + 1])
