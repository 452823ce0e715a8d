"""What the planner may know, and of whom: this tenant's own records and directory, and nothing else."""

from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from deskhand.sdk.models import Person, Reference, TenantContext, Ticket

Label: TypeAlias = Literal["type", "subtype", "item", "priority", "status"]


class PlanningFacts(Protocol):
    """Records of the tenant a context names. Never another tenant's, and never a word of a ticket's text.

    Only active records are returned. Methods that ask a directory may raise any error of :mod:`deskhand.sdk.errors`.
    """

    def contact(self, context: TenantContext, contact_id: str) -> Person | None:
        """Read one of the tenant's PSA contacts: numbers as they were typed, the preferred one first."""
        ...

    def contacts(self, context: TenantContext) -> tuple[Person, ...]:
        """List the tenant's PSA contacts."""
        ...

    def unreached(self, context: TenantContext, connector: str) -> str | None:
        """Say why a connector cannot act for this tenant, and what would mend it; None where it can."""
        ...

    def user(self, context: TenantContext, connector: str, address: str) -> Person | None:
        """Find the user with this address in the tenant's directory; None also where the connector is no directory."""
        ...

    def users_named(self, context: TenantContext, connector: str, name: str) -> tuple[Person, ...]:
        """List the users of the tenant's directory whose whole, given or family name this is, but for case."""
        ...

    def groups_named(self, context: TenantContext, connector: str, name: str) -> tuple[Reference, ...]:
        """List the groups of the tenant's directory with this very name, but for case."""
        ...

    def number_since(self, context: TenantContext, contact: Person, number: str) -> datetime | None:
        """Tell since when a contact has had this number, as it was typed; None where that is not known."""
        ...

    def labels(self, context: TenantContext, ticket: Ticket, label: Label) -> tuple[Reference, ...]:
        """List what the ticket's board accepts for a field."""
        ...

    def language(self, context: TenantContext, ticket: Ticket) -> str:
        """Name the language the requester writes: two letters, or "" where it is not known."""
        ...
