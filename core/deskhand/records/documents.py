"""The documents the record store keeps about a ticket: what was decided, how sure we were, and why."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class StoredDocument(BaseModel):
    """A frozen document that survives a round trip through JSON; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldName(StrEnum):
    """The fields triage decides, in the order it decides them."""

    KIND = "kind"
    TYPE = "type"
    SUBTYPE = "subtype"
    ITEM = "item"
    IMPACT = "impact"
    URGENCY = "urgency"
    PRIORITY = "priority"


class TicketKind(StrEnum):
    """What sort of request a ticket is, in ITIL's words, and what is no request at all."""

    INCIDENT = "incident"
    SERVICE_REQUEST = "service request"
    PROBLEM = "problem"
    CHANGE = "change"
    ALERT = "alert"
    NO_ACTION = "no action"


class Choice(StoredDocument):
    """A value a field may take and how likely it is, in [0, 1]."""

    value: str
    label: str
    probability: float = Field(ge=0, le=1)


class Decision(StoredDocument):
    """One field of a triage: a value, or the reason there is none.

    ``value`` is the vendor's identifier where the field has one (type, subtype, item, priority), else the word itself.
    ``confidence`` is calibrated on the MSP's history where ``is_calibrated`` says so, in [0, 1].
    """

    field: FieldName
    value: str | None
    label: str | None
    confidence: float = Field(ge=0, le=1)
    is_calibrated: bool = False
    evidence: tuple[str, ...] = ()
    abstained_because: str | None = None
    ranking: tuple[Choice, ...] = ()
    """The likeliest values, best first, whether or not one was chosen: what a person may want to pick from."""

    @property
    def is_made(self) -> bool:
        """Tell whether a value was chosen."""
        return self.value is not None


class EntityKind(StrEnum):
    """What a mention in a ticket refers to."""

    PERSON = "person"
    DEVICE = "device"
    APPLICATION = "application"


class Entity(StoredDocument):
    """Something a ticket mentions; ``reference`` is the mirror's record where exactly one matches."""

    kind: EntityKind
    text: str
    reference: str | None = None


class SimilarTicket(StoredDocument):
    """A closed ticket of the same client, and what fixed it."""

    ticket_id: str
    summary: str
    similarity: float = Field(ge=0, le=1)
    fix: str | None = None
    hours: float | None = None
    closed_at: AwareDatetime | None = None


class Triage(StoredDocument):
    """What the agent thinks of one ticket. It decides; it does not execute."""

    ticket_id: str
    ticket_version: str
    tenant_id: str
    language: str
    summary: str
    decisions: tuple[Decision, ...]
    entities: tuple[Entity, ...] = ()
    similar: tuple[SimilarTicket, ...] = ()
    warnings: tuple[str, ...] = ()
    """What a technician should beware of, such as text that tries to give the agent orders."""
    engine: str
    """Which model and history decided, as ``<engine identity>; <history identity>``."""
    seconds: float = Field(ge=0)

    def decision(self, field: FieldName) -> Decision | None:
        """Find the decision about one field."""
        return next((each for each in self.decisions if each.field is field), None)


class Handling(StrEnum):
    """What policy lets the agent do with a triage for this client."""

    OFF = "off"
    SUGGEST = "suggest"
    APPLY = "apply"


class OutcomeKind(StrEnum):
    """How the handling of a ticket ended."""

    TRIAGED = "triaged"
    QUARANTINED = "quarantined"
    LEFT_ALONE = "left alone"
    NEEDS_REVIEW = "needs review"


class Why(StoredDocument):
    """Why a ticket was handled as it was: one for every ticket, also where nothing happened."""

    ticket_id: str
    outcome: OutcomeKind
    tenant_id: str | None
    reasons: tuple[str, ...]
    """Sentences, in the order they were found, from whose ticket it is to what was written."""
    handling: Handling | None = None
    note_id: str | None = None
    applied: tuple[FieldName, ...] = ()
    recommended: tuple[str, ...] = ()
    """Automations that fit, one line each: what it does, its name and version, and why it fits."""
    triage: Triage | None = None
    decided_at: AwareDatetime
