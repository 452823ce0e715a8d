"""Sign-ins under way: kept here, found by a cookie that says nothing, taken out once, gone after ten minutes."""

import hmac
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deskhand.governance.accounts import token_digest
from deskhand.governance.entra.authority import Flow
from deskhand.sdk.clock import Clock

LASTS = timedelta(minutes=10)
MOST = 1_000
MOST_BY_ADDRESS = 20
"""From one address at a time: whoever begins many and ends none puts out their own first."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One sign-in: how it comes back, where its visitor was going, and from which address they came."""

    flow: Flow
    wanted: str
    client: str
    expires_at: datetime


@dataclass(slots=True)
class PendingSignIns:
    """Keeps what must not be in a browser. In memory alone: whoever was half way when the desk ended begins anew."""

    clock: Clock
    _known: dict[str, Pending] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def keep(self, flow: Flow, wanted: str, client: str) -> str:
        """Keep a sign-in and return the token that finds it again, for a cookie."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._sweep(client)
            self._known[token_digest(token)] = Pending(flow, wanted, client, self.clock() + LASTS)
        return token

    def take(self, token: str, state: str) -> Pending | None:
        """Take out the sign-in of this browser, whatever comes of it; None where this is not how it was to come back.

        So each serves once: a second answer finds nothing.
        """
        with self._lock:
            found = self._known.pop(token_digest(token), None)
        if found is None or self.clock() >= found.expires_at:
            return None
        return found if hmac.compare_digest(found.flow.state.encode(), state.encode("utf-8", "replace")) else None

    def _sweep(self, client: str) -> None:
        """Drop what is too old, and the oldest where there are too many: a dict keeps them in order."""
        now = self.clock()
        self._known = {key: each for key, each in self._known.items() if now < each.expires_at}
        same = [key for key, each in self._known.items() if each.client == client]
        for keys, most in ((same, MOST_BY_ADDRESS), (list(self._known), MOST)):
            for key in keys[: max(0, len(keys) + 1 - most)]:
                self._known.pop(key, None)
