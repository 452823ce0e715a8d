"""The way of one ticket: read again, whose, what, may we, say so. Every end leaves a Why on the record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deskhand.agent import note
from deskhand.agent.triage import Triager
from deskhand.configuration.schema import Configuration
from deskhand.desk.policies import Policies
from deskhand.desk.taxonomies import LiveTaxonomies
from deskhand.governance.policy import ClientPolicy, Verdict, verdict
from deskhand.identity.resolver import Ambiguity, Resolver
from deskhand.intake.intake import Intake
from deskhand.records import explanations, quarantine, work
from deskhand.records.database import Records
from deskhand.records.documents import FieldName, Handling, OutcomeKind, Triage, Why
from deskhand.records.work import WorkItem
from deskhand.registry import Registry
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import NotFoundError, RejectedError
from deskhand.sdk.models import Note, TenantContext, Ticket
from deskhand.sdk.roles import TicketSystem
from deskhand.workflow.gate import Call, Gate


@dataclass(frozen=True, slots=True)
class Handler:
    """Takes one ticket from the queue to its note. Safe to repeat after a crash at any instant."""

    name: str
    connector: str
    records: Records
    registry: Registry
    system: TicketSystem
    intake: Intake
    resolver: Resolver
    triager: Triager
    policies: Policies
    taxonomies: LiveTaxonomies
    gate: Gate
    key: Callable[[str, str], str]
    clock: Clock

    def handle(self, item: WorkItem) -> Why:
        """Handle a ticket to its end and return why it ended so.

        Raises the connector's errors where the PSA cannot be reached; the item then stays in the queue.
        """
        try:
            ticket, notes = self.intake.read_ticket(item.ticket_id)
        except NotFoundError:
            return self._leave_alone(item, None, "The ticket no longer exists in the PSA, or may not be read.")
        if ticket.is_closed:
            return self._leave_alone(item, None, f"The ticket is closed ({ticket.status.name}).")
        owner = self.resolver.resolve(ticket, notes)
        if isinstance(owner, Ambiguity):
            return self._hold(item, owner)
        return self._triage(item, owner, ticket, notes)
