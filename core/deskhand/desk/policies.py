"""Which policy holds for which client."""

from collections.abc import Mapping
from dataclasses import dataclass

from deskhand.governance.policy import ClientPolicy
from deskhand.mirror.mirror import Mirror
from deskhand.sdk.models import Reference


@dataclass(frozen=True, slots=True)
class Policies:
    """The default policy and each client's own, keyed by PSA company id or identifier."""

    default: ClientPolicy
    clients: Mapping[str, ClientPolicy]
    mirror: Mirror

    def of(self, tenant: Reference) -> ClientPolicy:
        """Return the client's own policy, or the default."""
        company = self.mirror.company(tenant.id)
        keys = (tenant.id, company.identifier if company else "")
        return next((self.clients[key] for key in keys if key in self.clients), self.default)

    def unmatched(self) -> tuple[str, ...]:
        """Name the clients with a policy of their own whom the mirror does not know: most likely misspelt."""
        known = {key for company in self.mirror.companies() for key in (company.id, company.identifier)}
        return tuple(sorted(self.clients.keys() - known))
