"""What a technician says of a triage: apply it, or these values instead. Written through the gate, kept as a label."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from deskhand.desk.contexts import Contexts
from deskhand.desk.refusals import DeskRefusedError, require, require_client
from deskhand.desk.writing import UPDATE_KEYS, Writer
from deskhand.records import explanations, reviews
from deskhand.records.accounts import Account, Role
from deskhand.records.canonical import canonical_json
from deskhand.records.database import Records
from deskhand.records.documents import FieldName, Triage, Why
from deskhand.records.reviews import Mark, Review, Subject
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import RejectedError
from deskhand.sdk.models import Level, Priority, Reference, Subtype, Taxonomy, TenantContext, Ticket
from deskhand.workflow.gate import Call


@dataclass(frozen=True, slots=True)
class TicketChoices:
    """What a ticket's board and the PSA accept right now."""

    types: tuple[Reference, ...]
    subtypes: tuple[Subtype, ...]
    items: tuple[Reference, ...]
    priorities: tuple[Priority, ...]


@dataclass(frozen=True, slots=True)
class Correcting:
    """Lets a technician decide the fields of a ticket. Raises DeskRefusedError for misuse, and connectors' errors."""

    records: Records
    contexts: Contexts
    writer: Writer
    clock: Clock

    def choices(self, ticket_id: str) -> TicketChoices:
        """List what the ticket's fields can be set to."""
        _, ticket, _ = self.contexts.read(ticket_id)
        taxonomy = self.writer.taxonomies.of(ticket.board.id)
        return TicketChoices(
            taxonomy.types, taxonomy.subtypes, taxonomy.items, tuple(self.writer.taxonomies.priorities())
        )

    def apply(self, who: Account, ticket_id: str) -> Why:
        """Set every field the triage decided on, and return the explanation as it is then."""
        require(who, Role.TECHNICIAN)
        owner, ticket, _ = self.contexts.read(ticket_id)
        require_client(who, owner.tenant.id)
        why, triage = self._explained(owner, ticket_id)
        values = {
            each.field: str(each.value) for each in triage.decisions if each.is_made and each.field in UPDATE_KEYS
        }
        if not values:
            raise DeskRefusedError("the triage decided on no field the PSA has: say what it should be instead")
        return self._set(who, owner, ticket, why, values, f"{who.display_name} applied the triage")

    def correct(self, who: Account, ticket_id: str, values: Mapping[FieldName, str]) -> Why:
        """Set these values instead, keyed by the PSA's identifiers or the word itself; each becomes a label."""
        require(who, Role.TECHNICIAN)
        if not values.keys() & UPDATE_KEYS.keys():
            raise DeskRefusedError("nothing was chosen: choose what the ticket should say")
        owner, ticket, _ = self.contexts.read(ticket_id)
        require_client(who, owner.tenant.id)
        why, _ = self._explained(owner, ticket_id)
        return self._set(who, owner, ticket, why, values, f"{who.display_name} corrected the triage")

    def _set(
        self,
        who: Account,
        owner: TenantContext,
        ticket: Ticket,
        why: Why,
        values: Mapping[FieldName, str],
        sentence: str,
    ) -> Why:
        names = self._names(ticket, values)
        self._write(owner, ticket, {UPDATE_KEYS[field]: value for field, value in values.items()}, who)
        self.contexts.read(ticket.id)
        told = f"{sentence}: {', '.join(f'{field.value} {name}' for field, name in names.items())}."
        applied = tuple(field for field in FieldName if field in {*why.applied, *values})
        explained = why.model_copy(update={"applied": applied, "reasons": (*why.reasons, told)})
        labels = tuple(self._label(who, why, field, value, names[field]) for field, value in values.items())
        with self.records.transaction(who.name) as transaction:
            explanations.save(transaction, explained)
            for review in labels:
                reviews.draw(transaction, review)
                reviews.mark(transaction, review)
        return explained

    def _label(self, who: Account, why: Why, field: FieldName, value: str, name: str) -> Review:
        """Set what was decided beside what a person says it is: what later learning reads.

        A decision that was drawn for review before keeps how likely that was.
        """
        review_id = f"{why.ticket_id}:{field.value}"
        decision = why.triage.decision(field) if why.triage is not None else None
        decided = decision.value if decision is not None else None
        review = reviews.find(self.records, Subject.TRIAGE, review_id) or Review(
            subject=Subject.TRIAGE,
            id=review_id,
            ticket_id=why.ticket_id,
            tenant_id=why.tenant_id or "",
            field=field,
            value=decided,
            label=(decision.label if decision is not None else None) or "not decided",
            confidence=decision.confidence if decision is not None else None,
            engine=why.triage.engine if why.triage is not None else "",
            rate=1.0,
            because="a technician said so on the ticket",
            decided_at=why.decided_at,
        )
        right = {"right_value": None, "right_label": None}
        wrong = {"right_value": value, "right_label": name}
        said = {"mark": Mark.RIGHT, **right} if decided == value else {"mark": Mark.WRONG, **wrong}
        return review.model_copy(update={**said, "marked_by": who.name, "marked_at": self.clock()})

    def _write(self, owner: TenantContext, ticket: Ticket, values: Mapping[str, str], who: Account) -> None:
        action = self.writer.registry.action(f"{self.writer.connector}.update_triage")
        wanted: dict[str, JsonValue] = {"ticket_id": ticket.id, **values}
        purpose = hashlib.sha256(canonical_json([who.name, ticket.version, wanted]).encode()).hexdigest()
        try:
            arguments = action.arguments.model_validate(wanted, strict=False)
        except ValidationError as error:
            raise DeskRefusedError("one of these values is none the PSA knows: load the page again") from error
        call = Call(action, self.writer.system, owner, arguments, self.writer.key(ticket.id, f"marked|{purpose}"))
        try:
            self.writer.gate.perform(call)
        except RejectedError as error:
            self.writer.taxonomies.forget(ticket.board.id)
            raise DeskRefusedError(f"the ticket was left as it is: {error}") from error

    def _names(self, ticket: Ticket, values: Mapping[FieldName, str]) -> dict[FieldName, str]:
        """Name the values. Raises DeskRefusedError for one the ticket's board or the PSA does not list."""
        taxonomy, priorities = self.writer.taxonomies.of(ticket.board.id), self.writer.taxonomies.priorities()
        known = _known(taxonomy, priorities)
        missing = [field.value for field, value in values.items() if value not in known.get(field, {})]
        if missing:
            raise DeskRefusedError(f"the board does not list this {' and '.join(missing)}: load the page again")
        return {field: known[field][values[field]] for field in FieldName if field in values}

    def _explained(self, owner: TenantContext, ticket_id: str) -> tuple[Why, Triage]:
        why = explanations.find(self.records, ticket_id)
        if why is None or why.triage is None or why.tenant_id != owner.tenant.id:
            raise DeskRefusedError(f"ticket {ticket_id} has no triage for its present client: wait until it is handled")
        return why, why.triage


def _known(taxonomy: Taxonomy, priorities: tuple[Priority, ...]) -> dict[FieldName, dict[str, str]]:
    levels = {level.value: level.value for level in Level}
    return {
        FieldName.TYPE: {each.id: each.name for each in taxonomy.types},
        FieldName.SUBTYPE: {each.id: each.name for each in taxonomy.subtypes},
        FieldName.ITEM: {each.id: each.name for each in taxonomy.items},
        FieldName.PRIORITY: {each.id: each.name for each in priorities},
        FieldName.IMPACT: levels,
        FieldName.URGENCY: levels,
    }
