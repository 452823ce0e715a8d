"""What the planner may know, read from the mirror, the live boards and the clients' directories."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deskhand.agent.planning.facts import Label
from deskhand.desk.taxonomies import LiveTaxonomies
from deskhand.knowledge.language import language_of
from deskhand.mirror.mirror import Mirror
from deskhand.sdk.errors import NotFoundError
from deskhand.sdk.models import Person, Reference, TenantContext, Ticket
from deskhand.sdk.roles import Connector, Directory


@dataclass(frozen=True, slots=True)
class DeskFacts:
    """Implements :class:`deskhand.agent.planning.facts.PlanningFacts`. Directories are asked anew each time."""

    mirror: Mirror
    taxonomies: LiveTaxonomies
    connectors: Mapping[str, Connector]

    def contact(self, context: TenantContext, contact_id: str) -> Person | None:
        """Read one of the tenant's active contacts."""
        person = self.mirror.person(contact_id)
        return person if person is not None and _is_of(context, person) and person.is_active else None

    def contacts(self, context: TenantContext) -> tuple[Person, ...]:
        """List the tenant's active contacts."""
        return tuple(each for each in self.mirror.people(context.tenant.id) if each.is_active)

    def unreached(self, context: TenantContext, connector: str) -> str | None:
        """Say that the tenant has no directory there; whoever is no directory serves every tenant."""
        if connector not in self.connectors:
            return f"{connector} is not configured: add a section [connectors.{connector}]"
        directory = self._directory(connector)
        try:
            if directory is not None:
                directory.verified_domains(context.tenant.id)
        except NotFoundError as error:
            return str(error)
        return None

    def user(self, context: TenantContext, connector: str, address: str) -> Person | None:
        """Find the user with this address in the tenant's directory, disabled or not."""
        directory = self._directory(connector)
        return directory.person(context.tenant.id, address) if directory is not None else None

    def users_named(self, context: TenantContext, connector: str, name: str) -> tuple[Person, ...]:
        """List the users of this name in the tenant's directory, disabled or not."""
        directory = self._directory(connector)
        return directory.people_named(context.tenant.id, name) if directory is not None else ()

    def groups_named(self, context: TenantContext, connector: str, name: str) -> tuple[Reference, ...]:
        """List the groups of this name in the tenant's directory."""
        directory = self._directory(connector)
        return directory.groups_named(context.tenant.id, name) if directory is not None else ()

    def number_since(self, context: TenantContext, contact: Person, number: str) -> datetime | None:
        """Tell since when the mirror has seen this number on one of the tenant's contacts."""
        return self.mirror.number_since(contact.id, number) if _is_of(context, contact) else None

    def labels(self, context: TenantContext, ticket: Ticket, label: Label) -> tuple[Reference, ...]:
        """List what the ticket's board accepts right now. Priorities are the whole PSA's."""
        del context
        if label == "priority":
            return tuple(Reference(each.id, each.name) for each in self.taxonomies.priorities())
        board = self.taxonomies.of(ticket.board.id)
        subtypes = tuple(Reference(each.id, each.name) for each in board.subtypes)
        return {"type": board.types, "subtype": subtypes, "item": board.items, "status": board.statuses}[label]

    def language(self, context: TenantContext, ticket: Ticket) -> str:
        """Tell English and German by the words of the customer; they choose among texts of ours and nothing else."""
        del context
        notes = self.mirror.notes(ticket.id)
        words = "\n".join([ticket.summary, *(note.text for note in notes if note.from_customer)])
        language = language_of(words)
        return "" if language == "other" else language

    def _directory(self, connector: str) -> Directory | None:
        found = self.connectors.get(connector)
        return found if isinstance(found, Directory) else None


def _is_of(context: TenantContext, person: Person) -> bool:
    return person.company is not None and person.company.id == context.tenant.id
