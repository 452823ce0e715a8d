"""The desk's automations as one service: written and approved, rolled out client by client, held against tickets."""

from dataclasses import dataclass

from deskhand.automation.plan import Proposal
from deskhand.automation.stage import Stage
from deskhand.desk.recognising import Match
from deskhand.desk.refusals import DeskRefusedError
from deskhand.desk.rolling_out import RollingOut
from deskhand.records import automations
from deskhand.records.automations import AutomationRecord, Rollout, Shadow, VersionRecord
from deskhand.records.documents import Triage
from deskhand.sdk.models import TenantContext, Ticket


@dataclass(frozen=True, slots=True)
class Listed:
    """An automation in a list: its newest version, the approved one if there is one, and where it is rolled out."""

    record: AutomationRecord
    newest: VersionRecord
    current: VersionRecord | None
    rollouts: tuple[Rollout, ...]


@dataclass(frozen=True, slots=True)
class Automating(RollingOut):
    """Everything people and the desk do with automations. Raises DeskRefusedError, saying why, for misuse."""

    def listing(self) -> tuple[Listed, ...]:
        """List every automation by name."""
        return tuple(self.listed(each.name) for each in automations.listing(self.records))

    def listed(self, name: str) -> Listed:
        """Find one automation as the list has it."""
        newest = self.version(name)
        record = automations.find(self.records, name)
        if record is None:
            raise DeskRefusedError(f"there is no automation {name}; `deskhand automation list` shows what there is")
        rollouts = tuple(automations.rollouts_of(self.records, automation=name))
        return Listed(record, newest, automations.current(self.records, name), rollouts)

    def matching(self, context: TenantContext, ticket: Ticket, triage: Triage | None = None) -> tuple[Match, ...]:
        """Return the automations that are for a ticket of this client, the furthest first."""
        return self.recognising.matching(context, ticket, triage)

    def recommended(self, context: TenantContext, ticket: Ticket, triage: Triage | None = None) -> tuple[str, ...]:
        """Say, one line each, which automations a technician should be told of."""
        return self.recognising.recommended(context, ticket, triage)

    def considered(self, context: TenantContext, ticket: Ticket, triage: Triage | None = None) -> tuple[Match, ...]:
        """Do about a triaged ticket what each stage says; see `Recognising.considered`."""
        return self.recognising.considered(context, ticket, triage)

    def propose(
        self, name: str, context: TenantContext, ticket: Ticket, *, requested_by: str, plan_id: str
    ) -> Proposal:
        """Bind an automation to a ticket because a person asks for it; it must be at ask or auto at this client."""
        placed = self.shelf.placed(name, context.tenant.id)
        if placed.stage.place < Stage.ASK.place:
            raise DeskRefusedError(
                f"{name} stands at {placed.stage} for {context.tenant.name}: `deskhand automation stage` moves it on"
            )
        return self.recognising.propose(name, context, ticket, requested_by=requested_by, plan_id=plan_id)

    def shadows(self, name: str, tenant_id: str | None = None) -> list[Shadow]:
        """List what an automation would have done, newest first, held against what people did as far as is known."""
        self.recognising.compare()
        return automations.shadows_of(self.records, automation=name, tenant_id=tenant_id)
