"""What a vendor answered, read with suspicion: complete, not too large, and the JSON it should be."""

import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from json import loads
from typing import NoReturn

import httpx
from pydantic import JsonValue

from deskhand.sdk.clock import Clock

FRAMING = frozenset({"content-encoding", "content-length", "transfer-encoding"})
PIECE = 65_536


class UnreadableError(Exception):
    """An answer came, and is not what it should be; the message quotes none of it."""


def complete(streamed: httpx.Response, *, largest: int) -> httpx.Response:
    """Read the whole body of a streamed answer, unpacked, in at most ``largest`` bytes.

    The body of a refusal may be missing or cut short: its status says enough. Otherwise raises UnreadableError,
    or httpx's own errors where the connection broke.
    """
    try:
        body = _body(streamed, largest)
    except (httpx.TransportError, httpx.DecodingError, UnreadableError):
        if streamed.is_success:
            raise
        body = b""
    headers = [(name, value) for name, value in streamed.headers.multi_items() if name not in FRAMING]
    return httpx.Response(streamed.status_code, headers=headers, content=body, request=streamed.request)


def _body(streamed: httpx.Response, largest: int) -> bytes:
    body = bytearray()
    for piece in streamed.iter_bytes(PIECE):
        body += piece
        if len(body) > largest:
            raise UnreadableError(f"its answer is larger than {largest} bytes")
    return bytes(body)


def itself(answer: httpx.Response) -> httpx.Response:
    """Take the answer as it is."""
    return answer


def json_value(answer: httpx.Response) -> JsonValue:
    """Read the body as JSON, None where the answer is 204; raises UnreadableError for anything else."""
    if answer.status_code == HTTPStatus.NO_CONTENT:
        return None
    try:
        value: JsonValue = loads(answer.content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        kind = "an HTML page" if answer.content.lstrip()[:1] == b"<" else "not complete JSON"
        raise UnreadableError(f"its answer is {kind}") from None
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def page(answer: httpx.Response) -> tuple[JsonValue, str | None]:
    """Read the body as JSON, with the address of the next page (RFC 8288, ``rel="next"``) if there is one."""
    relations = ((str(name).lower().split(), link.get("url")) for name, link in answer.links.items())
    following = next((address for names, address in relations if "next" in names), None)
    try:
        return json_value(answer), str(answer.url.join(following)) if following else None
    except httpx.InvalidURL:
        raise UnreadableError("its link to the next page is malformed") from None


def retry_after(headers: httpx.Headers, clock: Clock) -> float | None:
    """Read Retry-After in seconds (RFC 9110, section 10.2.3); a date counts from the vendor's own Date, if sent."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else clock()
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None
