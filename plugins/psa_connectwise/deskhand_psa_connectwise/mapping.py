"""From the vendor's records to deskhand's vocabulary: pure functions over payloads."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from deskhand.sdk.errors import UnavailableError
from deskhand.sdk.models import (
    Company,
    Device,
    Level,
    Member,
    Note,
    NoteKind,
    Person,
    Priority,
    Reference,
    Subtype,
    Ticket,
    TimeEntry,
)
from deskhand_psa_connectwise.client import JsonObject
from deskhand_psa_connectwise.payloads import (
    ChoicePayload,
    CommunicationPayload,
    CompanyPayload,
    ConfigurationPayload,
    ContactPayload,
    MemberPayload,
    NotePayload,
    Payload,
    PriorityPayload,
    ReferencePayload,
    SubtypePayload,
    TicketPayload,
    TimeEntryPayload,
)

P = TypeVar("P", bound=Payload)
T = TypeVar("T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEVELS = {"low": Level.LOW, "medium": Level.MEDIUM, "high": Level.HIGH}
PRIORITY_LEVELS = ("critical", "high", "medium", "low")


def parsed(model: type[P], record: JsonObject) -> P:
    """Read a record as the vendor's documentation says it is. UnavailableError where it is something else."""
    try:
        return model.model_validate(record)
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
        raise UnavailableError(f"{model.__name__} {record.get('id')}: unexpected {', '.join(fields)}") from None


def mapped(model: type[P], to: Callable[[P], T], records: Iterable[JsonObject]) -> Iterable[T]:
    """Map records one by one, as they are consumed."""
    return (to(parsed(model, record)) for record in records)


def reference(payload: ReferencePayload | None) -> Reference | None:
    """Return the reference, or None where it points nowhere."""
    if payload is None or payload.id is None:
        return None
    return Reference(str(payload.id), payload.name or payload.identifier)


def ticket(payload: TicketPayload) -> Ticket:
    """Map a ticket. The vendor's severity is what ITIL calls urgency."""
    updated = payload.info.last_updated or payload.info.date_entered or EPOCH
    return Ticket(
        id=str(payload.id),
        version=version(payload),
        summary=payload.summary,
        board=Reference(str(payload.board.id), payload.board.name),
        status=Reference(str(payload.status.id), payload.status.name),
        is_closed=payload.closed_flag,
        created_at=payload.info.date_entered or updated,
        updated_at=updated,
        company=reference(payload.company),
        contact=reference(payload.contact),
        contact_name=payload.contact_name,
        contact_email=payload.contact_email_address.strip().lower(),
        contact_phone=payload.contact_phone_number,
        site=reference(payload.site),
        type=reference(payload.type),
        subtype=reference(payload.sub_type),
        item=reference(payload.item),
        priority=reference(payload.priority),
        impact=LEVELS.get((payload.impact or "").lower()),
        urgency=LEVELS.get((payload.severity or "").lower()),
        owner=reference(payload.owner),
        source=reference(payload.source),
        closed_at=payload.closed_date,
        hours_worked=payload.actual_hours,
    )


def version(payload: TicketPayload) -> str:
    """Name the ticket's state: the vendor's clock ticks in seconds, so a digest of what we read stands beside it."""
    moment = payload.info.last_updated or EPOCH
    digest = hashlib.sha256(payload.model_dump_json().encode()).hexdigest()[:12]
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}-{digest}"


def note(payload: NotePayload, ticket_id: str) -> Note:
    """Map a note of any kind. One that a contact wrote, or that no member signed, holds words from outside."""
    kind = _kind(payload)
    author = payload.member or payload.contact
    unsigned = payload.member is None or payload.member.id is None
    by_contact = payload.contact is not None and payload.contact.id is not None
    return Note(
        id=_note_id(payload),
        ticket_id=ticket_id,
        text=payload.text,
        kind=kind,
        created_at=_written_at(payload),
        author=(author.name or author.identifier if author else "") or payload.original_author or payload.created_by,
        from_customer=by_contact or (unsigned and kind is NoteKind.DISCUSSION),
    )


def _kind(payload: NotePayload) -> NoteKind:
    """Choose the widest audience where several flags are set: whoever may read it decides what it is."""
    if payload.detail_description_flag:
        return NoteKind.DISCUSSION
    return NoteKind.RESOLUTION if payload.resolution_flag else NoteKind.INTERNAL


