"""The changes deskhand can make in ConnectWise PSA, each of which can be undone and none of which mails anybody."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, Field, JsonValue

from deskhand.sdk.actions import Action, AnyAction, Arguments, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import NotFoundError, RejectedError
from deskhand.sdk.models import Level, NoteKind, Reference, Ticket, TicketUpdate, TimeEntry
from deskhand_psa_connectwise import updates
from deskhand_psa_connectwise.connector import NAME, ConnectWise
from deskhand_psa_connectwise.marks import is_marked, mark, plain

DOCUMENTATION = "https://developer.connectwise.com/Products/Manage/REST"
"""The vendor's REST reference; the resources are Service > Tickets, Service > TicketNotes and Time > TimeEntries."""
LONGEST_TEXT = 30_000

Identifier: TypeAlias = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,9}$")]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class NoteArguments(Arguments):
    """A note for a ticket."""

    ticket_id: Identifier
    text: Text


class TriageArguments(Arguments):
    """Fields of a ticket to set; what is left out is left alone."""

    ticket_id: Identifier
    type_id: Identifier | None = None
    subtype_id: Identifier | None = None
    item_id: Identifier | None = None
    priority_id: Identifier | None = None
    status_id: Identifier | None = None
    impact: Level | None = None
    urgency: Level | None = None

    def wanted(self) -> dict[str, str]:
        """List the fields to set with their values."""
        return updates.wanted(TicketUpdate(**self.model_dump(exclude={"ticket_id"})))


class TimeArguments(Arguments):
    """Work on a ticket: by whom (the API member where it is left out), from when, for how many hours."""

    ticket_id: Identifier
    member_id: Identifier | None = None
    started_at: AwareDatetime
    hours: Annotated[float, Field(gt=0, le=24)]
    notes: Text


def note_action(verb: str, title: str, kind: NoteKind) -> Action[ConnectWise, NoteArguments]:
    """Make the action that adds one kind of note."""

    def inspect(connector: ConnectWise, arguments: NoteArguments) -> Inspection:
        ticket = connector.ticket(arguments.ticket_id)
        return Inspection(owner(ticket), (Change(f"{kind.value} note", "", arguments.text),))

    def apply(connector: ConnectWise, arguments: NoteArguments, key: str) -> Receipt:
        note = connector.add_note(arguments.ticket_id, f"{arguments.text}\n\n{mark(key)}", kind)
        return Receipt(note.id)

    def verify(connector: ConnectWise, arguments: NoteArguments, receipt: Receipt) -> bool:
        try:
            note = connector.note(arguments.ticket_id, receipt.reference)
        except NotFoundError:
            return False
        return note.kind is kind and plain(note.text).startswith(plain(arguments.text))

    def probe(connector: ConnectWise, arguments: NoteArguments, key: str) -> Receipt | None:
        notes = connector.notes(arguments.ticket_id)
        found = [each for each in notes if each.kind is kind and not each.from_customer and is_marked(each.text, key)]
        return Receipt(found[0].id) if found else None

    def undo(
        connector: ConnectWise, arguments: NoteArguments, prior_state: Mapping[str, JsonValue], receipt: Receipt
    ) -> None:
        del prior_state
        connector.delete_note(arguments.ticket_id, receipt.reference)

    return Action(
        name=f"{NAME}.{verb}",
        title=title,
        arguments=NoteArguments,
        tier=Tier.PSA_REVERSIBLE,
        effect=Effect.ONCE,
        permission="Service Desk > Service Tickets: Add, Edit (Delete to undo)",
        documentation=DOCUMENTATION,
        inspect=inspect,
        apply=apply,
        verify=verify,
        probe=probe,
        undo=undo,
    )


def inspect_triage(connector: ConnectWise, arguments: TriageArguments) -> Inspection:
    """Compare the ticket's fields with the wanted ones, by name; RejectedError for a value the board has not."""
    ticket = connector.ticket(arguments.ticket_id)
    wanted, held = arguments.wanted(), updates.held(ticket)
    labels = connector.labels.holding(ticket.board.id, wanted)
    after = {**held, **wanted}
    if after["type_id"] is not None and {"type_id", "subtype_id", "item_id"} & wanted.keys():
        fits = labels.taxonomy.accepts(after["type_id"], after["subtype_id"], after["item_id"])
        if not fits:
            raise RejectedError(f"board {ticket.board.id} does not take this type, subtype and item together")
    changed = [field for field, value in wanted.items() if held[field] != value]
    changes = tuple(
        Change(_title(field), _name(ticket, field), labels.name(field, wanted[field]) or "") for field in changed
    )
    return Inspection(owner(ticket), changes, {field: held[field] for field in changed})


