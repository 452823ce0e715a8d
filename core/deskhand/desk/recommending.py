"""An approved automation taken up by a technician: bound to the ticket at hand, and kept as a plan of theirs."""

from dataclasses import dataclass

from deskhand.automation.plan import Proposal
from deskhand.desk.automating import Automating
from deskhand.desk.refusals import require, require_client
from deskhand.desk.resolving import Resolving, new_plan_id
from deskhand.records.accounts import Account, Role


@dataclass(frozen=True, slots=True)
class Recommending:
    """Makes plans from automations. Raises DeskRefusedError, and connectors' errors."""

    automating: Automating
    resolving: Resolving

    def recommend(self, who: Account, ticket_id: str, automation: str) -> Proposal:
        """Plan what an automation would do on a ticket; the plan, where there is one, is kept."""
        require(who, Role.TECHNICIAN)
        context, ticket, _ = self.resolving.contexts.read(ticket_id)
        require_client(who, context.tenant.id)
        proposal = self.automating.propose(automation, context, ticket, requested_by=who.name, plan_id=new_plan_id())
        return self.resolving.keep(who, proposal)
