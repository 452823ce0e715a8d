"""Whose ticket it is, asked anew from the PSA each time it matters: before a plan, and before a run begins."""

from collections.abc import Sequence
from dataclasses import dataclass

from deskhand.desk.judgement import Judgement
from deskhand.desk.refusals import DeskRefusedError
from deskhand.identity.resolver import Ambiguity
from deskhand.intake.intake import Intake
from deskhand.sdk.errors import NotFoundError
from deskhand.sdk.models import Note, TenantContext, Ticket
from deskhand.workflow.gate import RefusedError


@dataclass(frozen=True, slots=True)
class Contexts:
    """Reads tickets and establishes their tenants. Raises the connector's errors where the PSA cannot be read."""

    intake: Intake
    judgement: Judgement

    def read(self, ticket_id: str) -> tuple[TenantContext, Ticket, Sequence[Note]]:
        """Read a ticket as it is now, and say whose it is. Raises DeskRefusedError where that is not certain."""
        try:
            ticket, notes = self.intake.read_ticket(ticket_id)
        except NotFoundError as error:
            raise DeskRefusedError(f"the PSA has no ticket {ticket_id}") from error
        owner = self.judgement.resolver(ticket.company).resolve(ticket, notes)
        if isinstance(owner, Ambiguity):
            raise DeskRefusedError(f"whose ticket {ticket_id} is, is not certain: {owner.reason} {owner.suggestion}")
        return owner, ticket, notes

    def of(self, ticket_id: str) -> TenantContext:
        """Say whose ticket it is now. Raises DeskRefusedError as `read` does."""
        return self.read(ticket_id)[0]

    def certain(self, ticket_id: str) -> TenantContext:
        """Say whose ticket it is now, in the gate's own words where that is not certain: RefusedError."""
        try:
            return self.of(ticket_id)
        except DeskRefusedError as error:
            raise RefusedError(str(error)) from error
