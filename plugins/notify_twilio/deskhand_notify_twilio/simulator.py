"""Twilio in miniature: it keeps state, pages, throttles, signs callbacks and refuses what Twilio refuses."""

import base64
from collections import Counter, deque
from datetime import datetime, timedelta
from http import HTTPStatus

from pydantic import JsonValue

from deskhand.sdk.clock import Clock, utc_now
from deskhand.sdk.testing.simulator import SimulatedRequest, SimulatedResponse
from deskhand_notify_twilio.simulation.ledger import Ledger
from deskhand_notify_twilio.simulation.messages import MessageRoutes
from deskhand_notify_twilio.simulation.refusals import RefusedError, refusal
from deskhand_notify_twilio.simulation.verifications import VerificationRoutes

ACCOUNT_SID, AUTH_TOKEN = "AC" + "0" * 31 + "1", "token-of-the-rehearsal"
KEY_SID, KEY_SECRET = "SK" + "0" * 31 + "2", "secret-of-the-rehearsal"
MESSAGING_SERVICE, VERIFY_SERVICE = "MG" + "0" * 31 + "3", "VA" + "0" * 31 + "4"
FROM_NUMBER = "+441632960000"
FORM = "application/x-www-form-urlencoded"
PAUSE_SECONDS = 30


class TwilioSimulator(MessageRoutes, VerificationRoutes):
    """One account at both of its addresses. ``messages`` is what was taken, ``code`` what a person was sent.

    Nothing moves by itself: ``advance`` brings messages nearer to the telephone. Put numbers into ``opted_out``,
    ``invalid``, ``landlines`` or ``unreachable`` to have them fail as Twilio's do. ``requests_per_minute`` switches
    throttling on. Everything but these is for the host's one thread.
    """

    def __init__(self, *, clock: Clock = utc_now, requests_per_minute: int | None = None) -> None:
        super().__init__()
        self.ledger = Ledger(clock, ACCOUNT_SID)
        self.auth_token = AUTH_TOKEN
        self.requests_per_minute = requests_per_minute
        self.numbers, self.services = {FROM_NUMBER}, {MESSAGING_SERVICE}
        self.verify_services = {VERIFY_SERVICE: "Rehearsal"}
        self.opted_out: set[str] = set()
        self.invalid: set[str] = set()
        self.unreachable: set[str] = set()
        self.landlines: set[str] = set()
        self.callbacks: dict[str, str] = {}
        self.events_url: str | None = None
        self.requests: Counter[str] = Counter()
        self._recent: deque[datetime] = deque()

    def messages(self) -> list[dict[str, JsonValue]]:
        """List every message as Twilio would show it, the oldest first."""
        return list(self.ledger.messages)

    def snapshot(self) -> dict[str, JsonValue]:
        """Return the whole state as JSON."""
        return self.ledger.snapshot()

    def handle(self, request: SimulatedRequest) -> SimulatedResponse:
        """Answer as Twilio would, from the door to the last rule."""
        self.requests[f"{request.method} {request.path}"] += 1
        refused = self._refusal_at_the_door(request)
        if refused is not None:
            return refused
        try:
            return super().handle(request)
        except RefusedError as error:
            return error.response

    def refuse(self, request: SimulatedRequest, allowed: tuple[str, ...]) -> SimulatedResponse:
        """Answer what no route fits in Twilio's words."""
        if allowed:
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, 20004, "Method not allowed")
        return refusal(HTTPStatus.NOT_FOUND, 20404, f"The requested resource {request.path} was not found")

    def _refusal_at_the_door(self, request: SimulatedRequest) -> SimulatedResponse | None:
        if request.headers.get("authorization") not in _credentials():
            return refusal(HTTPStatus.UNAUTHORIZED, 20003, "Authenticate")
        if self._is_too_fast():
            pause = {"Retry-After": str(PAUSE_SECONDS)}
            return refusal(HTTPStatus.TOO_MANY_REQUESTS, 20429, "Too many requests", pause)
        if request.method == "POST" and request.headers.get("content-type", "").partition(";")[0] != FORM:
            return refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 20415, "Unsupported media type")
        return None

    def _is_too_fast(self) -> bool:
        if self.requests_per_minute is None:
            return False
        now = self.ledger.clock()
        while self._recent and now - self._recent[0] >= timedelta(minutes=1):
            self._recent.popleft()
        self._recent.append(now)
        return len(self._recent) > self.requests_per_minute


def settings(url: str) -> dict[str, JsonValue]:
    """Configure a connector for a simulator at an address."""
    return {
        "account_sid": ACCOUNT_SID,
        "api_key_sid": KEY_SID,
        "api_key_secret": KEY_SECRET,
        "auth_token": AUTH_TOKEN,
        "from_number": FROM_NUMBER,
        "verify_service_sid": VERIFY_SERVICE,
        "api_url": url,
        "verify_url": url,
        "allow_private_addresses": True,
        "requests_per_minute": 1_000_000,
    }


def _credentials() -> frozenset[str]:
    pairs = ((ACCOUNT_SID, AUTH_TOKEN), (KEY_SID, KEY_SECRET))
    return frozenset("Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode() for name, secret in pairs)
