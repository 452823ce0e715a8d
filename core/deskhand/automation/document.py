"""An Automation: what a finished run taught, written down so that an MSP admin can read, change and approve it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, JsonValue, model_serializer, model_validator

from deskhand.automation.conditions import Condition
from deskhand.automation.flow import Flow
from deskhand.automation.plan import MOST_STEPS, OnFailure
from deskhand.automation.rules import ActionName, ApprovalRule, Part, Retry, StepId, StepResult, TimeOfDay, ZoneName
from deskhand.automation.words import Line, MatchWord, Prose

AutomationName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
ParameterName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
ItemField: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,40}$")]

WHOLE_ITEM = "value"
"""Names the entry itself, where a for-each goes through a list of plain values."""


class FactSource(StrEnum):
    """Where a parameter's value comes from: a fact the desk vouches for, or what a technician is asked."""

    REQUESTER_CONTACT = "requester.contact"
    """The PSA contact who wrote."""
    REQUESTER_NAME = "requester.name"
    REQUESTER_EMAIL = "requester.email"
    """Their address as the PSA has it, whatever address the ticket came from."""
    REQUESTER_MOBILE = "requester.mobile"
    """Their mobile number as the PSA has it, never one a ticket names."""
    REQUESTER_DIRECTORY_USER = "requester.directory_user"
    """Their account in the client's own directory."""
    DIRECTORY_GROUP = "directory.group"
    """A group of the client's directory, by the name in ``named``."""
    TENANT_ID = "tenant.id"
    TENANT_NAME = "tenant.name"
    TICKET_ID = "ticket.id"
    TECHNICIAN = "technician"
    """What a technician types while the run waits, asked in the words of ``question``."""


class ParameterKind(StrEnum):
    """What sort of value a parameter holds."""

    IDENTIFIER = "identifier"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    TEXT = "text"
    CODE = "code"
    """What a person reads out to prove who they are."""


KIND_OF: Mapping[FactSource, ParameterKind] = {
    FactSource.REQUESTER_CONTACT: ParameterKind.IDENTIFIER,
    FactSource.REQUESTER_NAME: ParameterKind.NAME,
    FactSource.REQUESTER_EMAIL: ParameterKind.EMAIL,
    FactSource.REQUESTER_MOBILE: ParameterKind.PHONE,
    FactSource.REQUESTER_DIRECTORY_USER: ParameterKind.IDENTIFIER,
    FactSource.DIRECTORY_GROUP: ParameterKind.IDENTIFIER,
    FactSource.TENANT_ID: ParameterKind.IDENTIFIER,
    FactSource.TENANT_NAME: ParameterKind.NAME,
    FactSource.TICKET_ID: ParameterKind.IDENTIFIER,
}
"""The kind each fact has; what a technician is asked may be of any kind."""


class Parameter(Part):
    """A value that differs from ticket to ticket, and the only place it may come from."""

    kind: ParameterKind
    source: FactSource
    named: Line | None = None
    """Which group, where the source is one."""
    question: Line | None = None
    """What the technician is asked, where the source is one."""
    description: Line | None = None

    @model_validator(mode="after")
    def _is_of_one_piece(self) -> "Parameter":
        if (self.source is FactSource.DIRECTORY_GROUP) != (self.named is not None):
            raise ValueError("`named` goes with the source directory.group, and only with it")
        if (self.source is FactSource.TECHNICIAN) != (self.question is not None):
            raise ValueError("`question` goes with the source technician, and only with it")
        if self.source in KIND_OF and self.kind is not KIND_OF[self.source]:
            raise ValueError(f"the source {self.source} is of kind {KIND_OF[self.source]}, not {self.kind}")
        return self


