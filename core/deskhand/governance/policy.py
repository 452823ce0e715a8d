"""What the agent may do with a triage for one client, and which of its decisions may be written."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from deskhand.governance.matrix import PriorityMatrix
from deskhand.records.documents import Decision, FieldName, Handling, Triage
from deskhand.sdk.models import Reference, Ticket

PLACEHOLDERS = (
    "needs triage",
    "untriaged",
    "to be triaged",
    "triage",
    "unassigned",
    "unclassified",
    "uncategorized",
    "uncategorised",
    "not set",
    "none",
    "new",
    "tbd",
    "nicht zugeordnet",
    "nicht kategorisiert",
    "unkategorisiert",
    "offen",
)
WRITABLE = frozenset(FieldName) - {FieldName.KIND}
_PARENT = {FieldName.SUBTYPE: FieldName.TYPE, FieldName.ITEM: FieldName.SUBTYPE}


class ClientPolicy(BaseModel):
    """One client's policy. A closed table: a misspelt key is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    handling: Handling = Field(
        default=Handling.SUGGEST,
        description="`off`: leave this client's tickets alone. `suggest`: write a note. `apply`: also set fields.",
    )
    minimum_confidence: float = Field(
        default=0.85, ge=0, le=1, description="Set a field only when its confidence is at least this."
    )
    apply_uncalibrated: bool = Field(
        default=False, description="Also set fields whose confidence could not be calibrated on this MSP's history."
    )
    fields: frozenset[FieldName] = Field(
        default=frozenset({FieldName.TYPE, FieldName.SUBTYPE, FieldName.ITEM}),
        description="The fields that may be set: type, subtype, item, impact, urgency, priority.",
    )
    boards: frozenset[str] | None = Field(
        default=None, description="Handle only tickets on these boards (name or identifier); left out: on all."
    )
    placeholders: tuple[str, ...] = Field(
        default=PLACEHOLDERS,
        description="Values that mean nobody has chosen yet; name a board's default type or priority here.",
    )
    review_share: float = Field(
        default=0.05, ge=0, le=1, description="Draw this share of decisions for people to review; more where in doubt."
    )
    matrix: PriorityMatrix = Field(
        default_factory=PriorityMatrix, description="The priority rank for each impact and urgency."
    )

    def covers(self, board: Reference) -> bool:
        """Tell whether tickets on this board are handled."""
        return self.boards is None or board.id in self.boards or board.name in self.boards

    def is_placeholder(self, name: str) -> bool:
        """Tell whether a value of this name means that nobody has chosen yet."""
        return name.strip().casefold() in {each.strip().casefold() for each in self.placeholders}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be done with a triage: how it is handled, which fields may be set, and why, in sentences."""

    handling: Handling
    fields: tuple[FieldName, ...]
    reasons: tuple[str, ...]


def verdict(policy: ClientPolicy, triage: Triage, ticket: Ticket) -> Verdict:
    """Say what policy allows. A value that a person has set is never overwritten."""
    if policy.handling is Handling.OFF:
        return Verdict(Handling.OFF, (), ("Policy: tickets of this client are left alone.",))
    if not policy.covers(ticket.board):
        return Verdict(Handling.OFF, (), (f"Policy: board “{ticket.board.name}” is not in scope for this client.",))
    if policy.handling is Handling.SUGGEST:
        return Verdict(Handling.SUGGEST, (), ("Policy: suggest only; no field is set.",))
    return _applicable(policy, triage, ticket)


def _applicable(policy: ClientPolicy, triage: Triage, ticket: Ticket) -> Verdict:
    allowed: list[FieldName] = []
    reasons = ["Policy: fields may be set."]
    for decision in triage.decisions:
        if decision.field not in WRITABLE or not decision.is_made:
            continue
        objection = _objection(policy, decision, ticket) or _orphaned(decision, allowed, triage, ticket)
        if objection is None:
            allowed.append(decision.field)
        elif not _agrees(decision, ticket):
            reasons.append(f"{decision.field.value.capitalize()} is not set: {objection}.")
    return Verdict(Handling.APPLY, tuple(allowed), tuple(reasons))


def _objection(policy: ClientPolicy, decision: Decision, ticket: Ticket) -> str | None:
    present = _present(ticket)[decision.field]
    if present is not None and _is_chosen(policy, present):
        return f"a person has chosen “{present.name}”"
    if decision.field is FieldName.TYPE and _is_chosen(policy, ticket.subtype):
        return "a person has chosen a subtype, which another type may not accept"
    if decision.field not in policy.fields:
        return "policy does not list the field"
    if not decision.is_calibrated and not policy.apply_uncalibrated:
        return "its confidence is not calibrated on this MSP's history"
    if decision.confidence < policy.minimum_confidence:
        return f"confidence {decision.confidence:.2f} is below {policy.minimum_confidence:.2f}"
    return None


def _is_chosen(policy: ClientPolicy, present: Reference | None) -> bool:
    return present is not None and not policy.is_placeholder(present.name)


def _orphaned(decision: Decision, allowed: list[FieldName], triage: Triage, ticket: Ticket) -> str | None:
    """Object to a subtype or an item whose own parent will not stand on the ticket."""
    parent = _PARENT.get(decision.field)
    if parent is None or parent in allowed:
        return None
    above = triage.decision(parent)
    return None if above is not None and _agrees(above, ticket) else f"the {parent} it belongs to is not set"


def _agrees(decision: Decision, ticket: Ticket) -> bool:
    present = _present(ticket)[decision.field]
    return present is not None and present.id == decision.value


def _present(ticket: Ticket) -> Mapping[FieldName, Reference | None]:
    return {
        FieldName.TYPE: ticket.type,
        FieldName.SUBTYPE: ticket.subtype,
        FieldName.ITEM: ticket.item,
        FieldName.PRIORITY: ticket.priority,
        FieldName.IMPACT: None if ticket.impact is None else Reference(ticket.impact, ticket.impact),
        FieldName.URGENCY: None if ticket.urgency is None else Reference(ticket.urgency, ticket.urgency),
    }
