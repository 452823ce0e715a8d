"""The gate's rings: each is one small rule that lets a call pass or says why not.

The rules of the house come first and cannot be left out. What governance brings (switches, policy, proofs, budgets) is
joined by :class:`Rings`; a planned call where none of it is joined is refused, not let through.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pydantic import JsonValue, ValidationError

from deskhand.automation.plan import PlannedStep, SourceKind
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.records.canonical import canonical_json
from deskhand.records.database import Transaction
from deskhand.records.runs import Run
from deskhand.sdk.actions import Inspection, Tier, connector_of
from deskhand.workflow.calls import Call, Case, Mandate, RingName

UNDO = ".undo"
"""What is appended to an action's name where the call undoes it."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}")


class Ring(Protocol):
    """One rule of the gate."""

    @property
    def name(self) -> RingName:
        """What it is called on the record."""
        ...

    def objection(self, case: Case) -> str | None:
        """Say why a call may not pass, or None. Fit for the record: identifiers only.

        Raises HeldBackError where it may pass later.
        """
        ...


class Stopping(Ring, Protocol):
    """A ring that may open again by itself: a call it refuses is not refused for good."""

    def stopped(self, tenant: str, connector: str, automation: str, *, is_undo: bool = False) -> str | None:
        """Say what is stopped, since when and by whom, or None."""
        ...


def is_stopped(switch: Stopping | None, run: Run, action: str) -> bool:
    """Tell whether a switch or a pause is for a run's step, forward or back."""
    if switch is None:
        return False
    is_undo = bool(run.undoing)
    return switch.stopped(run.tenant_id, connector_of(action), run.automation, is_undo=is_undo) is not None


@runtime_checkable
class Spending(Protocol):
    """A ring whose passing uses something up."""

    def spend(self, transaction: Transaction, case: Case) -> None:
        """Use it up in the transaction of the durable intent. Raises RefusedError where it is gone by now."""
        ...


@dataclass(frozen=True, slots=True)
class CallRing:
    """The call is what it says it is, and nobody automates the last tier."""

    name: RingName = RingName.CALL

    def objection(self, case: Case) -> str | None:
        """Refuse tier 4, arguments of another class, and from tier 2 on whatever stands in no plan."""
        action, arguments = case.call.action, case.call.arguments
        if type(arguments) is not action.arguments:
            return f"arguments are not {action.arguments.__name__}"
        if action.tier >= Tier.NEVER_AUTOMATED:
            return f"tier {action.tier} is never automated"
        if action.tier >= Tier.CLIENT_REVERSIBLE and case.call.mandate is None:
            return f"tier {action.tier} needs an approval of a plan, and there is no plan"
        return None


@dataclass(frozen=True, slots=True)
class TicketRing:
    """The call is on the ticket whose tenant was established, and names no other ticket or company."""

    name: RingName = RingName.TICKET

    def objection(self, case: Case) -> str | None:
        """Compare what the arguments and the plan name with the context."""
        context, arguments = case.call.context, case.call.arguments
        if getattr(arguments, "ticket_id", context.ticket_id) != context.ticket_id:
            return f"the call names another ticket than {context.ticket_id}"
        if getattr(arguments, "company_id", context.tenant.id) != context.tenant.id:
            return f"the call names another company than {context.tenant.id}"
        mandate = case.call.mandate
        if mandate is None:
            return None
        if mandate.plan.ticket_id != context.ticket_id:
            return f"plan {mandate.plan.id} is for another ticket than {context.ticket_id}"
        if mandate.plan.tenant.id != context.tenant.id:
            return f"plan {mandate.plan.id} is for another tenant than {context.tenant.id}"
        return None


@dataclass(frozen=True, slots=True)
class PlanRing:
    """A planned call is exactly what its plan says, and every argument came from an allowed source."""

    name: RingName = RingName.PLAN

    def objection(self, case: Case) -> str | None:
        """Compare action, declarations and arguments with the step that was planned."""
        call, mandate = case.call, case.call.mandate
        if mandate is None:
            return None
        step = mandate.step
        if step not in mandate.plan.steps:
            return f"plan {mandate.plan.id} has no such step {step.id}"
        if call.action.name != (f"{step.action}{UNDO}" if mandate.is_undo else step.action):
            return f"step {step.id} is {step.action}, not {call.action.name}"
        return (
            _declared_otherwise(call, mandate)
            or _free_text(step)
            or (None if _as_planned(call, step) else f"step {step.id} was planned with other arguments")
        )