def _note_id(payload: NotePayload) -> str:
    """Keep notes of time entries and meetings apart: their ids come from other tables and may be the same number."""
    prefix = {"TimeEntryNote": "time-", "MeetingNote": "meeting-"}.get(payload.note_type, "")
    return f"{prefix}{payload.id}"


def _written_at(payload: NotePayload) -> datetime:
    info = payload.info
    stated = payload.date_created or payload.time_start or info.date_entered or info.sort_by_date or info.last_updated
    return stated or EPOCH


def time_entry(payload: TimeEntryPayload) -> TimeEntry:
    """Map a time entry."""
    return TimeEntry(
        id=str(payload.id),
        ticket_id=str(payload.charge_to_id or ""),
        member=reference(payload.member),
        started_at=payload.time_start,
        hours=payload.actual_hours or 0.0,
        notes=payload.notes,
    )


def company(payload: CompanyPayload) -> Company:
    """Map a company; the web site's host is the only domain PSA knows of."""
    domain = _domain(payload.website)
    return Company(
        id=str(payload.id),
        name=payload.name,
        identifier=payload.identifier,
        domains=(domain,) if domain else (),
        is_active=not payload.deleted_flag,
    )


def _domain(website: str) -> str:
    try:
        host = urlsplit(website if "://" in website else f"//{website}").hostname or ""
    except ValueError:
        return ""
    host = host.lower().strip(".").removeprefix("www.")
    return host if "." in host else ""


def person(payload: ContactPayload) -> Person:
    """Map a contact; default addresses and numbers come first."""
    return Person(
        id=str(payload.id),
        name=f"{payload.first_name} {payload.last_name}".strip(),
        company=reference(payload.company),
        emails=tuple(value.lower() for value in _values(payload.communication_items, "email")),
        phones=_values(payload.communication_items, "phone"),
        site=reference(payload.site),
        title=payload.title,
        is_active=not payload.inactive_flag,
    )


def _values(items: Iterable[CommunicationPayload], kind: str) -> tuple[str, ...]:
    chosen = [item for item in items if item.communication_type.lower() == kind and item.value.strip()]
    chosen.sort(key=lambda item: not item.default_flag)
    return tuple(dict.fromkeys(item.value.strip() for item in chosen))


def device(payload: ConfigurationPayload) -> Device:
    """Map a configuration."""
    return Device(
        id=str(payload.id),
        name=payload.name,
        company=reference(payload.company),
        kind=payload.type.name if payload.type else "",
        site=reference(payload.site),
        contact=reference(payload.contact),
        serial_number=payload.serial_number,
        is_active=payload.active_flag is not False,
    )


def member(payload: MemberPayload) -> Member:
    """Map a technician."""
    return Member(
        id=str(payload.id),
        name=f"{payload.first_name} {payload.last_name}".strip(),
        identifier=payload.identifier,
        email=(payload.primary_email or payload.office_email).lower(),
        is_active=not payload.inactive_flag,
    )


def choices(payloads: Iterable[ChoicePayload]) -> tuple[Reference, ...]:
    """List what is active, in the vendor's own order (a sort order where it gives one, else by id)."""
    active = [each for each in payloads if not (each.inactive_flag or each.inactive or each.project_flag)]
    active.sort(key=lambda each: (each.sort_order or 0, each.id))
    return tuple(Reference(str(each.id), each.name) for each in active)


def subtypes(payloads: Iterable[SubtypePayload]) -> tuple[Subtype, ...]:
    """List the active subtypes with the types each may follow."""
    return tuple(
        Subtype(str(each.id), each.name, frozenset(map(str, each.type_association_ids)))
        for each in payloads
        if not each.inactive_flag
    )


def priorities(payloads: Iterable[PriorityPayload]) -> tuple[Priority, ...]:
    """Rank the priorities: by level where each has one, within a level and without by sort order."""
    every = list(payloads)
    levels = {each.id: each.level.lower() for each in every}
    have_levels = all(level in PRIORITY_LEVELS for level in levels.values())

    def urgency(each: PriorityPayload) -> tuple[int, int, int]:
        return (PRIORITY_LEVELS.index(levels[each.id]) if have_levels else 0, each.sort_order or 0, each.id)

    return tuple(Priority(str(each.id), each.name, rank) for rank, each in enumerate(sorted(every, key=urgency), 1))
