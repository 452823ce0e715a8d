"""ConnectWise PSA as deskhand's ticket system."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from deskhand.sdk.clock import Clock, utc_now
from deskhand.sdk.errors import AuthorizationError, NotFoundError, RejectedError
from deskhand.sdk.http import JsonBody, Patience
from deskhand.sdk.models import (
    Company,
    Device,
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
from deskhand_psa_connectwise import mapping, updates
from deskhand_psa_connectwise.client import ConnectWiseClient
from deskhand_psa_connectwise.conditions import UnsafeValueError, compare
from deskhand_psa_connectwise.labels import Labels
from deskhand_psa_connectwise.listing import readable_tickets
from deskhand_psa_connectwise.payloads import (
    ChoicePayload,
    CompanyPayload,
    ConfigurationPayload,
    ContactPayload,
    MemberPayload,
    NotePayload,
    PriorityPayload,
    SubtypePayload,
    TicketPayload,
    TimeEntryPayload,
)
from deskhand_psa_connectwise.settings import ConnectWiseSettings
from deskhand_psa_connectwise.spelling import moment, number
from deskhand_psa_connectwise.webhooks import Registration

NAME = "psa_connectwise"
LONGEST_SUMMARY = 100
FLAGS: Mapping[NoteKind, str] = {
    NoteKind.DISCUSSION: "detailDescriptionFlag",
    NoteKind.INTERNAL: "internalAnalysisFlag",
    NoteKind.RESOLUTION: "resolutionFlag",
}
"""Where each kind of note shows: the Discussion, Internal and Resolution tabs of a ticket."""


class ConnectWise:
    """Plays the roles TicketSystem, for service tickets only, and CallbackSource."""

    def __init__(
        self, settings: ConnectWiseSettings, *, clock: Clock = utc_now, patience: Patience | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.client = ConnectWiseClient(settings, patience=patience)
        self.labels = Labels(self, clock)
        self.callbacks = Registration(self.client, settings)

    @property
    def name(self) -> str:
        """The plugin's name."""
        return NAME

    def check(self) -> str:
        """Read PSA's version with our keys: proves site, company, keys and client id."""
        try:
            info = self.client.read("/system/info")
        except NotFoundError as error:
            fix = "check site, company_id, public_key, private_key and client_id"
            raise AuthorizationError(f"{error}; {fix}") from None
        return f"ConnectWise PSA {info.get('version', '')} at {self.settings.site}".replace("  ", " ")

    def ensure_callback(self) -> str | None:
        """Register this desk at PSA, or wake its registration, where the settings give it an address."""
        return str(self.callbacks.ensure()) if self.settings.callback_url is not None else None

    def close(self) -> None:
        """Close every connection."""
        self.client.close()

    def ticket(self, ticket_id: str) -> Ticket:
        """Read one service ticket."""
        return mapping.ticket(mapping.parsed(TicketPayload, self.client.read(f"/service/tickets/{number(ticket_id)}")))

    def tickets_since(self, since: datetime | None, after: str | None = None) -> TicketPage:
        """Read one forward-only page, by ascending id, of what changed at or after ``since`` (whole seconds)."""
        records, following = self.client.page(
            "/service/tickets",
            conditions=compare("lastUpdated", ">=", since) if since is not None else None,
            after=number(after) if after is not None else None,
        )
        tickets, unreadable = readable_tickets(records)
        return TicketPage(tickets, str(following) if following is not None else None, unreadable)

    def notes(self, ticket_id: str) -> tuple[Note, ...]:
        """Read a ticket's notes and those of its time entries, oldest first."""
        records = self.client.pages(f"/service/tickets/{number(ticket_id)}/allNotes")
        payloads = [mapping.parsed(NotePayload, record) for record in records]
        notes = [mapping.note(payload, ticket_id) for payload in payloads if payload.text]
        return tuple(sorted(notes, key=lambda note: note.created_at))

    def create_ticket(self, ticket: NewTicket) -> Ticket:
        """Open a service ticket; the description becomes its first discussion note."""
        if len(ticket.summary) > LONGEST_SUMMARY:
            raise RejectedError(f"a summary has at most {LONGEST_SUMMARY} characters, this one {len(ticket.summary)}")
        body: dict[str, JsonBody] = {
            "summary": ticket.summary,
            "company": {"id": number(ticket.company)},
            "board": {"id": number(ticket.board)},
        }
        if ticket.description:
            body["initialDescription"] = ticket.description
        if ticket.contact is not None:
            body["contact"] = {"id": number(ticket.contact)}
        return mapping.ticket(mapping.parsed(TicketPayload, self.client.create("/service/tickets", body)))

    def update_ticket(self, ticket_id: str, update: TicketUpdate) -> Ticket:
        """Replace fields, then read the ticket again: RejectedError names what PSA accepted and did not do."""
        values = updates.wanted(update)
        self.write_fields(ticket_id, values)
        after = self.ticket(ticket_id)
        ignored = sorted(field for field, value in values.items() if updates.held(after)[field] != value)
        if ignored:
            raise RejectedError(f"ticket {ticket_id}: PSA answered with success but did not set {', '.join(ignored)}")
        return after

    def write_fields(self, ticket_id: str, values: Mapping[str, str | None]) -> None:
        """Send the values of :mod:`updates`' fields, None to empty one. Success is not proof: read the ticket again."""
        if values:
            self.client.replace(f"/service/tickets/{number(ticket_id)}", updates.operations(values))

    def add_note(self, ticket_id: str, text: str, kind: NoteKind) -> Note:
        """Add a note; no e-mail is sent to anybody."""
        path = f"/service/tickets/{number(ticket_id)}/notes"
        flags = {flag: each is kind for each, flag in FLAGS.items()}
        record = self.client.create(path, {"text": text, **flags, "processNotifications": False})
        return mapping.note(mapping.parsed(NotePayload, record), ticket_id)

    def note(self, ticket_id: str, note_id: str) -> Note:
        """Read one of a ticket's own notes."""
        record = self.client.read(f"/service/tickets/{number(ticket_id)}/notes/{number(note_id)}")
        return mapping.note(mapping.parsed(NotePayload, record), ticket_id)

    def delete_note(self, ticket_id: str, note_id: str) -> None:
        """Delete one of a ticket's own notes; one that is gone is no error."""
        self.client.delete(f"/service/tickets/{number(ticket_id)}/notes/{number(note_id)}")

    def add_time_entry(self, entry: TimeEntry) -> TimeEntry:
        """Record work on a ticket; nobody is mailed, and the notes stay on the entry."""
        return self.record_time(entry)

    def record_time(self, entry: TimeEntry, *, internal_notes: str = "") -> TimeEntry:
        """Record work with notes that only technicians see beside those of the entry."""
        body: dict[str, JsonBody] = {
            "chargeToId": number(entry.ticket_id),
            "chargeToType": "ServiceTicket",
            "timeStart": moment(entry.started_at),
            "timeEnd": moment(entry.started_at + timedelta(hours=entry.hours)),
            "notes": entry.notes,
            "internalNotes": internal_notes,
            "emailResourceFlag": False,
            "emailContactFlag": False,
            "emailCcFlag": False,
        }
        if entry.member is not None:
            body["member"] = {"id": number(entry.member.id)}
        return mapping.time_entry(mapping.parsed(TimeEntryPayload, self.client.create("/time/entries", body)))

    def time_entries(self, ticket_id: str) -> tuple[TimeEntry, ...]:
        """Read the work recorded on a ticket, by id."""
        return tuple(mapping.time_entry(payload) for payload in self.time_payloads(ticket_id))

    def time_payloads(self, ticket_id: str) -> tuple[TimeEntryPayload, ...]:
        """Read a ticket's time entries with their internal notes."""
        of_ticket = compare("chargeToId", "=", number(ticket_id)) & compare("chargeToType", "=", "ServiceTicket")
        records = self.client.pages("/time/entries", conditions=of_ticket)
        return tuple(mapping.parsed(TimeEntryPayload, record) for record in records)

    def time_payload(self, entry_id: str) -> TimeEntryPayload:
        """Read one time entry with its internal notes."""
        return mapping.parsed(TimeEntryPayload, self.client.read(f"/time/entries/{number(entry_id)}"))

    def delete_time_entry(self, entry_id: str) -> None:
        """Delete a time entry; one that is gone is no error."""
        self.client.delete(f"/time/entries/{number(entry_id)}")

    def boards(self) -> tuple[Reference, ...]:
        """List the active service boards."""
        return self._choices("/service/boards")

    def taxonomy(self, board_id: str) -> Taxonomy:
        """Read a board's active types, subtypes, items and statuses."""
        root = f"/service/boards/{number(board_id)}"
        board = mapping.parsed(ChoicePayload, self.client.read(root))
        subtypes = mapping.mapped(SubtypePayload, lambda each: each, self.client.pages(f"{root}/subtypes"))
        return Taxonomy(
            board=Reference(board_id, board.name),
            types=self._choices(f"{root}/types"),
            subtypes=mapping.subtypes(subtypes),
            items=self._choices(f"{root}/items"),
            statuses=self._choices(f"{root}/statuses"),
        )

    def priorities(self) -> tuple[Priority, ...]:
        """List the priorities, most pressing first."""
        payloads = mapping.mapped(PriorityPayload, lambda each: each, self.client.pages("/service/priorities"))
        return mapping.priorities(payloads)

    def companies(self) -> Iterable[Company]:
        """List the companies that are not deleted."""
        records = self.client.pages("/company/companies", conditions=compare("deletedFlag", "=", value=False))
        return mapping.mapped(CompanyPayload, mapping.company, records)

    def people(self) -> Iterable[Person]:
        """List all contacts, the inactive ones too."""
        return mapping.mapped(ContactPayload, mapping.person, self.client.pages("/company/contacts"))

    def people_by_email(self, address: str) -> tuple[Person, ...]:
        """Find every contact with this address. One that cannot be asked for safely belongs to nobody we know."""
        wanted_address = address.strip().lower()
        if "@" not in wanted_address:
            return ()
        try:
            holds = compare("communicationItems/value", "=", wanted_address)
        except UnsafeValueError:
            return ()
        is_mail = compare("communicationItems/communicationType", "=", "Email")
        records = self.client.pages("/company/contacts", child_conditions=holds & is_mail)
        people = mapping.mapped(ContactPayload, mapping.person, records)
        return tuple(person for person in people if wanted_address in person.emails)

    def devices(self) -> Iterable[Device]:
        """List all configurations, the inactive ones too."""
        return mapping.mapped(ConfigurationPayload, mapping.device, self.client.pages("/company/configurations"))

    def members(self) -> tuple[Member, ...]:
        """List the technicians, the inactive ones too."""
        return tuple(mapping.mapped(MemberPayload, mapping.member, self.client.pages("/system/members")))

    def _choices(self, path: str) -> tuple[Reference, ...]:
        return mapping.choices(mapping.mapped(ChoicePayload, lambda each: each, self.client.pages(path)))
