"""Identity proofs: a person has just shown who they are, for one plan on one ticket, and for ten minutes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from deskhand.automation.plan import Argument, Plan, PlannedStep, SourceKind
from deskhand.records import proofs
from deskhand.records.database import Records, Transaction
from deskhand.records.proofs import Proof, ProofState, Shown
from deskhand.sdk.actions import connector_of

__all__ = ["LASTS", "MOST_FAILURES", "Proof", "ProofMethod", "ProofRefusedError", "ProofState", "Shown"]

LASTS = timedelta(minutes=10)
UNCHANGED_FOR = timedelta(days=30)
"""A number that has been theirs for less may be the one an impostor has just had put on record."""
MOST_FAILURES = 3
"""So many failed attempts of a person on a ticket lock them there: go by another way, on another ticket."""


class ProofMethod(StrEnum):
    """How someone proved who they are. Which of these count, the guard rails say."""

    CODE = "code to a number on record"
    CALL_BACK = "call-back to a number on record"
    MANAGER = "a manager vouched"
    OTHER_NUMBER = "code to a number that is not on record"
    PUSH = "approve-only push"
    MAIL = "e-mail"

    @property
    def strength(self) -> str:
        """Say in a few words what it shows, for whoever reads the record or approves."""
        return _STRENGTHS.get(self, "counts for nothing")


_STRENGTHS: Mapping[ProofMethod, str] = {
    ProofMethod.CODE: "shows that they hold the number on record now",
    ProofMethod.CALL_BACK: "shows that they answered a call to the number on record",
}


class ProofRefusedError(Exception):
    """A proof cannot be taken or used; the message says why, fit for a person."""


def method_of(plan: Plan, step: PlannedStep) -> ProofMethod:
    """Say how a step proves who someone is: a number counts as on record only where it came from the directory.

    A number that a technician typed, or that stands in a ticket, is not on record, whoever it is said to belong to.
    What is known only during the run (the verification that was begun, the code) counts as what it was begun with.
    """
    behind = _behind(plan, step)
    theirs = [each for each in behind if each.person is not None]
    known = [each for each in theirs if not each.is_late]
    is_theirs = plan.person is not None and all(each.person == plan.person.id for each in theirs)
    is_on_record = bool(known) and all(each.source is SourceKind.DIRECTORY for each in known)
    is_typed = any(each.source is SourceKind.TECHNICIAN for each in behind)
    if not is_theirs or not is_on_record or is_typed:
        return ProofMethod.OTHER_NUMBER
    return ProofMethod.CALL_BACK if step.is_call_back else ProofMethod.CODE


def unchanged_since(plan: Plan, step: PlannedStep) -> datetime | None:
    """Say since when what a step proves identity by has been on the person's record; None where that is not known."""
    known = [each for each in _behind(plan, step) if each.person is not None and not each.is_late]
    moments = [each.unchanged_since for each in known if each.unchanged_since is not None]
    return max(moments) if moments and len(moments) == len(known) else None


def too_new(plan: Plan, at: datetime) -> str | None:
    """Say that no call-back of a plan will count by a moment, as the number is too new then; None where one may."""
    calls = [each for each in plan.steps if each.is_call_back]
    if not calls or not any(each.resets_proof for each in plan.steps):
        return None
    since = [unchanged_since(plan, each) for each in calls]
    if any(each is not None and at - each >= UNCHANGED_FOR for each in since):
        return None
    known = max((each for each in since if each is not None), default=None)
    age = "nobody knows since when" if known is None else f"since {known:%Y-%m-%d}"
    return f"the number that would be called is on record {age}, and a call-back counts after {UNCHANGED_FOR.days} days"


def is_call_back_to_an_old_number(proof: Proof) -> bool:
    """Tell whether someone was called back on a number that had been theirs for 30 days by then."""
    since = proof.unchanged_since
    return proof.method == ProofMethod.CALL_BACK and since is not None and proof.proven_at - since >= UNCHANGED_FOR


def _behind(plan: Plan, step: PlannedStep) -> list[Argument]:
    """List a step's arguments, with those of the earlier steps they come from."""
    found = list(step.arguments.values())
    for each in step.arguments.values():
        if each.source is SourceKind.STEP:
            found += _behind(plan, plan.step(each.origin.partition(".")[0]))
    return found


def shown_by(plan: Plan, step: PlannedStep) -> Shown | None:
    """Say what a step shows, by the plan alone; None where the plan is about nobody."""
    if plan.person is None:
        return None
    return Shown(
        person_id=plan.person.id,
        ticket_id=plan.ticket_id,
        tenant_id=plan.tenant.id,
        plan_id=plan.id,
        method=method_of(plan, step),
        provider=connector_of(step.action),
        unchanged_since=unchanged_since(plan, step),
    )


def record(transaction: Transaction, shown: Shown) -> Proof:
    """Keep that a person has proven who they are. Raises ProofRefusedError where they are locked on this ticket."""
    _refuse_locked(transaction, shown.person_id, shown.ticket_id)
    return proofs.add(transaction, shown, ProofState.PROVEN)


def failed(transaction: Transaction, shown: Shown) -> int:
    """Keep that an attempt failed and return how many are left; 0 means locked on this ticket."""
    proofs.add(transaction, shown, ProofState.FAILED)
    return max(0, MOST_FAILURES - proofs.failures(transaction.connection, shown.person_id, shown.ticket_id))


def lock_on(records: Records, plan: Plan) -> str | None:
    """Say that a plan's person is locked on its ticket, and why; None where they are not."""
    if plan.person is None:
        return None
    with records.reading() as connection:
        return _locked(connection, plan.person.id, plan.ticket_id)


def usable(records: Records, plan: Plan, now: datetime) -> Proof | None:
    """Return the best proof that still serves this very plan: of its person, on its ticket, not older than `LASTS`.

    A call-back to an old number is better than a code, and of two alike the newer.
    One that the plan has begun to use still serves its later steps, and the same step after a crash; no other plan.
    """
    if plan.person is None or lock_on(records, plan) is not None:
        return None
    mine = (plan.person.id, plan.ticket_id, plan.tenant.id)
    found = [
        proof
        for proof in proofs.of_plan(records, plan.id)
        if (proof.person_id, proof.ticket_id, proof.tenant_id) == mine
        and proof.state is not ProofState.FAILED
        and timedelta() <= now - proof.proven_at <= LASTS
    ]
    return max(found, key=lambda proof: (is_call_back_to_an_old_number(proof), proof.proven_at), default=None)


def use(transaction: Transaction, proof: Proof) -> Proof:
    """Mark a proof as used by its plan. Raises ProofRefusedError where it is too old or its person was locked since."""
    _refuse_locked(transaction, proof.person_id, proof.ticket_id)
    if not timedelta() <= transaction.clock() - proof.proven_at <= LASTS:
        raise ProofRefusedError("the identity proof is older than ten minutes: have the person prove it again")
    try:
        return proofs.use(transaction, proof.id)
    except LookupError as error:
        raise ProofRefusedError(str(error)) from error


def _refuse_locked(transaction: Transaction, person_id: str, ticket_id: str) -> None:
    locked = _locked(transaction.connection, person_id, ticket_id)
    if locked is not None:
        raise ProofRefusedError(locked)


def _locked(connection: Connection, person_id: str, ticket_id: str) -> str | None:
    if proofs.failures(connection, person_id, ticket_id) < MOST_FAILURES:
        return None
    return (
        f"three attempts of person {person_id} to prove who they are have failed on ticket {ticket_id}: "
        "nothing that needs a proof is done for them on this ticket any more"
    )
