"""A client with its people and groups, another client, and a planner over the real plugins' actions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deskhand.agent.planning.catalogue import Catalogue, CatalogueEntry
from deskhand.agent.planning.facts import Label
from deskhand.agent.planning.planner import Planner
from deskhand.automation.plan import Proposal
from deskhand.llm.engine import Engine
from deskhand.llm.none import NoEngine
from deskhand.sdk.models import Person, Reference, TenantContext, Ticket
from deskhand_identity_entra.actions import ACTIONS as ENTRA_ACTIONS
from deskhand_notify_twilio.actions import ACTIONS as TWILIO_ACTIONS
from deskhand_psa_connectwise.actions import ACTIONS as CONNECTWISE_ACTIONS

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WATCHED = datetime(2026, 1, 1, tzinfo=UTC)
"""Since when the mirror has seen everybody's numbers."""
ADA, BABBAGE = Reference("250", "Ada & Sons"), Reference("251", "Babbage Ltd")
BOARD = Reference("1", "Service")
CATALOGUE = Catalogue.of((*ENTRA_ACTIONS, *TWILIO_ACTIONS, *CONNECTWISE_ACTIONS))
PLAN_ID = "p-0123456789abcdef"


def guid(number: int) -> str:
    """Make an object id."""
    return f"aaaaaaaa-0000-4000-8000-{number:012d}"


def contact(number: str, name: str, *phones: str, tenant: Reference = ADA, email: str | None = None) -> Person:
    """Make a PSA contact."""
    address = (
        email if email is not None else f"{name.lower().replace(' ', '.')}@{tenant.name.split()[0].lower()}.example"
    )
    return Person(number, name, tenant, (address,) if address else (), phones)


CONTACTS = (
    contact("501", "Mara Lindqvist", "+44 1632 960001"),
    contact("502", "Jane Doe", "+44 (0)1632 960002", "01632 960099"),
    contact("503", "John Smith", "+441632960003"),
    contact("504", "John Smith", "+441632960004", email="john.smith2@ada.example"),
    contact("505", "Anna Müller", "+49 30 12345678"),
    contact("506", "Nora Field", "01632 960006"),
    contact("507", "Piet de Vries", "0031 20 1234567"),
    contact("508", "Ola Nord"),
    contact("509", "Tim Reeves", "+441632960009", email=""),
    contact("510", "Luis García", "+34 600 123 456"),
    contact("601", "Charles Babbage", "+441632960100", tenant=BABBAGE),
    contact("602", "Jane Babbage", "+441632960101", tenant=BABBAGE),
)
REQUESTER = CONTACTS[0]


def user(number: int, name: str, email: str, tenant: Reference = ADA) -> Person:
    """Make a user of a tenant's directory."""
    return Person(guid(number), name, tenant, (email,))


USERS = (
    user(1, "Mara Lindqvist", "mara.lindqvist@ada.example"),
    user(2, "Jane Doe", "jane.doe@ada.example"),
    user(3, "John Smith", "john.smith@ada.example"),
    user(4, "John Smith", "john.smith2@ada.example"),
    user(5, "Anna Müller", "anna.müller@ada.example"),
    user(6, "Nora Field", "nora.field@ada.example"),
    user(7, "Piet de Vries", "piet.de.vries@ada.example"),
    user(10, "Luis García", "luis.garcía@ada.example"),
    user(11, "Vera Stone", "vera.stone@ada.example"),
    user(101, "Charles Babbage", "charles.babbage@babbage.example", BABBAGE),
)
GROUPS = {
    ADA.id: (
        Reference(guid(201), "Finance"),
        Reference(guid(202), "Sales"),
        Reference(guid(203), "Research and Development"),
        Reference(guid(204), "VPN Users"),
        Reference(guid(205), "SG-Payroll"),
        Reference(guid(206), "Projects"),
        Reference(guid(207), "projects"),
        Reference(guid(208), "Password Reset"),
    ),
    BABBAGE.id: (Reference(guid(301), "Engines"),),
}
LABELS: Mapping[str, tuple[Reference, ...]] = {
    "type": (Reference("10", "Incident"), Reference("11", "Service Request")),
    "subtype": (Reference("20", "Password"), Reference("21", "Account Locked")),
    "item": (Reference("30", "Entra ID"),),
    "priority": (Reference("1", "Priority 1 - Critical"), Reference("2", "Priority 2 - High"), Reference("4", "Low")),
    "status": (Reference("40", "New"), Reference("41", "In Progress"), Reference("42", "Waiting for Customer")),
}


