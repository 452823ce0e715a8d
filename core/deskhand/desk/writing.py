"""Writing a triage back to the PSA: first the fields policy allows, then one note that tells what happened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from deskhand.agent.note import render
from deskhand.desk.taxonomies import LiveTaxonomies
from deskhand.records.documents import FieldName, Handling, Triage, Why
from deskhand.registry import Registry
from deskhand.sdk.errors import NotFoundError, RejectedError
from deskhand.sdk.models import TenantContext, Ticket
from deskhand.sdk.roles import TicketSystem
from deskhand.workflow.gate import Call, Gate, RefusedError

_UPDATE_KEYS: Mapping[FieldName, str] = {
    FieldName.TYPE: "type_id",
    FieldName.SUBTYPE: "subtype_id",
    FieldName.ITEM: "item_id",
    FieldName.PRIORITY: "priority_id",
    FieldName.IMPACT: "impact",
    FieldName.URGENCY: "urgency",
}
"""How each field that a PSA holds is called in the arguments of ``<psa>.update_triage``; kind is ours alone."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Turns a decided Why into calls through the gate, each at most once for its ticket."""

    connector: str
    desk_name: str
    registry: Registry
    system: TicketSystem
    taxonomies: LiveTaxonomies
    gate: Gate
    key: Callable[[str, str], str]

    def write(self, owner: TenantContext, ticket: Ticket, why: Why) -> Why:
        """Write what was decided and return the Why with what came of it. Repeating it repeats no effect."""
        if why.triage is None:
            return why
        applied, reasons = self._apply(owner, ticket, why.triage, why.applied)
        handling = why.handling if applied == why.applied else Handling.SUGGEST
        text = render(why.triage, handling=handling, applied=applied, desk_name=self.desk_name)
        receipt = self.gate.perform(
            self._call("add_internal_note", owner, {"ticket_id": ticket.id, "text": text}, self.key(ticket.id, "note"))
        )
        written = f"One internal note was written ({receipt.reference})."
        return why.model_copy(
            update={"applied": applied, "note_id": receipt.reference, "reasons": (*why.reasons, *reasons, written)}
        )

    def _apply(
        self, owner: TenantContext, ticket: Ticket, triage: Triage, fields: tuple[FieldName, ...]
    ) -> tuple[tuple[FieldName, ...], tuple[str, ...]]:
        values = {_UPDATE_KEYS[field]: value for field in fields if (value := _value(triage, field)) is not None}
        if not values:
            return (), ()
        call = self._call("update_triage", owner, {"ticket_id": ticket.id, **values}, self.key(ticket.id, "fields"))
        try:
            self.gate.perform(call)
        except RefusedError:
            raise
        except (RejectedError, NotFoundError) as error:
            self.taxonomies.forget(ticket.board.id)
            return (), (f"The PSA refused the fields, so they are only suggested: {error}",)
        names = ", ".join(field.value for field in fields)
        return fields, (f"Written to the ticket: {names}.",)

    def _call(self, verb: str, owner: TenantContext, values: Mapping[str, JsonValue], key: str) -> Call:
        action = self.registry.action(f"{self.connector}.{verb}")
        try:
            arguments = action.arguments.model_validate(dict(values), strict=False)
        except ValidationError as error:
            raise RefusedError(f"{action.name}: the arguments do not fit ({error.error_count()} problems)") from error
        return Call(action=action, connector=self.system, context=owner, arguments=arguments, key=key)


def _value(triage: Triage, field: FieldName) -> str | None:
    decision = triage.decision(field)
    return decision.value if decision is not None and field in _UPDATE_KEYS else None
