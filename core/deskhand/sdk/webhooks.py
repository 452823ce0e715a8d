"""Callbacks: verified on the raw bytes, then reduced to a hint that a record may have changed."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

LARGEST_BODY = 65_536


class CallbackRefusedError(Exception):
    """The callback is not authentic or not understood; ``status`` is the HTTP answer it gets."""

    def __init__(self, reason: str, *, status: int = 401) -> None:
        """Keep the HTTP status beside the reason, which never quotes the body."""
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Callback:
    """What survives of an authentic callback: which record to read again, and a digest against replay."""

    record_type: str
    record_id: str
    action: str
    digest: str


class CallbackReceiver(Protocol):
    """Verifies and parses one vendor's callbacks."""

    def receive(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Return the hint in an authentic callback; header names are lower case.

        Raises CallbackRefusedError for anything forged, truncated, oversized or not understood.
        """
        ...


def digest(body: bytes) -> str:
    """Identify a body by its SHA-256, in hex, so that a replay is recognised without keeping the text."""
    return hashlib.sha256(body).hexdigest()


def is_same(expected: bytes, given: bytes) -> bool:
    """Compare two signatures in constant time."""
    return hmac.compare_digest(expected, given)
