"""The one door to a vendor: every change passes the same rings, in the same order.

kill switch → call, ticket and plan → no secret → tenant equality → policy → approval → proof → budget → intent →
apply → verify → outcome. What refuses a call is a ring of :mod:`deskhand.workflow.rings`; the rest is here.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from pydantic import JsonValue, TypeAdapter

from deskhand.records import effects
from deskhand.records.database import Records
from deskhand.records.effects import EffectState
from deskhand.sdk.actions import Effect, Inspection, Receipt
from deskhand.sdk.errors import (
    ConnectorError,
    HeldBackError,
    RateLimitedError,
    TooLateError,
    UnavailableError,
    UncertainError,
)
from deskhand.sdk.sending import sending_until, uptime
from deskhand.sdk.traffic import Errand, on_errand
from deskhand.workflow.calls import (
    Call,
    Case,
    Nobody,
    Observer,
    RefusedError,
    RingName,
    UnknownOutcomeError,
    Witness,
    unobserved,
)
from deskhand.workflow.rings import Ring, Rings, Spending, TenantRing

__all__ = ["Call", "Gate", "RefusedError", "key_maker"]

_RECEIPT = TypeAdapter(Receipt)
_KEY = re.compile(r"[a-z0-9-]{1,64}")

SENDS_FOR = 15.0
"""Seconds after its intent in which a call may be sent. Others find out what came of it later than that."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Performs calls, each at most once for its key. Thread-safe; one gate a record store."""

    records: Records
    actor: str
    unowned: Callable[[], frozenset[str]] = frozenset
    """Returns the PSA companies that collect what the PSA could not place, and so are nobody's."""
    governing: Rings = field(default_factory=Rings)
    """What governance adds to the rules of the house. Without it nothing is done that takes an approval."""
    sends_for: float = SENDS_FOR
    at: Observer = unobserved
    _under_way: set[str] = field(default_factory=set, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def perform(self, call: Call, witness: Witness | None = None) -> Receipt:
        """Make the change, or find that it has been made, and return the vendor's receipt.

        ``witness`` is told in the transactions that hold the intent and the outcome. Raises RefusedError when a ring
        refuses, UnknownOutcomeError when only a person can find out, UncertainError when the outcome must be read
        again later, and the connector's own errors when nothing was changed.
        """
        if not _KEY.fullmatch(call.key):
            raise RefusedError("an idempotency key is 1 to 64 characters of a-z, 0-9 and -")
        with self._alone(call), _errand_of(call):
            return self._perform(call, witness or Nobody())

    def inspect(self, call: Call) -> Inspection:
        """Look at what a call would change, and change nothing. Raises RefusedError or the connector's own errors."""
        with _errand_of(call):
            self._pass(self.governing.outer(), Case(call))
            inspection = call.action.inspect(call.connector, call.arguments)
            self._pass((TenantRing(self.unowned),), Case(call, inspection))
            return inspection

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

    def _perform(self, call: Call, witness: Witness) -> Receipt:
        effect = effects.find(self.records, call.key)
        if effect is not None:
            if (effect.arguments_sha256, effect.tenant) != (call.digest(), call.context.tenant.id):
                raise RefusedError(f"key {call.key} was used for another call; nothing was sent", ring=RingName.INTENT)
            if effect.receipt is not None:
                return _RECEIPT.validate_python(effect.receipt)
            if effect.state is EffectState.NEEDS_REVIEW:
                raise UnknownOutcomeError(
                    f"{call.action.name}: {call.key} waits for a person ({effect.reason})", ring=RingName.INTENT
                )
        self._pass(self.governing.outer(), Case(call))
        if effect is None or effect.state is EffectState.FAILED:
            return self._begin(call, witness)
        return self._find_out(call, witness)

    def _begin(self, call: Call, witness: Witness) -> Receipt:
        case, end = self._admitted(call), uptime() + self.sends_for
        self._claim(case, witness)
        return self._apply(call, witness, end)

    def _admitted(self, call: Call) -> Case:
        case = Case(call, call.action.inspect(call.connector, call.arguments))
        self._pass(self._inner(), case)
        self._reach("inspected", call)
        return case

    def _inner(self) -> tuple[Ring, ...]:
        return self.governing.inner(self.unowned)

    def _pass(self, rings: tuple[Ring, ...], case: Case) -> None:
        for ring in rings:
            reason = ring.objection(case)
            if reason is not None:
                raise self._refused(case.call, ring.name, reason)

    def _refused(self, call: Call, ring: RingName, reason: str) -> RefusedError:
        detail: dict[str, JsonValue] = {"action": call.action.name, "key": call.key, "ring": ring, "reason": reason}
        if call.mandate is not None:
            detail |= {"run": call.mandate.run_id, "step": call.mandate.step.id}
        with self.records.transaction(self.actor) as transaction:
            transaction.audit(
                "gate.refused", tenant=call.context.tenant.id, ticket=call.context.ticket_id, detail=detail
            )
        return RefusedError(f"{call.action.name}: {reason}", ring=ring)

    def _claim(self, case: Case, witness: Witness) -> None:
        call = case.call
        with self.records.transaction(self.actor) as transaction:
            effects.claim(
                transaction,
                call.key,
                action=call.action.name,
                tenant=call.context.tenant.id,
                ticket=call.context.ticket_id,
                arguments_sha256=call.digest(),
            )
            for ring in self._inner():
                if isinstance(ring, Spending):
                    ring.spend(transaction, case)
            if case.inspection is not None:
                witness.intends(transaction, case.inspection)
            self._reach("claiming", call)
        self._reach("claimed", call)

    def _find_out(self, call: Call, witness: Witness) -> Receipt:
        """Finish a claim that a dead process or a broken connection left behind: read, then finish or redo."""
        if call.action.effect is not Effect.ONCE:
            self._admitted(call)
            end = uptime() + self.sends_for
            with self.records.transaction(self.actor) as transaction:
                witness.stands(transaction)
            return self._apply(call, witness, end)
        if call.action.probe is None:
            raise self._leave_to_a_person(call, witness)
        found = call.action.probe(call.connector, call.arguments, call.key)
        self._reach("probed", call)
        if found is not None:
            return self._record(call, found, witness)
        self._fail(call, witness, "nothing of it was found", is_unchanged=True)
        return self._begin(call, witness)

    def _leave_to_a_person(self, call: Call, witness: Witness) -> UnknownOutcomeError:
        reason = "its outcome is unknown and cannot be read back"
        with self.records.transaction(self.actor) as transaction:
            witness.stands(transaction)
            effects.mark_needs_review(transaction, call.key, reason)
        return UnknownOutcomeError(
            f"{call.action.name}: {call.key} waits for a person ({reason})", ring=RingName.INTENT
        )

    def _apply(self, call: Call, witness: Witness, end: float) -> Receipt:
        with on_errand(is_begun=True) as errand:
            try:
                with sending_until(end):
                    receipt = call.action.apply(call.connector, call.arguments, call.key)
                self._reach("applied", call)
                _verify(call, receipt)
                self._reach("verified", call)
            except ConnectorError as error:
                is_unchanged = _proves_nothing_changed(call, error, errand)
                self._fail(call, witness, type(error).__name__, is_unchanged=is_unchanged)
                raise
        return self._record(call, receipt, witness)

    def _fail(self, call: Call, witness: Witness, error: str, *, is_unchanged: bool) -> None:
        """Put on the record how an attempt ended; a claim that stays makes the next one begin by reading.

        Only whoever still carries the call out may say so: meanwhile it may have been claimed by somebody else.
        """
        with self.records.transaction(self.actor) as transaction:
            witness.stands(transaction)
            effects.fail(transaction, call.key, error, is_unchanged=is_unchanged)

    def _record(self, call: Call, receipt: Receipt, witness: Witness) -> Receipt:
        with self.records.transaction(self.actor) as transaction:
            effects.record(transaction, call.key, _RECEIPT.dump_python(receipt, mode="json"))
            witness.settled(transaction, receipt)
            self._reach("recording", call)
        self._reach("recorded", call)
        return receipt

    def _reach(self, boundary: str, call: Call) -> None:
        self.at(boundary, call.subject)


def _errand_of(call: Call) -> AbstractContextManager[Errand]:
    """Say on whose behalf the calls of a change are made; whether for people or not, whoever asks has said."""
    pin = call.mandate.plan.automation if call.mandate is not None else None
    return on_errand(tenant=call.context.tenant.id, automation=pin.name if pin is not None else "")


def _proves_nothing_changed(call: Call, error: ConnectorError, errand: Errand) -> bool:
    """Tell whether the next attempt may begin anew. What can be read, or be repeated, is rather read or repeated."""
    if isinstance(error, UncertainError):
        return False
    if isinstance(error, HeldBackError | TooLateError):
        return errand.sent == 0
    if isinstance(error, UnavailableError) and not isinstance(error, RateLimitedError):
        return call.action.effect is Effect.ONCE and call.action.probe is None
    return True


def _verify(call: Call, receipt: Receipt) -> None:
    """Read back what was sent. Whatever keeps that from being done, the change itself may have been made."""
    try:
        is_there = call.action.verify(call.connector, call.arguments, receipt)
    except ConnectorError as error:
        raise UncertainError(f"{call.action.name}: {call.key} was sent but not read back ({error})") from error
    if not is_there:
        raise UncertainError(f"{call.action.name}: {call.key} was sent but is not there when read back")


def key_maker(desk_id: str) -> Callable[[str, str], str]:
    """Return a function from (ticket, purpose) to a key that is stable here and cannot be guessed elsewhere."""

    def key(ticket_id: str, purpose: str) -> str:
        return hashlib.sha256(f"{desk_id}|{ticket_id}|{purpose}".encode()).hexdigest()[:24]

    return key
