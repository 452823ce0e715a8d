"""Writing a triage back to the PSA: first the fields policy allows, then one note that tells what happened."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from deskhand.agent.note import render
from deskhand.desk.taxonomies import LiveTaxonomies
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.records.documents import FieldName, Handling, Why
from deskhand.registry import Registry
from deskhand.sdk.errors import NotFoundError, RejectedError, UncertainError
from deskhand.sdk.models import TenantContext, Ticket
from deskhand.sdk.roles import TicketSystem
from deskhand.workflow.gate import Call, Gate, RefusedError

ATTEMPTS_FOR_FIELDS = 2
"""After so many in vain the note is written without them: some rule in the PSA sets them back."""

UPDATE_KEYS: Mapping[FieldName, str] = {
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
    scanner: LeakScanner
    key: Callable[[str, str], str]

    def set_fields(self, owner: TenantContext, ticket: Ticket, why: Why, attempts: int = 0) -> Why:
        """Set what policy allows and return the Why with what came of it; what the PSA refuses is only suggested.

        The answer has to be kept before the note is written, which tells of it: a note is written once, so it must be
        the same after a restart. ``attempts`` is how often this ticket failed before.
        """
        values = _values(why)
        if not values:
            return why.model_copy(update={"applied": ()})
        call = self._call("update_triage", owner, {"ticket_id": ticket.id, **values}, self.key(ticket.id, "fields"))
        try:
            self.gate.perform(call)
        except RefusedError:
            raise
        except (RejectedError, NotFoundError) as error:
            if isinstance(error, NotFoundError):
                self.system.check()  # where credentials are refused, everything can look as if it did not exist
            self.taxonomies.forget(ticket.board.id)
            return _only_suggested(why, f"The PSA refused the fields, so they are only suggested: {error}")
        except UncertainError as error:
            if attempts < ATTEMPTS_FOR_FIELDS:
                raise
            return _only_suggested(why, f"The PSA took the fields and does not hold them: {error}")
        names = ", ".join(field.value for field in why.applied)
        return why.model_copy(update={"reasons": (*why.reasons, f"Written to the ticket: {names}.")})

    def write_note(self, owner: TenantContext, ticket: Ticket, why: Why) -> Why:
        """Write the one internal note and return the Why with its reference. Repeating it repeats no effect."""
        if why.triage is None:
            return why
        text = render(
            why.triage,
            handling=why.handling,
            applied=why.applied,
            desk_name=self.desk_name,
            recommended=why.recommended,
        )
        reference = self.add_note(owner, text, self.key(ticket.id, "note"))
        written = f"One internal note was written ({reference})."
        reasons = (*why.reasons, *self._taken_out(text), written)
        return why.model_copy(update={"note_id": reference, "reasons": reasons})

    def add_note(self, owner: TenantContext, text: str, key: str) -> str:
        """Add an internal note of the desk's own to a ticket and return its reference; the same key adds no second.

        A secret in it is left out, so that the ticket's work is not lost over it; the gate would refuse it.
        """
        values: dict[str, JsonValue] = {"ticket_id": owner.ticket_id, "text": self.scanner.redact(text)}
        return self.gate.perform(self._call("add_internal_note", owner, values, key)).reference

    def _taken_out(self, text: str) -> Iterator[str]:
        for secret in sorted({leak.secret for leak in self.scanner.find(text)}):
            yield f"A secret was left out of the note ({secret}): change it, and find out how it got there."

    def _call(self, verb: str, owner: TenantContext, values: Mapping[str, JsonValue], key: str) -> Call:
        action = self.registry.action(f"{self.connector}.{verb}")
        try:
            arguments = action.arguments.model_validate(dict(values), strict=False)
        except ValidationError as error:
            raise RefusedError(f"{action.name}: the arguments do not fit ({error.error_count()} problems)") from error
        return Call(action=action, connector=self.system, context=owner, arguments=arguments, key=key)


def _values(why: Why) -> dict[str, JsonValue]:
    """Return the fields to set as arguments of the action."""
    decisions = why.triage.decisions if why.triage is not None else ()
    return {
        UPDATE_KEYS[each.field]: each.value
        for each in decisions
        if each.is_made and each.field in why.applied and each.field in UPDATE_KEYS
    }


def _only_suggested(why: Why, reason: str) -> Why:
    return why.model_copy(
        update={"handling": Handling.SUGGEST, "applied": (), "reasons": (*why.reasons, reason)},
    )
