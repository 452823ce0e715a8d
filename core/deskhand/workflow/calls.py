"""What someone wants done at a vendor, on what grounds, and what refuses it."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from deskhand.automation.plan import Plan, PlannedStep, SourceKind
from deskhand.records.database import Transaction
from deskhand.sdk.actions import AnyAction, Arguments, Inspection, Receipt
from deskhand.sdk.errors import RejectedError
from deskhand.sdk.models import TenantContext
from deskhand.sdk.roles import Connector


class RingName(StrEnum):
    """The rings of the gate, in the order a call passes them."""

    KILL_SWITCH = "kill switch"
    CALL = "call"
    TICKET = "ticket"
    PLAN = "plan"
    LEAK = "leak"
    TENANT = "tenant"
    POLICY = "policy"
    APPROVAL = "approval"
    PROOF = "proof"
    BUDGET = "budget"
    RECORD = "record"
    INTENT = "intent"


class RefusedError(RejectedError):
    """The gate refused a call; nothing was sent. ``ring`` says where."""

    def __init__(self, message: str, *, ring: RingName = RingName.CALL) -> None:
        """Keep the ring beside the message."""
        super().__init__(message)
        self.ring = ring


class UnknownOutcomeError(RefusedError):
    """An earlier attempt may have made the change, and nobody but a person can find out."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """On what grounds a step is carried out: which step of which plan, for which run, by whose approval."""

    plan: Plan
    step: PlannedStep
    run_id: str
    approval_id: str | None
    is_undo: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One change someone wants to make: what, at which connector, for whose ticket, under which key.

    Without a ``mandate`` it is the desk's own writing to the PSA, which policy has allowed before.
    """

    action: AnyAction
    connector: Connector
    context: TenantContext
    arguments: Arguments
    key: str
    mandate: Mandate | None = None

    def digest(self) -> str:
        """Identify action and arguments by SHA-256, in hex: a claim belongs to exactly this call.

        What a person typed while the run waited is left out: a code of six digits can be found from its hash.
        """
        payload = f"{self.action.name}\n{self.arguments.model_dump_json(exclude=set(self.prompted))}"
        return hashlib.sha256(payload.encode()).hexdigest()

    @property
    def subject(self) -> str:
        """Name what is being done, for an observer: the step, or the key."""
        if self.mandate is None:
            return self.key
        return f"undo {self.mandate.step.id}" if self.mandate.is_undo else self.mandate.step.id

    @property
    def prompted(self) -> frozenset[str]:
        """The arguments a person typed while the run waited."""
        planned = self.mandate.step.arguments if self.mandate is not None else {}
        return frozenset(name for name, each in planned.items() if each.source is SourceKind.PROMPT)


@dataclass(frozen=True, slots=True)
class Case:
    """A call before a ring; ``inspection`` is there once the target has been looked at."""

    call: Call
    inspection: Inspection | None = None
    memo: dict[RingName, object] = field(default_factory=dict, compare=False)
    """What a ring found out and needs again when the call is claimed."""


class Witness(Protocol):
    """Whoever wants to know of a call in the very transactions that make it durable."""

    def intends(self, transaction: Transaction, inspection: Inspection) -> None:
        """Take note that the call is about to be made. What this raises keeps it from being made."""
        ...

    def settled(self, transaction: Transaction, receipt: Receipt) -> None:
        """Take note of what came of it."""
        ...

    def stands(self, transaction: Transaction) -> None:
        """Make sure that it is still ours to find out or to give up. What this raises keeps it as it is."""
        ...


class Nobody:
    """A witness who takes no notice."""

    def intends(self, transaction: Transaction, inspection: Inspection) -> None:
        """Do nothing."""

    def settled(self, transaction: Transaction, receipt: Receipt) -> None:
        """Do nothing."""

    def stands(self, transaction: Transaction) -> None:
        """Do nothing."""


class Observer(Protocol):
    """Told the name of each boundary a run crosses: where a process could die and leave the other side behind."""

    def __call__(self, boundary: str, subject: str) -> None:
        """Take note; ``subject`` is the step, or the run."""
        ...


def unobserved(boundary: str, subject: str) -> None:
    """Take no note of a boundary."""
    del boundary, subject
