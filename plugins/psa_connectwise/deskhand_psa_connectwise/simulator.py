"""ConnectWise PSA in miniature: it keeps state, pages, throttles, signs callbacks and refuses what PSA refuses."""

import base64
import re
from collections import Counter, deque
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus

from pydantic import JsonValue

from deskhand.sdk.clock import Clock, utc_now
from deskhand.sdk.testing.simulator import RoutedSimulator, SimulatedRequest, SimulatedResponse, route
from deskhand_psa_connectwise.simulation.callbacks import WRITABLE, Signer, callback_of, messages
from deskhand_psa_connectwise.simulation.refusals import RefusedError, invalid, malformed, refusal
from deskhand_psa_connectwise.simulation.tables import Record, State, identifier
from deskhand_psa_connectwise.simulation.ticket_routes import TicketRoutes, json_of, object_of

COMPANY_ID, PUBLIC_KEY, PRIVATE_KEY = "rehearsal", "public-key-of-the-rehearsal", "private-key-of-the-rehearsal"
CLIENT_ID, SIGNING_KEY = "00000000-0000-4000-8000-0000000000c1", "signing-key-of-the-rehearsal"
KEY_PATH = "/callbacks/signingkey"
"""Where callbacks say their key is; the vendor's own path is not published."""
CONTENT_TYPE = "application/vnd.connectwise.com+json; version="
VERSIONS = ("2024.1", "2025.1", "2026.1")
WRITES = frozenset({"POST", "PUT", "PATCH"})
PAUSE_SECONDS = 30


