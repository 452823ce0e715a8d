"""The way of one ticket: read again, whose, what, may we, say so. Every end leaves a Why on the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from deskhand.desk.judgement import Judgement
from deskhand.desk.policies import Policies
from deskhand.desk.taxonomies import LiveTaxonomies
from deskhand.desk.writing import Writer
from deskhand.governance.policy import verdict
from deskhand.identity.resolver import Ambiguity
from deskhand.intake.intake import Intake
from deskhand.records import explanations, quarantine, work
from deskhand.records.database import Records
from deskhand.records.documents import Handling, OutcomeKind, Triage, Why
from deskhand.records.work import WorkItem
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import NotFoundError
from deskhand.sdk.models import Note, TenantContext, Ticket
from deskhand.sdk.traffic import on_errand

ACTOR = "desk"


class Automations(Protocol):
    """What is said and done about a ticket by automations people have approved; see `desk.recognising`."""

    def recommended(self, context: TenantContext, ticket: Ticket, triage: Triage | None = None) -> tuple[str, ...]:
        """Say, one line each, which automations a technician should be told of."""
        ...

    def considered(self, context: TenantContext, ticket: Ticket, triage: Triage | None = None) -> object:
        """Do what each automation's stage says; doing it again changes nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Handler:
    """Takes one ticket from the queue to its note. Safe to repeat after a crash at any instant."""

    records: Records
    intake: Intake
    judgement: Judgement
    policies: Policies
    taxonomies: LiveTaxonomies
    writer: Writer
    clock: Clock
    automations: Automations | None = None

    def handle(self, item: WorkItem) -> Why:
        """Handle a ticket to its end and return why it ended so.

        Raises the connector's errors where the PSA cannot be reached; the item then stays in the queue.
        """
        try:
            return self._handle(item, *self.intake.read_ticket(item.ticket_id))
        except NotFoundError:
            self.writer.system.check()  # where credentials are refused, everything can look as if it did not exist
        try:
            ticket, notes = self.intake.read_ticket(item.ticket_id)
        except NotFoundError:
            return self._leave_alone(item, "The ticket no longer exists in the PSA, or may not be read.")
        return self._handle(item, ticket, notes)

    def _handle(self, item: WorkItem, ticket: Ticket, notes: Sequence[Note]) -> Why:
        if ticket.is_closed:
            return self._leave_alone(item, f"The ticket is already closed ({ticket.status.name}).")
        owner = self.judgement.resolver(ticket.company).resolve(ticket, notes)
        if isinstance(owner, Ambiguity):
            return self._hold(item, owner)
        with on_errand(tenant=owner.tenant.id):
            decided = self._decided_before(owner, ticket.id) or self._decide(owner, ticket, notes)
            if decided.handling is not Handling.OFF:
                decided = self._carry_out(owner, ticket, decided, item.attempts)
        return self._finish(item, decided)

    def _carry_out(self, owner: TenantContext, ticket: Ticket, decided: Why, attempts: int) -> Why:
        settled = self.writer.set_fields(owner, ticket, decided, attempts)
        if settled.applied != decided.applied:
            self._keep(settled)
        noted = self.writer.write_note(owner, ticket, settled)
        if self.automations is not None:
            self.automations.considered(owner, ticket, noted.triage)
        return noted

    def give_up(self, item: WorkItem, reason: str) -> Why:
        """Hand a ticket to a person after attempts that failed for a reason no waiting mends.

        What was decided stays on the record; what of it was carried out, the entries about the ticket tell.
        """
        decided = explanations.find(self.records, item.ticket_id)
        if decided is None or decided.outcome is not OutcomeKind.TRIAGED:
            return self._finish(item, self._why(item.ticket_id, OutcomeKind.NEEDS_REVIEW, (reason,)))
        changes = {"outcome": OutcomeKind.NEEDS_REVIEW, "applied": (), "reasons": (*decided.reasons, reason)}
        return self._finish(item, decided.model_copy(update=changes))

    def _decided_before(self, owner: TenantContext, ticket_id: str) -> Why | None:
        """Return the decision a dead process left behind, so that its effects are repeated and not another's.

        One that was made for another client is none: it tells of that client's past tickets.
        """
        why = explanations.find(self.records, ticket_id)
        if why is None or why.outcome is not OutcomeKind.TRIAGED or why.tenant_id != owner.tenant.id:
            return None
        return why

    def _decide(self, owner: TenantContext, ticket: Ticket, notes: Sequence[Note]) -> Why:
        policy = self.policies.of(owner.tenant)
        found = tuple(f"{each.kind.value[:1].upper()}{each.kind.value[1:]}: {each.detail}" for each in owner.evidence)
        doubts = tuple(f"Despite {each.kind.value}: {each.detail}" for each in owner.conflicts)
        reasons = (f"The ticket belongs to {owner.tenant.name}.", *found, *doubts)
        if policy.handling is Handling.OFF:
            reasons = (*reasons, f"The policy for {owner.tenant.name} is off: nothing is suggested or written.")
            why = self._why(
                ticket.id, OutcomeKind.LEFT_ALONE, reasons, tenant_id=owner.tenant.id, handling=Handling.OFF
            )
        else:
            taxonomy, priorities = self.taxonomies.of(ticket.board.id), self.taxonomies.priorities()
            missing = self.judgement.missing_model
            reasons = (*reasons, f"No model took part: {missing}.") if missing else reasons
            triage = self.judgement.triager.triage(owner, ticket, notes, taxonomy, priorities, policy.matrix)
            judged = verdict(policy, triage, ticket)
            why = Why(
                ticket_id=ticket.id,
                outcome=OutcomeKind.LEFT_ALONE if judged.handling is Handling.OFF else OutcomeKind.TRIAGED,
                tenant_id=owner.tenant.id,
                reasons=(*reasons, *judged.reasons),
                handling=judged.handling,
                applied=judged.fields,
                recommended=self.automations.recommended(owner, ticket, triage) if self.automations else (),
                triage=triage,
                decided_at=self.clock(),
            )
        return self._keep(why)

    def _keep(self, why: Why) -> Why:
        """Put a decision on the record before anything of it is carried out, and return it as it is kept."""
        why = self._without_secrets(why)
        with self.records.transaction(ACTOR) as transaction:
            explanations.save(transaction, why)
        return why

    def _hold(self, item: WorkItem, doubt: Ambiguity) -> Why:
        why = self._why(item.ticket_id, OutcomeKind.QUARANTINED, (doubt.reason, doubt.suggestion))
        with self.records.transaction(ACTOR) as transaction:
            quarantine.hold(
                transaction,
                item.connector,
                item.ticket_id,
                reason=doubt.reason,
                candidates=doubt.candidates,
                suggestion=doubt.suggestion,
                evidence=doubt.evidence,
            )
            explanations.save(transaction, why)
            work.finish(transaction, item, why)
        return why

    def _leave_alone(self, item: WorkItem, reason: str) -> Why:
        return self._finish(item, self._why(item.ticket_id, OutcomeKind.LEFT_ALONE, (reason,)))

    def _finish(self, item: WorkItem, why: Why) -> Why:
        why = self._without_secrets(why)
        with self.records.transaction(ACTOR) as transaction:
            explanations.save(transaction, why)
            work.finish(transaction, item, why)
        return why

    def _without_secrets(self, why: Why) -> Why:
        written = why.model_dump_json()
        kept = self.writer.scanner.redact(written)
        return why if kept == written else Why.model_validate_json(kept)

    def _why(
        self,
        ticket_id: str,
        outcome: OutcomeKind,
        reasons: tuple[str, ...],
        *,
        tenant_id: str | None = None,
        handling: Handling | None = None,
    ) -> Why:
        return Why(
            ticket_id=ticket_id,
            outcome=outcome,
            tenant_id=tenant_id,
            reasons=reasons,
            handling=handling,
            decided_at=self.clock(),
        )
