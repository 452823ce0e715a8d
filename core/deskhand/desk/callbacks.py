"""Callbacks in: verified by the plugin, reduced to a hint, and a replay counted once."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from deskhand.intake.intake import Intake
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import AuthorizationError
from deskhand.sdk.models import Signal, SignalSource
from deskhand.sdk.secrets import permit
from deskhand.sdk.webhooks import Callback, CallbackReceiver, CallbackRefusedError

REMEMBERED = 10_000
"""How many digests of earlier callbacks are kept; a replay older than that only re-reads a record."""


TRY_AGAIN = 503


@dataclass(frozen=True, slots=True)
class PermittedReceiver:
    """Plays CallbackReceiver: lets a plugin open its secrets while it verifies one callback."""

    receiver: CallbackReceiver
    package: str

    def receive(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Have the plugin verify and parse it. Refused with 503 where a secret cannot be opened at present."""
        try:
            with permit(self.package):
                return self.receiver.receive(headers, body)
        except AuthorizationError as error:
            raise CallbackRefusedError(f"it cannot be verified: {error}", status=TRY_AGAIN) from None


@dataclass(slots=True)
class Callbacks:
    """Takes callbacks for the connectors that have a receiver. Thread-safe; contacts nobody but for the signing key."""

    receivers: Mapping[str, CallbackReceiver]
    intake: Intake
    clock: Clock
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def receive(self, connector: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Turn an authentic callback into a hint; False where it is a replay or not about a ticket.

        Raises CallbackRefusedError for anything else; the answer does not tell a stranger why.
        """
        receiver = self.receivers.get(connector)
        if receiver is None:
            raise CallbackRefusedError("no connector of this name takes callbacks", status=404)
        callback = receiver.receive(headers, body)
        if self._is_replay(callback.digest) or callback.record_type != "ticket":
            return False
        return self.intake.hint(Signal(connector, callback.record_id, SignalSource.CALLBACK, self.clock()))

    def _is_replay(self, digest: str) -> bool:
        with self._lock:
            if digest in self._seen:
                return True
            self._seen[digest] = None
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            return False