class Given(Part):
    """What one argument of an action is given: exactly one of a parameter, a constant, a result, a part of the item."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    parameter: ParameterName | None = None
    constant: JsonValue = None
    step: StepResult | None = None
    """What an earlier step returned: ``<step>.reference`` or ``<step>.detail.<name>``."""
    item: ItemField | None = None
    """A field of what the for-each around the step is at; ``value`` is the entry itself."""
    prompt: Line | None = None
    """The question a technician answers while the run waits."""

    @model_validator(mode="after")
    def _is_one(self) -> "Given":
        if len(self.model_fields_set) != 1:
            raise ValueError("exactly one of `parameter`, `constant`, `step`, `item` and `prompt`")
        if self.kind != "constant" and getattr(self, self.kind) is None:
            raise ValueError(f"`{self.kind}` is empty")
        return self

    @model_serializer
    def _the_one(self) -> dict[str, JsonValue]:
        return {self.kind: getattr(self, self.kind)}

    @property
    def kind(self) -> str:
        """Say which of them it is."""
        return next(iter(self.model_fields_set))


class Check(StrEnum):
    """What can be required of a ticket before anything is planned: a closed list, each answered from trusted facts."""

    REQUESTER_IS_KNOWN = "requester_is_known"
    """The requester is a contact the PSA has on file."""
    REQUESTER_IS_ACTIVE = "requester_is_active"
    REQUESTER_HAS_MOBILE = "requester_has_mobile"
    REQUESTER_HAS_DIRECTORY_USER = "requester_has_directory_user"
    REQUESTER_IS_NOT_PRIVILEGED = "requester_is_not_privileged"
    """Their account holds no power over others."""
    WITHIN_HOURS = "within_hours"
    """It is office hours, as ``hours`` says."""


Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours(Part):
    """From when until when, on which days, on the clocks of which place."""

    start: TimeOfDay
    end: TimeOfDay
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")
    zone: ZoneName = "UTC"
    """A name of the IANA time zone database, such as Europe/Berlin."""

    @model_validator(mode="after")
    def _ends_later(self) -> "Hours":
        if self.start >= self.end:
            raise ValueError("`start` must be before `end`, on the same day")
        return self


class Precondition(Part):
    """Something that must hold, or nothing is planned."""

    check: Check
    hours: Hours | None = None
    because: Line | None = None
    """Why it is required, for people."""

    @model_validator(mode="after")
    def _has_hours(self) -> "Precondition":
        if (self.check is Check.WITHIN_HOURS) != (self.hours is not None):
            raise ValueError("`hours` goes with the check within_hours, and only with it")
        return self


class MatchRule(Part):
    """Which tickets it is for. Every part that is there must hold; a rule without parts matches nothing."""

    required: tuple[MatchWord, ...] = Field(default=(), max_length=10)
    """Words of which a ticket has all."""
    any: tuple[MatchWord, ...] = Field(default=(), max_length=40)
    """Words of which a ticket has at least one."""
    forbidden: tuple[MatchWord, ...] = Field(default=(), max_length=40)
    """Words of which a ticket has none."""
    types: tuple[Line, ...] = Field(default=(), max_length=20)
    """Ticket types by name; a ticket without a type is judged by the rest."""
    similarity: float | None = Field(default=None, ge=0.05, le=1)
    """How alike a ticket must be to the closest of ``examples``, as the cosine of their words."""
    examples: tuple[Annotated[str, Field(max_length=40)], ...] = Field(default=(), max_length=20)
    """Closed tickets by id, which the rule was learned from."""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing in it picks tickets."""
        return not (self.required or self.any or (self.similarity is not None and self.examples))


class StepVerification(StrEnum):
    """Whether the outcome is read back."""

    READ_BACK = "read_back"
    NONE = "none"


class StepUndo(StrEnum):
    """How a step is taken back."""

    RESTORE = "restore"
    """From the state captured before it."""
    NONE = "none"


class Step(Part):
    """One action of the catalogue and what it is given."""

    id: StepId
    action: ActionName
    title: Line
    arguments: Mapping[str, Given] = Field(default_factory=dict)
    when: tuple[Check, ...] = ()
    """The step is left out where one of these does not hold; nothing else changes."""
    only_if: Condition | None = None
    """The step is left out where this does not hold once its turn has come."""
    retry: Retry | None = None
    """How often it is tried; as often as the engine does where nothing is said."""
    timeout_minutes: int | None = Field(default=None, ge=1, le=1440)
    """So long after its first attempt it is not tried again."""
    verify: StepVerification = StepVerification.NONE
    undo: StepUndo = StepUndo.NONE
    irreversible: Prose | None = None
    """Why it cannot be undone, where it cannot."""

    @model_validator(mode="after")
    def _is_undone_or_not(self) -> "Step":
        if self.undo is StepUndo.RESTORE and self.irreversible is not None:
            raise ValueError("either `undo: restore` or `irreversible`, not both")
        if Check.WITHIN_HOURS in self.when:
            raise ValueError("`when` cannot ask for hours: make that a precondition")
        return self


class Automation(Part):
    """A reviewed way to handle one kind of ticket. It names actions and facts; it holds no person's data."""

    name: AutomationName
    version: int = Field(ge=1)
    title: Line
    description: Prose
    match: MatchRule
    preconditions: tuple[Precondition, ...] = Field(default=(), max_length=20)
    parameters: Mapping[ParameterName, Parameter] = Field(default_factory=dict)
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MOST_STEPS)
    flow: Flow = ()
    """In what order, on which conditions and with what waits the steps are done; as they are listed, where empty."""
    on_failure: OnFailure = "stop"
    """What becomes of what was done when a step fails: it stays, or what can be undone is."""
    approval: ApprovalRule | None = None

    @model_validator(mode="after")
    def _has_no_twins(self) -> "Automation":
        names = [step.id for step in self.steps]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two steps are called {twice}: give each its own id")
        return self

    @property
    def course(self) -> Flow:
        """The flow, also where it is no more than the steps in their order."""
        return self.flow or tuple(step.id for step in self.steps)

    @property
    def has_prompt(self) -> bool:
        """Tell whether a run of it waits for a technician to type something."""
        asked = any(each.source is FactSource.TECHNICIAN for each in self.parameters.values())
        return asked or any(given.kind == "prompt" for step in self.steps for given in step.arguments.values())

    def step(self, step_id: str) -> Step:
        """Find a step. Raises LookupError."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise LookupError(f"{self.name} has no step {step_id}")