@dataclass
class OfficeFacts:
    """Implements PlanningFacts over the lists above; ``directories`` are the connectors that know users and groups."""

    directories: frozenset[str] = frozenset({"identity_entra"})
    out_of_reach: Mapping[str, str] = field(default_factory=dict)
    spoken: str = ""

    def contact(self, context: TenantContext, contact_id: str) -> Person | None:
        return next((each for each in self.contacts(context) if each.id == contact_id), None)

    def contacts(self, context: TenantContext) -> tuple[Person, ...]:
        return tuple(each for each in CONTACTS if each.company == context.tenant)

    def unreached(self, context: TenantContext, connector: str) -> str | None:
        assert context.tenant.id in GROUPS
        return self.out_of_reach.get(connector)

    def user(self, context: TenantContext, connector: str, address: str) -> Person | None:
        found = [each for each in self._users(context, connector) if address in each.emails]
        return found[0] if found else None

    def users_named(self, context: TenantContext, connector: str, name: str) -> tuple[Person, ...]:
        wanted = name.casefold()
        found = self._users(context, connector)
        return tuple(each for each in found if wanted in {each.name.casefold(), *each.name.casefold().split()})

    def groups_named(self, context: TenantContext, connector: str, name: str) -> tuple[Reference, ...]:
        known = GROUPS[context.tenant.id] if connector in self.directories else ()
        return tuple(each for each in known if each.name.casefold() == name.casefold())

    def number_since(self, context: TenantContext, contact: Person, number: str) -> datetime | None:
        del context
        return WATCHED if number in contact.phones else None

    def labels(self, context: TenantContext, ticket: Ticket, label: Label) -> tuple[Reference, ...]:
        assert context.ticket_id == ticket.id
        return LABELS[label]

    def language(self, context: TenantContext, ticket: Ticket) -> str:
        assert context.ticket_id == ticket.id
        return self.spoken

    def _users(self, context: TenantContext, connector: str) -> tuple[Person, ...]:
        return tuple(each for each in USERS if each.company == context.tenant) if connector in self.directories else ()


def ticket(summary: str = "Locked out") -> Ticket:
    """Make the ticket everything is about."""
    return Ticket("1001", "v1", summary, BOARD, Reference("40", "New"), is_closed=False, created_at=NOW, updated_at=NOW)


def context(requester: Person | None = REQUESTER, tenant: Reference = ADA) -> TenantContext:
    """Say whose ticket it is."""
    return TenantContext(tenant, "1001", requester, ())


def anything(entry: CatalogueEntry) -> str | None:
    """Permit every action."""
    del entry
    return None


def planner(
    facts: OfficeFacts | None = None, engine: Engine | None = None, catalogue: Catalogue = CATALOGUE
) -> Planner:
    """Make a planner."""
    return Planner(
        catalogue, facts or OfficeFacts(), engine or NoEngine("none here"), msp_name="Brackenfold", clock=lambda: NOW
    )


def propose(sentence: str, using: Planner | None = None, requester: Person | None = REQUESTER) -> Proposal:
    """Plan a sentence on the ticket."""
    return (using or planner()).plan(
        context(requester), ticket(), sentence, requested_by="tech", plan_id=PLAN_ID, permits=anything
    )
