"""Saying whose ticket it is where the desk could not tell, and having it remembered: for console and command line."""

from collections.abc import Sequence
from dataclasses import dataclass

from deskhand.configuration.schema import Configuration
from deskhand.desk.refusals import DeskRefusedError, require, require_all_clients
from deskhand.identity.facts import MirrorFacts
from deskhand.identity.resolution import Remembered, RuleRefusedError, remember
from deskhand.mirror.mirror import Mirror
from deskhand.records import quarantine
from deskhand.records.accounts import Account, Role
from deskhand.records.database import Records
from deskhand.records.quarantine import IdentityRule
from deskhand.sdk.models import Reference
from deskhand.sdk.roles import Directory


class NothingHeldError(DeskRefusedError):
    """There is no such client, or no such ticket is held."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What people decide about tickets that are held. Raises DeskRefusedError, saying why, for misuse."""

    configuration: Configuration
    records: Records
    mirror: Mirror
    directories: Sequence[Directory] = ()

    def resolve(
        self, who: Account, ticket_id: str, tenant_id: str, *, remember_by: Remembered | None = None, device: str = ""
    ) -> IdentityRule | None:
        """Say whose ticket it is; it goes back into the queue. Returns the rule that is remembered, if any.

        ``device`` names the machine where an alert names several. Raises NothingHeldError for an unknown client or a
        ticket that is not held.
        """
        require(who, Role.TECHNICIAN, Role.ADMIN)
        require_all_clients(who)
        company = self.mirror.company(tenant_id)
        if company is None:
            raise NothingHeldError(f"the PSA has no company {tenant_id}")
        owner = Reference(company.id, company.name)
        rule = self._rule(ticket_id, owner, remember_by, device) if remember_by else None
        try:
            with self.records.transaction(who.name) as transaction:
                quarantine.resolve(transaction, ticket_id, owner, rule)
        except LookupError as error:
            raise NothingHeldError(str(error)) from error
        return rule

    def _rule(self, ticket_id: str, owner: Reference, kind: Remembered, device: str) -> IdentityRule:
        ticket = self.mirror.ticket(ticket_id)
        if ticket is None:
            raise DeskRefusedError(f"ticket {ticket_id} is not mirrored: decide it without remembering anything")
        facts = MirrorFacts(
            self.mirror,
            self.records,
            self.configuration.identity,
            connector=self.configuration.desk.ticket_system,
            directories=self.directories,
        )
        try:
            return remember(kind, ticket, owner, facts, device=device)
        except RuleRefusedError as error:
            raise DeskRefusedError(f"this would be remembered wrongly: {error}") from error