def _declared_otherwise(call: Call, mandate: Mandate) -> str | None:
    """Refuse an action that has become more dangerous than people were told when they approved."""
    step, action = mandate.step, call.action
    if mandate.is_undo:
        return None
    if action.tier > step.tier:
        return f"{action.name} is of tier {action.tier} now and was planned as tier {step.tier}: make a new plan"
    if action.needs_proof and not step.needs_proof:
        return f"{action.name} needs an identity proof now and was planned without: make a new plan"
    if action.resets_proof and not step.resets_proof:
        return f"{action.name} needs a call-back now and was planned without: make a new plan"
    return None


def _free_text(step: PlannedStep) -> str | None:
    for name, argument in step.arguments.items():
        if argument.source is SourceKind.TICKET and not _is_identifier(argument.value):
            return f"{step.id}.{name} is text from the ticket, not one of its identifiers"
    return None


def _is_identifier(value: JsonValue) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None)


def _as_planned(call: Call, step: PlannedStep) -> bool:
    late = {name: getattr(call.arguments, name, None) for name, each in step.arguments.items() if each.is_late}
    early = {name: each.value for name, each in step.arguments.items() if not each.is_late}
    try:
        planned = call.action.arguments.model_validate({**early, **late}, strict=False)
    except ValidationError:
        return False
    return bool(planned == call.arguments)


@dataclass(frozen=True, slots=True)
class LeakRing:
    """No argument carries a secret of this desk: not in a note, not in a text, not in a search at the vendor."""

    scanner: LeakScanner
    name: RingName = RingName.LEAK

    def objection(self, case: Case) -> str | None:
        """Look through every argument as it would be sent, and name the secret without its value."""
        for name, value in case.call.arguments.model_dump(mode="json").items():
            leaks = self.scanner.find(value if isinstance(value, str) else canonical_json(value))
            if leaks:
                return f"{name} holds a secret of this desk ({leaks[0]})"
        return None


@dataclass(frozen=True, slots=True)
class TenantRing:
    """The target belongs to the ticket's tenant, as the vendor states it."""

    unowned: Callable[[], frozenset[str]]
    name: RingName = RingName.TENANT

    def objection(self, case: Case) -> str | None:
        """Refuse another tenant's target; in the PSA a ticket may be filed under nobody."""
        tenant = case.call.context.tenant.id
        owner = looked_at(case).tenant_id
        if owner == tenant:
            return None
        if case.call.action.tier <= Tier.PSA_REVERSIBLE and owner in {"", *self.unowned()}:
            return None  # the ticket is filed under nobody: whose it is, identity has said from other evidence
        return f"the target does not belong to tenant {tenant}"


@dataclass(frozen=True, slots=True)
class Missing:
    """A ring nobody has joined: whatever stands in a plan is refused."""

    name: RingName

    def objection(self, case: Case) -> str | None:
        """Refuse planned calls."""
        return f"no {self.name.value} is in force: nothing planned is carried out" if case.call.mandate else None


@dataclass(frozen=True, slots=True)
class Rings:
    """What governance adds to the rules of the house: policy, approval and proof refuse what is planned if left out."""

    switch: Stopping | None = None
    leak: LeakRing | None = None
    policy: Ring = Missing(RingName.POLICY)
    approval: Ring = Missing(RingName.APPROVAL)
    proof: Ring = Missing(RingName.PROOF)
    budget: Ring | None = None
    record: Ring | None = None

    def outer(self) -> tuple[Ring, ...]:
        """Return the rings a call passes before its target is looked at."""
        first = (self.switch,) if self.switch is not None else ()
        last = (self.leak,) if self.leak is not None else ()
        return (*first, CallRing(), TicketRing(), PlanRing(), *last)

    def inner(self, unowned: Callable[[], frozenset[str]]) -> tuple[Ring, ...]:
        """Return the rings a call passes once its target has been looked at; the switch, which may be new, last."""
        last = tuple(ring for ring in (self.budget, self.record, self.switch) if ring is not None)
        return (TenantRing(unowned), self.policy, self.approval, self.proof, *last)


def looked_at(case: Case) -> Inspection:
    """Return what the target looked like."""
    if case.inspection is None:
        raise RuntimeError("this ring comes after the target was looked at")
    return case.inspection
