"""A Plan: the typed steps someone wants carried out on one ticket, frozen, and identified by its hash.

A plan is data. It names actions of the catalogue and where each argument came from; it calls nothing. What is
approved is exactly its hash, so every word a person must be able to rely on is part of the document.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, Self, TypeAlias

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue, model_validator

from deskhand.automation.conditions import Condition
from deskhand.automation.flow import ITEM, Flow, faults, leaves
from deskhand.automation.rules import ActionName, Retry, StepId
from deskhand.records.canonical import canonical_json
from deskhand.records.documents import StoredDocument
from deskhand.sdk.actions import UNDO_HOURS, Effect

MOST_STEPS = 20

OnFailure: TypeAlias = Literal["stop", "undo"]
"""What becomes of what a run did when a step of it fails: it stays, or what can be undone is, newest first."""


class SourceKind(StrEnum):
    """Where the value of an argument came from. Words of a ticket's text are none of these, on purpose."""

    TICKET = "ticket"
    """A trusted field of the ticket: an identifier the PSA keeps, never something someone wrote."""
    DIRECTORY = "directory"
    """A record of this tenant, in the PSA or in its own directory."""
    TECHNICIAN = "technician"
    """The technician's own words."""
    CONSTANT = "constant"
    """Written in a reviewed automation, or by deskhand itself."""
    STEP = "step"
    """What an earlier step of the same plan returned; known only while the run goes on."""
    PROMPT = "prompt"
    """What a technician types while the run waits, such as a code a person reads out."""


class Argument(StoredDocument):
    """The value of one argument and where it came from; ``value`` is None where it is known only during the run."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: SourceKind
    value: JsonValue = None
    origin: str = Field(max_length=200)
    """For people: “the requester's mobile number in the PSA”. Our own words and identifiers only.

    For ``STEP`` it is exact: ``<step id>.reference`` or ``<step id>.detail.<name>``; for ``PROMPT`` it is the question.
    """
    person: str | None = None
    """The PSA contact this value belongs to, where it belongs to a person: one step's person must be the proven one."""

    unchanged_since: AwareDatetime | None = None
    """Since when deskhand has seen this very value on that person's record, where it watches that: their numbers."""

    @property
    def is_late(self) -> bool:
        """Tell whether the value is known only during the run."""
        return self.source in {SourceKind.STEP, SourceKind.PROMPT}


class PlannedStep(StoredDocument):
    """One action of the catalogue with its arguments, and what a person should know of it before approving."""

    id: StepId
    action: ActionName
    title: str
    tier: int = Field(ge=0, le=4)
    effect: Effect
    irreversible: str | None = None
    """Why it cannot be undone; None where it can."""
    undo_hours: int = Field(default=UNDO_HOURS, ge=1)
    """How long after it was done, where it can."""
    needs_proof: bool = False
    """It hands a person access, so that person must have proven who they are."""
    proves_identity: bool = False
    is_call_back: bool = False
    """It proves who they are by calling them on their number."""
    resets_proof: bool = False
    """Afterwards they prove who they are by something else: it takes a call-back and a manager's approval."""
    arguments: Mapping[str, Argument]
    only_if: Condition | None = None
    """It is left out where this does not hold once its turn has come."""
    retry: Retry | None = None
    timeout_minutes: int | None = None
    clause: str = Field(default="", max_length=500)
    """The technician's own words this step stands for; empty where an automation brought it."""


class Named(StoredDocument):
    """A record's identifier and the name people know it by."""

    id: str
    name: str


