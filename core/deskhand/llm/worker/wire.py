"""Frames between the desk and a model process: a length of four bytes, then one JSON object."""

import json
import struct
from typing import IO, Any, Final

LARGEST_FRAME: Final = 64 * 1024 * 1024
_LENGTH: Final = struct.Struct(">I")


class WireError(Exception):
    """The other side sent something that is not a frame."""


def write_frame(stream: IO[bytes], message: dict[str, Any]) -> None:
    """Send one message and flush it. Raises WireError for one that is too large, OSError when nobody listens."""
    body = json.dumps(message, allow_nan=False).encode()
    if len(body) > LARGEST_FRAME:
        raise WireError(f"a message of {len(body)} bytes is larger than a frame may be")
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> dict[str, Any] | None:
    """Receive one message; None at a clean end of the stream. Raises WireError for anything else."""
    head = stream.read(_LENGTH.size)
    if not head:
        return None
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
    if not 0 < length <= LARGEST_FRAME:
        raise WireError("a frame began with an impossible length")
    body = stream.read(length)
    if len(body) != length:
        raise WireError("the stream ended inside a frame")
    return _object(body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise WireError("a frame did not hold JSON") from error
    if not isinstance(message, dict):
        raise WireError("a frame did not hold an object")
    return message
