"""The one door to a vendor: every change passes the same rings, in the same order.

tenant equality → durable intent → apply → verify → outcome. Each ring is one small function with its own test;
kill switch, policy, approval and budget join them in front as issue 3 brings them.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from deskhand.records import effects
from deskhand.records.database import Records
from deskhand.records.effects import EffectState
from deskhand.sdk.actions import AnyAction, Arguments, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import ConnectorError, RejectedError, UncertainError
from deskhand.sdk.models import TenantContext
from deskhand.sdk.roles import Connector

_RECEIPT = TypeAdapter(Receipt)
_KEY = re.compile(r"[a-z0-9-]{1,64}")


class RefusedError(RejectedError):
    """The gate refused a call; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Call:
    """One change someone wants to make: what, at which connector, for whose ticket, under which key."""

    action: AnyAction
    connector: Connector
    context: TenantContext
    arguments: Arguments
    key: str

    def digest(self) -> str:
        """Identify action and arguments by SHA-256, in hex: a claim belongs to exactly this call."""
        payload = f"{self.action.name}\n{self.arguments.model_dump_json()}"
        return hashlib.sha256(payload.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Gate:
    """Performs calls, each at most once for its key. Thread-safe; one gate a record store."""

    records: Records
    actor: str
    unowned: Callable[[], frozenset[str]] = frozenset
    """Returns the PSA companies that collect what the PSA could not place, and so are nobody's."""
    _under_way: set[str] = field(default_factory=set, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def perform(self, call: Call) -> Receipt:
        """Make the change, or find that it has been made, and return the vendor's receipt.

        Raises RefusedError when a ring refuses, UncertainError when the outcome must be read again later, and
        the connector's own errors when nothing was changed.
        """
        _refuse_misuse(call)
        _refuse_other_tickets(call)
        with self._alone(call):
            return self._perform(call)

    @contextmanager
    def _alone(self, call: Call) -> Iterator[None]:
        with self._lock:
            if call.key in self._under_way:
                raise UncertainError(f"{call.action.name}: {call.key} is being made at this very moment")
            self._under_way.add(call.key)
        try:
            yield
        finally:
            self._under_way.discard(call.key)

    def _perform(self, call: Call) -> Receipt:
        effect = effects.find(self.records, call.key)
        if effect is None:
            self._refuse_other_tenants(call, call.action.inspect(call.connector, call.arguments))
            self._claim(call)
            return self._apply(call)
        if (effect.arguments_sha256, effect.tenant) != (call.digest(), call.context.tenant.id):
            raise RefusedError(f"key {call.key} was used for another call; nothing was sent")
        if effect.receipt is not None:
            return _RECEIPT.validate_python(effect.receipt)
        if effect.state is EffectState.NEEDS_REVIEW:
            raise RefusedError(f"{call.action.name}: {call.key} waits for a person ({effect.reason})")
        return self._find_out(call)

    def _refuse_other_tenants(self, call: Call, inspection: Inspection) -> None:
        if inspection.tenant_id == call.context.tenant.id:
            return
        if call.action.tier <= Tier.PSA_REVERSIBLE and inspection.tenant_id in {"", *self.unowned()}:
            return  # the ticket is filed under nobody: whose it is, identity has said from other evidence
        with self.records.transaction(self.actor) as transaction:
            transaction.audit(
                "gate.refused",
                tenant=call.context.tenant.id,
                ticket=call.context.ticket_id,
                detail={"action": call.action.name, "key": call.key, "reason": "the target belongs to another tenant"},
            )
        raise RefusedError(f"{call.action.name}: the target does not belong to tenant {call.context.tenant.id}")

    def _claim(self, call: Call) -> None:
        with self.records.transaction(self.actor) as transaction:
            effects.claim(
                transaction,
                call.key,
                action=call.action.name,
                tenant=call.context.tenant.id,
                ticket=call.context.ticket_id,
                arguments_sha256=call.digest(),
            )

    def _find_out(self, call: Call) -> Receipt:
        """Finish a claim that a dead process or a broken connection left behind: read, then finish or redo."""
        if call.action.effect is Effect.ONCE:
            if call.action.probe is None:
                raise self._leave_to_a_person(call)
            found = call.action.probe(call.connector, call.arguments, call.key)
            if found is not None:
                return self._record(call, found)
        self._refuse_other_tenants(call, call.action.inspect(call.connector, call.arguments))
        return self._apply(call)

    def _leave_to_a_person(self, call: Call) -> RefusedError:
        reason = "its outcome is unknown and cannot be read back"
        with self.records.transaction(self.actor) as transaction:
            effects.mark_needs_review(transaction, call.key, reason)
        return RefusedError(f"{call.action.name}: {call.key} waits for a person ({reason})")

    def _apply(self, call: Call) -> Receipt:
        try:
            receipt = call.action.apply(call.connector, call.arguments, call.key)
            _verify(call, receipt)
        except ConnectorError as error:
            self._note_failure(call, error)
            raise
        return self._record(call, receipt)

    def _note_failure(self, call: Call, error: ConnectorError) -> None:
        """Put on the record how an attempt ended; the claim stays, so that the next one begins by reading."""
        with self.records.transaction(self.actor) as transaction:
            transaction.audit(
                "effect.failed",
                tenant=call.context.tenant.id,
                ticket=call.context.ticket_id,
                detail={"action": call.action.name, "key": call.key, "error": type(error).__name__},
            )

    def _record(self, call: Call, receipt: Receipt) -> Receipt:
        with self.records.transaction(self.actor) as transaction:
            effects.record(transaction, call.key, _RECEIPT.dump_python(receipt, mode="json"))
        return receipt


def _verify(call: Call, receipt: Receipt) -> None:
    """Read back what was sent. Whatever keeps that from being done, the change itself may have been made."""
    try:
        is_there = call.action.verify(call.connector, call.arguments, receipt)
    except ConnectorError as error:
        raise UncertainError(f"{call.action.name}: {call.key} was sent but not read back ({error})") from error
    if not is_there:
        raise UncertainError(f"{call.action.name}: {call.key} was sent but is not there when read back")


def _refuse_misuse(call: Call) -> None:
    if not _KEY.fullmatch(call.key):
        raise RefusedError("an idempotency key is 1 to 64 characters of a-z, 0-9 and -")
    if call.action.tier >= Tier.CLIENT_REVERSIBLE:
        raise RefusedError(
            f"{call.action.name}: tier {call.action.tier} needs an approval, which this desk cannot take yet"
        )
    if type(call.arguments) is not call.action.arguments:
        raise RefusedError(f"{call.action.name}: arguments are not {call.action.arguments.__name__}")


def _refuse_other_tickets(call: Call) -> None:
    """Refuse a call on another ticket than the one whose tenant was established."""
    ticket = getattr(call.arguments, "ticket_id", call.context.ticket_id)
    if ticket != call.context.ticket_id:
        raise RefusedError(f"{call.action.name}: the call names another ticket than {call.context.ticket_id}")


def key_maker(desk_id: str) -> Callable[[str, str], str]:
    """Return a function from (ticket, purpose) to a key that is stable here and cannot be guessed elsewhere."""

    def key(ticket_id: str, purpose: str) -> str:
        return hashlib.sha256(f"{desk_id}|{ticket_id}|{purpose}".encode()).hexdigest()[:24]

    return key