class ConnectWiseSimulator(TicketRoutes, RoutedSimulator):
    """A whole PSA in memory. Fill it with ``seed_…``; look at it with ``tickets``, ``notes`` and ``requests``.

    ``codebase`` may change while it runs, as an upgrade does. ``is_cloud`` makes refused keys look like a 404.
    ``requests_per_minute`` switches throttling on. Everything but ``seed_…`` is for the host's one thread.
    """

    def __init__(
        self, *, clock: Clock = utc_now, is_cloud: bool = False, requests_per_minute: int | None = None
    ) -> None:
        super().__init__()
        self.state = State(clock)
        self.is_cloud = is_cloud
        self.requests_per_minute = requests_per_minute
        self.codebase = "v2025_1/"
        self.signing_key = SIGNING_KEY
        self.requests: Counter[str] = Counter()
        self.notified: list[int] = []
        self.origin = self.api_root = "http://127.0.0.1"
        self.member: Record = {}
        self._recent: deque[datetime] = deque()
        self.seed_member("deskhand", "Deskhand Agent", email="deskhand@msp.example")
        self.member = next(iter(self.state["members"]))
        for source in ("Email Connector", "Phone", "Portal"):
            self.seed_source(source)

    def tickets(self) -> list[Record]:
        """List every ticket as the vendor would show it."""
        return list(self.state["tickets"])

    def notes(self, ticket: int) -> list[Record]:
        """List a ticket's own notes, by id."""
        return self.state["notes"].children(ticket)

    def time_entries(self, ticket: int) -> list[Record]:
        """List a ticket's time entries, by id."""
        return self.state["times"].children(ticket)

    def snapshot(self) -> dict[str, JsonValue]:
        """Return the whole state as JSON."""
        return self.state.snapshot()

    def restore(self, snapshot: dict[str, JsonValue]) -> None:
        """Take a snapshot's state in place of what is there."""
        self.state.restore(snapshot)
        self.member = next(iter(self.state["members"]))

    def handle(self, request: SimulatedRequest) -> SimulatedResponse:
        """Answer as the vendor would, from the address to the last rule."""
        self.origin = f"http://{request.headers.get('host', '127.0.0.1')}"
        root = f"/{self.codebase}apis/3.0"
        self.api_root = self.origin + root
        inner = request.path.removeprefix(root)
        self.requests[f"{request.method} {re.sub(r'/[0-9]+', '/{id}', inner)}"] += 1
        if inner == request.path:
            return super().handle(request)
        refused = self._refusal_at_the_door(request)
        if refused is not None:
            return refused
        try:
            answer = super().handle(replace(request, path=inner))
        except RefusedError as error:
            answer = error.response
        return replace(answer, headers={**answer.headers, "Content-Type": f"{CONTENT_TYPE}{_version(request)}"})

    def refuse(self, request: SimulatedRequest, allowed: tuple[str, ...]) -> SimulatedResponse:
        """Answer what no route fits in the vendor's words."""
        if allowed:
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", f"{request.method} is not allowed")
        return refusal(HTTPStatus.NOT_FOUND, "NotFound", "no such resource")

    @route("GET", "/login/companyinfo/{company}")
    def tell_codebase(self, request: SimulatedRequest, company: str) -> SimulatedResponse:
        """Tell where the API lives; JSON null for a company nobody knows."""
        del request
        if company.lower() != COMPANY_ID:
            return SimulatedResponse.json(HTTPStatus.OK, None)
        information = {
            "CompanyName": "Rehearsal",
            "Codebase": self.codebase,
            "VersionCode": self.codebase.strip("/").replace("_", "."),
            "CompanyID": COMPANY_ID,
            "IsCloud": str(self.is_cloud),
        }
        return SimulatedResponse.json(HTTPStatus.OK, information)

    @route("GET", KEY_PATH)
    def tell_signing_key(self, request: SimulatedRequest) -> SimulatedResponse:
        """Hand out the key that callbacks are signed with."""
        del request
        return SimulatedResponse.json(HTTPStatus.OK, {"signing_key": self.signing_key})

    @route("GET", "/system/info")
    def tell_version(self, request: SimulatedRequest) -> SimulatedResponse:
        """Say what runs here."""
        info = {"version": f"v{_version(request)}.0", "isCloud": self.is_cloud, "serverTimeZone": "UTC"}
        return SimulatedResponse.json(HTTPStatus.OK, info)

    @route("POST", "/system/callbacks")
    def create_callback(self, request: SimulatedRequest) -> SimulatedResponse:
        """Register a callback."""
        callback = callback_of(object_of(request), self.member)
        self.state.stamp(callback, self.actor)
        return SimulatedResponse.json(HTTPStatus.CREATED, self.state["callbacks"].add(callback))

    @route("PATCH", "/system/callbacks/{number}")
    def patch_callback(self, request: SimulatedRequest, number: str) -> SimulatedResponse:
        """Change a callback."""
        callback, operations = self.record("callbacks", number), json_of(request)
        for operation in operations if isinstance(operations, list) else [None]:
            if not isinstance(operation, dict):
                raise malformed("a patch is an array of operations")
            if operation.get("path") not in WRITABLE:
                raise invalid("callbackEntry", ("UnknownField", str(operation.get("path"))))
            callback[str(operation["path"])] = operation.get("value")
        self.state.stamp(callback, self.actor)
        return SimulatedResponse.json(HTTPStatus.OK, callback)

    @route("DELETE", "/system/callbacks/{number}")
    def delete_callback(self, request: SimulatedRequest, number: str) -> SimulatedResponse:
        """Forget a callback."""
        del request
        self.state["callbacks"].remove(identifier(self.record("callbacks", number)))
        return SimulatedResponse(HTTPStatus.NO_CONTENT)

    def announce(self, ticket: Record, action: str, by: str) -> None:
        """Post a signed callback to everyone who listens to this ticket."""
        signer = Signer(self.signing_key, f"{self.origin}{KEY_PATH}", COMPANY_ID)
        for message in messages(self.state, ticket, action, by, signer):
            self.deliver(message.url, message.headers, message.body)

    def _refusal_at_the_door(self, request: SimulatedRequest) -> SimulatedResponse | None:
        if self._is_too_fast():
            words = f"Too many requests. Please try again in {PAUSE_SECONDS} seconds."
            body = {"error": "ConnectWiseAPI", "message": words}
            return SimulatedResponse.json(HTTPStatus.TOO_MANY_REQUESTS, body, {"Retry-After": str(PAUSE_SECONDS)})
        if request.headers.get("authorization") != _authorization() or not request.headers.get("clientid"):
            if self.is_cloud:
                return refusal(HTTPStatus.NOT_FOUND, "NotFound", "no such resource")
            return refusal(HTTPStatus.UNAUTHORIZED, "Unauthorized", "The authentication is incorrect")
        if _version(request) not in VERSIONS:
            return refusal(HTTPStatus.NOT_ACCEPTABLE, "InvalidVersion", "The version is not supported")
        if request.method in WRITES and "json" not in request.headers.get("content-type", ""):
            return refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", "The body is not JSON")
        return None

    def _is_too_fast(self) -> bool:
        if self.requests_per_minute is None:
            return False
        now = self.state.clock()
        while self._recent and now - self._recent[0] >= timedelta(minutes=1):
            self._recent.popleft()
        self._recent.append(now)
        return len(self._recent) > self.requests_per_minute


def settings(url: str) -> dict[str, JsonValue]:
    """Configure a connector for a simulator at an address."""
    return {
        "site": url,
        "company_id": COMPANY_ID,
        "public_key": PUBLIC_KEY,
        "private_key": PRIVATE_KEY,
        "client_id": CLIENT_ID,
        "allow_private_addresses": True,
        "requests_per_minute": 1_000_000,
        "callback_key_url": f"{url}{KEY_PATH}",
    }


def _authorization() -> str:
    return "Basic " + base64.b64encode(f"{COMPANY_ID}+{PUBLIC_KEY}:{PRIVATE_KEY}".encode()).decode()


def _version(request: SimulatedRequest) -> str:
    found = re.search(r"version=([0-9.]+)", request.headers.get("accept", ""))
    return found[1] if found else VERSIONS[1]
