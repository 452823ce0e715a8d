"""Filling the simulated PSA with tickets and notes, as mail that comes in would."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypedDict

from pydantic import JsonValue

from deskhand_psa_connectwise.simulation.notes import TIME_FLAGS, hours_worked
from deskhand_psa_connectwise.simulation.seeding import EMAIL_CONNECTOR, Seeding, as_text
from deskhand_psa_connectwise.simulation.tables import Record, reference
from deskhand_psa_connectwise.simulation.tables import identifier as number
from deskhand_psa_connectwise.simulation.tickets import settled, shown

NoteKindName = Literal["discussion", "internal", "resolution"]
FLAG_OF: Mapping[str, str] = {
    "discussion": "detailDescriptionFlag",
    "internal": "internalAnalysisFlag",
    "resolution": "resolutionFlag",
}


class SeedNote(TypedDict, total=False):
    """A note to seed: ``text`` and ``kind``, by a member, a contact, or neither (an unknown sender)."""

    text: str
    kind: NoteKindName
    member: int | None
    contact: int | None
    created: datetime | None


class TicketSeeding(Seeding):
    """Adds tickets; their types, subtypes, items and statuses must be on the board, as over HTTP."""

    def seed_ticket(  # noqa: PLR0913  # what a ticket has
        self,
        summary: str,
        *,
        board: int,
        company: int,
        contact: int | None = None,
        type: str | None = None,  # noqa: A002  # the vendor's word
        subtype: str | None = None,
        item: str | None = None,
        status: str | None = None,
        priority: str | None = None,
        owner: int | None = None,
        source: str | None = None,
        site: str | None = None,
        impact: str = "Medium",
        severity: str = "Medium",
        contact_name: str = "",
        contact_email: str = "",
        notes: Sequence[SeedNote] = (),
        created: datetime | None = None,
        closed: datetime | None = None,
    ) -> int:
        """Add a ticket as the e-mail connector would; with ``closed`` and no status it gets the first closed one."""
        if closed is not None and status is None:
            every = self.state["statuses"].children(board)
            status = next(str(each["name"]) for each in every if each["closedStatus"])
        named = {
            "type": type,
            "subType": subtype,
            "item": item,
            "status": status,
            "priority": priority,
            "source": source,
        }
        draft: dict[str, JsonValue] = {
            "summary": summary,
            "board": {"id": board},
            "company": {"id": company},
            "contact": {"id": contact} if contact is not None else None,
            "owner": {"id": owner} if owner is not None else None,
            **{field: {"name": name} for field, name in named.items() if name is not None},
            **self._site(company, site),
            "impact": impact,
            "severity": severity,
            "contactName": contact_name or None,
            "contactEmailAddress": contact_email or None,
        }
        ticket = settled(self.state, draft, EMAIL_CONNECTOR)
        if closed is not None:
            ticket["closedDate"] = as_text(closed)
        stored = self._add("tickets", ticket, created)
        for note in notes:
            self._add_note(stored, note, created)
        if closed is not None:
            self.state.stamp(stored, EMAIL_CONNECTOR, at=as_text(closed))
        self.announce(stored, "added", EMAIL_CONNECTOR)
        return number(stored)

    def seed_note(self, ticket: int, note: SeedNote) -> int:
        """Add a note to a ticket that is there, as mail that comes in does."""
        stored = self._get("tickets", ticket)
        added = self._add_note(stored, note, None)
        self.state.stamp(stored, EMAIL_CONNECTOR)
        self.announce(stored, "updated", EMAIL_CONNECTOR)
        return number(added)

    def seed_time_entry(self, ticket: int, *, member: int, started: datetime, hours: float, notes: str = "") -> int:
        """Record work on a ticket, as a technician would."""
        stored, worker = self._get("tickets", ticket), self._get("members", member)
        entry: Record = {
            "chargeToId": ticket,
            "chargeToType": "ServiceTicket",
            "company": stored["company"],
            "member": shown("members", worker),
            "timeStart": as_text(started),
            "timeEnd": as_text(started + timedelta(hours=hours)),
            "actualHours": hours,
            "billableOption": "Billable",
            "notes": notes,
            "internalNotes": "",
            **dict.fromkeys(TIME_FLAGS.values(), False),
            "emailContactFlag": False,
            "enteredBy": worker["identifier"],
            "dateEntered": as_text(started),
            "ticket": reference(stored, "summary"),
        }
        added = number(self._add("times", entry, started))
        stored["actualHours"] = hours_worked(self.state, ticket)
        return added

    def announce(self, ticket: Record, action: str, by: str) -> None:
        """Tell callbacks about a change; overridden by the simulator."""

    def _add_note(self, ticket: Record, note: SeedNote, created: datetime | None) -> Record:
        at = note.get("created") or created
        member = self.state["members"].find(note.get("member"))
        contact = self.state["contacts"].find(note.get("contact"))
        kind = note.get("kind", "discussion")
        record: Record = {
            "ticketId": ticket["id"],
            "text": note["text"],
            **{flag: each == kind for each, flag in FLAG_OF.items()},
            "issueFlag": not self.state["notes"].children(number(ticket)),
            "customerUpdatedFlag": member is None,
            "processNotifications": False,
            "dateCreated": as_text(at) if at else self.state.now(),
            "createdBy": member["identifier"] if member else EMAIL_CONNECTOR,
            "internalFlag": kind != "discussion",
            "externalFlag": kind == "discussion",
        }
        if member is not None:
            record["member"] = shown("members", member)
        if contact is not None:
            record["contact"] = shown("contacts", contact)
        return self._add("notes", record, at)