def apply_triage(connector: ConnectWise, arguments: TriageArguments, key: str) -> Receipt:
    """Send the fields; sending them again changes nothing, so the key is not needed."""
    del key
    wanted = arguments.wanted()
    connector.write_fields(arguments.ticket_id, dict(wanted))
    return Receipt(arguments.ticket_id, {"fields": list(wanted)})


def verify_triage(connector: ConnectWise, arguments: TriageArguments, receipt: Receipt) -> bool:
    """Read the ticket again: PSA's success alone proves nothing."""
    del receipt
    held = updates.held(connector.ticket(arguments.ticket_id))
    return all(held[field] == value for field, value in arguments.wanted().items())


def undo_triage(
    connector: ConnectWise, arguments: TriageArguments, prior_state: Mapping[str, JsonValue], receipt: Receipt
) -> None:
    """Put back what the fields held; RejectedError, and nothing sent, where somebody has changed one since."""
    del receipt
    held, wanted = updates.held(connector.ticket(arguments.ticket_id)), arguments.wanted()
    prior = {field: str(value) if value is not None else None for field, value in prior_state.items()}
    touched = [field for field in prior if held[field] not in {wanted.get(field), prior[field]}]
    if touched:
        raise RejectedError(f"ticket {arguments.ticket_id}: {', '.join(touched)} changed since; nothing was put back")
    connector.write_fields(arguments.ticket_id, prior)
    held = updates.held(connector.ticket(arguments.ticket_id))
    if any(held[field] != value for field, value in prior.items()):
        raise RejectedError(f"ticket {arguments.ticket_id}: PSA answered with success but put nothing back")


def inspect_time(connector: ConnectWise, arguments: TimeArguments) -> Inspection:
    """Show the work that would be recorded."""
    ticket = connector.ticket(arguments.ticket_id)
    return Inspection(owner(ticket), (Change("time entry", "", f"{arguments.hours:g} h: {arguments.notes}"),))


def apply_time(connector: ConnectWise, arguments: TimeArguments, key: str) -> Receipt:
    """Record the work; the key stands in the entry's internal notes."""
    member = Reference(arguments.member_id, "") if arguments.member_id is not None else None
    entry = TimeEntry(
        id="",
        ticket_id=arguments.ticket_id,
        member=member,
        started_at=arguments.started_at,
        hours=arguments.hours,
        notes=arguments.notes,
    )
    return Receipt(connector.record_time(entry, internal_notes=mark(key)).id)


def verify_time(connector: ConnectWise, arguments: TimeArguments, receipt: Receipt) -> bool:
    """Read the entry back."""
    try:
        entry = connector.time_payload(receipt.reference)
    except NotFoundError:
        return False
    return str(entry.charge_to_id) == arguments.ticket_id and plain(entry.notes) == plain(arguments.notes)


def probe_time(connector: ConnectWise, arguments: TimeArguments, key: str) -> Receipt | None:
    """Look for an entry that carries the key."""
    entries = connector.time_payloads(arguments.ticket_id)
    return next((Receipt(str(each.id)) for each in entries if is_marked(each.internal_notes, key)), None)


def undo_time(
    connector: ConnectWise, arguments: TimeArguments, prior_state: Mapping[str, JsonValue], receipt: Receipt
) -> None:
    """Delete the entry; PSA refuses once it is billed or approved."""
    del arguments, prior_state
    connector.delete_time_entry(receipt.reference)


def owner(ticket: Ticket) -> str:
    """Return the client a ticket belongs to, "" for none: no tenant has that id, so the gate refuses."""
    return ticket.company.id if ticket.company is not None else ""


def _title(field: str) -> str:
    return field.removesuffix("_id")


def _name(ticket: Ticket, field: str) -> str:
    value = getattr(ticket, _title(field))
    return value.name if isinstance(value, Reference) else str(value or "")


ACTIONS: tuple[AnyAction, ...] = (
    note_action("add_internal_note", "Add an internal note", NoteKind.INTERNAL),
    note_action("add_resolution_note", "Add a resolution note", NoteKind.RESOLUTION),
    Action(
        name=f"{NAME}.update_triage",
        title="Set type, subtype, item, priority, status, impact and urgency",
        arguments=TriageArguments,
        tier=Tier.PSA_REVERSIBLE,
        effect=Effect.IDEMPOTENT,
        permission="Service Desk > Service Tickets: Edit",
        documentation=DOCUMENTATION,
        inspect=inspect_triage,
        apply=apply_triage,
        verify=verify_triage,
        undo=undo_triage,
    ),
    Action(
        name=f"{NAME}.add_time_entry",
        title="Record work on a ticket",
        arguments=TimeArguments,
        tier=Tier.PSA_REVERSIBLE,
        effect=Effect.ONCE,
        permission="Time & Expense > Time Entry: Add (Delete to undo)",
        documentation=DOCUMENTATION,
        inspect=inspect_time,
        apply=apply_time,
        verify=verify_time,
        probe=probe_time,
        undo=undo_time,
    ),
)
