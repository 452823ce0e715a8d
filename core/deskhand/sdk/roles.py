"""The roles a connector may play. A connector plays a role by having its methods; nothing is inherited.

Every method may raise any error of :mod:`deskhand.sdk.errors`. None keeps state between calls.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, runtime_checkable

from deskhand.sdk.models import (
    Alert,
    Company,
    Device,
    Document,
    Member,
    NewTicket,
    Note,
    NoteKind,
    Person,
    Priority,
    Reference,
    Taxonomy,
    Ticket,
    TicketPage,
    TicketUpdate,
    TimeEntry,
)


@runtime_checkable
class Connector(Protocol):
    """Anything that speaks to one outside system."""

    @property
    def name(self) -> str:
        """The plugin's name, ``<kind>_<vendor>``: configuration key, policy subject and audit actor."""
        ...

    def check(self) -> str:
        """Prove that address and credential work, changing nothing; return one line for a person."""
        ...

    def close(self) -> None:
        """Release connections; the connector is not used afterwards."""
        ...


@runtime_checkable
class TicketSystem(Connector, Protocol):
    """A PSA: the system of record for tickets, clients and technicians."""

    def ticket(self, ticket_id: str) -> Ticket:
        """Read one ticket; NotFoundError where there is none."""
        ...

    def tickets_since(self, since: datetime | None, after: str | None = None) -> TicketPage:
        """Read one page of tickets updated at or after ``since``, by ascending identifier after ``after``."""
        ...

    def notes(self, ticket_id: str) -> tuple[Note, ...]:
        """Read every note of a ticket, oldest first."""
        ...

    def create_ticket(self, ticket: NewTicket) -> Ticket:
        """Open a ticket. Not idempotent: UncertainError where the answer was lost."""
        ...

    def update_ticket(self, ticket_id: str, update: TicketUpdate) -> Ticket:
        """Replace the given fields and return the ticket as it is afterwards. Idempotent."""
        ...

    def add_note(self, ticket_id: str, text: str, kind: NoteKind) -> Note:
        """Add a note that notifies nobody. Not idempotent: UncertainError where the answer was lost."""
        ...

    def add_time_entry(self, entry: TimeEntry) -> TimeEntry:
        """Record work on a ticket. Not idempotent: UncertainError where the answer was lost."""
        ...

    def time_entries(self, ticket_id: str) -> tuple[TimeEntry, ...]:
        """Read the work recorded on a ticket."""
        ...

    def boards(self) -> tuple[Reference, ...]:
        """List the active boards (queues)."""
        ...

    def taxonomy(self, board_id: str) -> Taxonomy:
        """Read what a board accepts right now."""
        ...

    def priorities(self) -> tuple[Priority, ...]:
        """List the priorities, most pressing first."""
        ...

    def companies(self) -> Iterable[Company]:
        """List all clients; pages are fetched as they are consumed."""
        ...

    def people(self) -> Iterable[Person]:
        """List all contacts; pages are fetched as they are consumed."""
        ...

    def people_by_email(self, address: str) -> tuple[Person, ...]:
        """Find every contact that has this e-mail address."""
        ...

    def devices(self) -> Iterable[Device]:
        """List all configurations; pages are fetched as they are consumed."""
        ...

    def members(self) -> tuple[Member, ...]:
        """List the MSP's technicians."""
        ...


@runtime_checkable
class CallbackSource(Connector, Protocol):
    """A vendor that can tell this desk about changes."""

    def ensure_callback(self) -> str | None:
        """See that the vendor calls back where the settings say, and return its identifier; None where they do not.

        Idempotent; called at start-up and daily, since vendors disable callbacks that failed for a while.
        """
        ...


@runtime_checkable
class Directory(Connector, Protocol):
    """A client's user directory, such as Entra ID. ``tenant_id`` is the PSA company it is mapped to."""

    def verified_domains(self, tenant_id: str) -> tuple[str, ...]:
        """List the domains the client has proven to own, in lower case."""
        ...

    def person(self, tenant_id: str, address: str) -> Person | None:
        """Find the user with this sign-in name or e-mail address."""
        ...

    def people_named(self, tenant_id: str, name: str) -> tuple[Person, ...]:
        """List the users whose whole, given or family name this is, but for case; the disabled ones too."""
        ...

    def groups_named(self, tenant_id: str, name: str) -> tuple[Reference, ...]:
        """List the groups with this very name, but for case."""
        ...


@runtime_checkable
class DeviceFleet(Connector, Protocol):
    """An RMM: the client's machines and what is wrong with them."""

    def fleet(self, tenant_id: str) -> Iterable[Device]:
        """List the client's managed machines."""
        ...

    def alerts(self, tenant_id: str) -> tuple[Alert, ...]:
        """List the open alerts."""
        ...


@runtime_checkable
class CloudAccount(Connector, Protocol):
    """A client's cloud subscription."""

    def accounts(self, tenant_id: str) -> tuple[Reference, ...]:
        """List the accounts or subscriptions this credential reaches."""
        ...


@runtime_checkable
class DocumentStore(Connector, Protocol):
    """A documentation system, such as Hudu or IT Glue."""

    def documents_since(self, tenant_id: str, since: datetime | None) -> Iterable[Document]:
        """List the documents changed at or after ``since``."""
        ...


@runtime_checkable
class Messenger(Connector, Protocol):
    """A way to reach a person: SMS, chat."""

    def send(self, recipient: str, text: str) -> str:
        """Send a message and return the vendor's identifier. Not idempotent."""
        ...


@runtime_checkable
class IdentityProof(Connector, Protocol):
    """A way to have a person prove who they are."""

    def challenge(self, person: Person) -> str:
        """Start a proof and return its identifier."""
        ...

    def is_proven(self, challenge_id: str, answer: str) -> bool:
        """Check an answer once."""
        ...
