"""The vocabulary every connector speaks: frozen, vendor-neutral, with aware UTC times.

Identifiers are the vendor's own, as text. A tuple keeps the vendor's order unless it says otherwise.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A record in the vendor's system: its identifier and the name people know it by."""

    id: str
    name: str


class Level(StrEnum):
    """How far an incident reaches (impact) or how soon it hurts (urgency), as in ITIL."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class NoteKind(StrEnum):
    """Who reads a note: the customer too, technicians only, or whoever asks how it was solved."""

    DISCUSSION = "discussion"
    INTERNAL = "internal"
    RESOLUTION = "resolution"


@dataclass(frozen=True, slots=True)
class Company:
    """A client of the MSP, as the PSA knows it."""

    id: str
    name: str
    identifier: str = ""
    domains: tuple[str, ...] = ()
    """Web and e-mail domains the PSA records for the company: lower case, not verified."""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """A contact in the PSA or a user in a directory."""

    id: str
    name: str
    company: Reference | None = None
    emails: tuple[str, ...] = ()
    """Lower case, the preferred address first."""
    phones: tuple[str, ...] = ()
    site: Reference | None = None
    title: str = ""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Device:
    """A managed machine: a configuration in the PSA or an endpoint in the RMM."""

    id: str
    name: str
    company: Reference | None = None
    kind: str = ""
    site: Reference | None = None
    contact: Reference | None = None
    serial_number: str = ""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Member:
    """A technician of the MSP, as the PSA knows them."""

    id: str
    name: str
    identifier: str = ""
    email: str = ""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request for help, as the PSA holds it now.

    ``version`` changes with every change of the record; ``updated_at`` is the vendor's clock, never ours.
    """

    id: str
    version: str
    summary: str
    board: Reference
    status: Reference
    is_closed: bool
    created_at: datetime
    updated_at: datetime
    company: Reference | None = None
    contact: Reference | None = None
    contact_name: str = ""
    contact_email: str = ""
    contact_phone: str = ""
    site: Reference | None = None
    type: Reference | None = None
    subtype: Reference | None = None
    item: Reference | None = None
    priority: Reference | None = None
    impact: Level | None = None
    urgency: Level | None = None
    owner: Reference | None = None
    source: Reference | None = None
    closed_at: datetime | None = None
    hours_worked: float | None = None
    """All work recorded on it, as the PSA adds it up; None where the PSA does not say."""


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What it takes to open a ticket; ``summary`` is at most 100 characters."""

    summary: str
    company: str
    board: str
    description: str = ""
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A note on a ticket. ``from_customer`` marks words that came from outside: hostile until proven dull."""

    id: str
    ticket_id: str
    text: str
    kind: NoteKind
    created_at: datetime
    author: str = ""
    from_customer: bool = False


@dataclass(frozen=True, slots=True)
class TimeEntry:
    """Work done on a ticket, in hours from ``started_at``."""

    id: str
    ticket_id: str
    member: Reference | None
    started_at: datetime
    hours: float
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Subtype:
    """A second-level category and the types it may follow."""

    id: str
    name: str
    type_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """What one board accepts right now. Only active values are listed; order is the vendor's.

    An empty ``items`` or ``subtypes`` means the board has none, not that all are allowed.
    """

    board: Reference
    types: tuple[Reference, ...]
    subtypes: tuple[Subtype, ...]
    items: tuple[Reference, ...]
    statuses: tuple[Reference, ...]

    def accepts(self, type_id: str, subtype_id: str | None = None, item_id: str | None = None) -> bool:
        """Tell whether the board lists this combination; an item needs a subtype, a subtype its type."""
        if type_id not in {kind.id for kind in self.types}:
            return False
        if subtype_id is None:
            return item_id is None
        if not any(each.id == subtype_id and type_id in each.type_ids for each in self.subtypes):
            return False
        return item_id is None or item_id in {item.id for item in self.items}


@dataclass(frozen=True, slots=True)
class Priority:
    """A priority the PSA offers; ``rank`` 1 is the most pressing."""

    id: str
    name: str
    rank: int


@dataclass(frozen=True, slots=True)
class TicketPage:
    """One page of a forward-only listing; ``next_after`` is None on the last page.

    ``unreadable`` names records that are not as the vendor documents them: one of them must not hide the others.
    """

    tickets: tuple[Ticket, ...]
    next_after: str | None
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketUpdate:
    """The fields of a ticket to replace; None leaves a field alone. Values are identifiers."""

    type_id: str | None = None
    subtype_id: str | None = None
    item_id: str | None = None
    priority_id: str | None = None
    status_id: str | None = None
    impact: Level | None = None
    urgency: Level | None = None


class SignalSource(StrEnum):
    """How the host learnt that a record may have changed."""

    POLL = "poll"
    CALLBACK = "callback"


@dataclass(frozen=True, slots=True)
class Signal:
    """A hint that a ticket may have changed. Never evidence: the record is re-read through the API."""

    connector: str
    ticket_id: str
    source: SignalSource
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding of a monitoring system about one device."""

    id: str
    device: Reference | None
    company: Reference | None
    title: str
    severity: Level
    raised_at: datetime
    is_resolved: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A passage of a client's documentation, dated so that its age can be judged."""

    id: str
    title: str
    text: str
    url: str
    updated_at: datetime
    company: Reference | None = None


class EvidenceKind(StrEnum):
    """What a claim about a ticket's tenant rests on."""

    PSA_COMPANY = "PSA company"
    PSA_CONTACT = "PSA contact"
    VERIFIED_DOMAIN = "verified domain"
    RECORDED_DOMAIN = "recorded domain"
    DIRECTORY = "directory tenant"
    DEVICE = "device"
    SITE = "site"
    RULE = "remembered rule"
    TECHNICIAN = "technician"
    TEXT = "text"
    """Words of the ticket itself: only ever a conflict, never a reason to believe."""


@dataclass(frozen=True, slots=True)
class TenantEvidence:
    """One reason to believe that a ticket belongs to a tenant; ``detail`` names identifiers only."""

    kind: EvidenceKind
    tenant: Reference
    detail: str


@dataclass(frozen=True, slots=True)
class TenantContext:
    """Whose ticket this is, and why we believe it.

    Built only by :mod:`deskhand.identity`; a required argument of everything above it.
    """

    tenant: Reference
    ticket_id: str
    requester: Person | None
    evidence: tuple[TenantEvidence, ...]
    device: Device | None = None
    site: Reference | None = None
    conflicts: tuple[TenantEvidence, ...] = field(default=())