class AutomationPin(StoredDocument):
    """Exactly which version of which automation a plan was made from."""

    name: str
    version: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Plan(StoredDocument):
    """Typed steps on one ticket of one tenant, asked for by one account.

    ``id`` is new for every plan, so that no two plans share a hash and an approval serves one run only.
    """

    id: str = Field(pattern=r"^p-[0-9a-f]{16}$")
    ticket_id: str
    tenant: Named
    requested_by: str
    """The account that asked, or ``automation:<name>`` where policy lets an automation ask by itself."""
    person: Named | None = None
    """The PSA contact it is about, where it is about one: the requester of the ticket."""
    sentence: str = Field(default="", max_length=2_000)
    automation: AutomationPin | None = None
    steps: tuple[PlannedStep, ...] = Field(min_length=1, max_length=MOST_STEPS)
    flow: Flow = ()
    """In what order the steps are done; as they are listed where it is empty. See `course`."""
    on_failure: OnFailure = "stop"

    @model_validator(mode="after")
    def _is_sound(self) -> "Plan":
        """Refuse two steps of one name, a flow that is not of these steps, and what is known too late or nowhere."""
        ids = {step.id for step in self.steps}
        if len(ids) < len(self.steps):
            raise ValueError("two steps have one name")
        for fault in faults(self.course, ids):
            raise ValueError(f"flow {fault.position}: {fault.problem}")
        for leaf in leaves(self.course):
            step = self.step(leaf.step_id)
            for name, argument in step.arguments.items():
                source = argument.origin.partition(".")[0]
                is_known = source in leaf.before or (source == ITEM and leaf.is_in_loop)
                if argument.source is SourceKind.STEP and not is_known:
                    raise ValueError(f"{step.id}.{name} comes from {argument.origin}, which is no earlier step")
                if argument.source is SourceKind.PROMPT and (leaf.is_in_branch or leaf.is_in_loop):
                    raise ValueError(f"{step.id}.{name} asks a person in the midst of a branch or a loop")
        return self

    @property
    def course(self) -> Flow:
        """The flow, also where it is no more than the steps in their order."""
        return self.flow or tuple(step.id for step in self.steps)

    @property
    def tier(self) -> int:
        """The highest tier among its steps."""
        return max(step.tier for step in self.steps)

    def step(self, step_id: str) -> PlannedStep:
        """Find a step, by its own id or that of one of its repetitions (``tell.3``). Raises LookupError."""
        name = step_id.partition(".")[0]
        for step in self.steps:
            if step.id == name:
                return step
        raise LookupError(f"plan {self.id} has no step {step_id}")

    def sha256(self) -> str:
        """Identify the whole plan by the SHA-256 of its canonical JSON, in hex: what an approval is bound to."""
        return self.digest

    @cached_property
    def digest(self) -> str:
        """What `sha256` returns, reckoned once: a plan does not change, and a changed copy begins without it."""
        return hashlib.sha256(self.written().encode()).hexdigest()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy it, with some fields changed. The copy has a hash of its own."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("digest", None)
        return copied

    def written(self) -> str:
        """Write the plan as canonical JSON."""
        return canonical_json(self.model_dump(mode="json"))


class RefusalReason(StrEnum):
    """Why a clause of a sentence became no step."""

    NOT_UNDERSTOOD = "not understood"
    AMBIGUOUS = "ambiguous"
    NOT_PERMITTED = "not permitted"
    NOT_AVAILABLE = "not available"
    """It is understood, and no connector of this client can do it."""
    FACT_MISSING = "fact missing"
    """Something it needs is not on record: no mobile number, no such user, two users of that name."""


class Refusal(StoredDocument):
    """A clause that became no step, why, and what would mend it."""

    clause: str
    reason: RefusalReason
    detail: str
    options: tuple[str, ...] = ()
    """What it could have meant, where there is more than one."""


class Proposal(StoredDocument):
    """What a sentence came to: a plan where every clause was understood, else the refusals; never both."""

    plan: Plan | None
    refusals: tuple[Refusal, ...] = ()
    engine: str = "rules"
    """What chose: ``rules``, or the identity of the model."""

    @model_validator(mode="after")
    def _is_whole(self) -> "Proposal":
        if (self.plan is None) != bool(self.refusals):
            raise ValueError("a proposal has either a plan or refusals")
        return self
