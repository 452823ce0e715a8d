"""The simulated PSA's tickets, notes and time entries, as they are written."""

from http import HTTPStatus

from pydantic import JsonValue

from deskhand.sdk.testing.simulator import SimulatedRequest, SimulatedResponse, route
from deskhand_psa_connectwise.simulation.listing import counted, listed
from deskhand_psa_connectwise.simulation.notes import all_notes, hours_worked, note_of, time_entry_of, without_nothing
from deskhand_psa_connectwise.simulation.reading_routes import ReadingRoutes, rows_of
from deskhand_psa_connectwise.simulation.refusals import malformed, missing
from deskhand_psa_connectwise.simulation.seeding_tickets import FLAG_OF, TicketSeeding
from deskhand_psa_connectwise.simulation.tables import Record, identifier
from deskhand_psa_connectwise.simulation.tickets import patched, settled

INITIAL_NOTES = {
    "initialDescription": "discussion",
    "initialInternalAnalysis": "internal",
    "initialResolution": "resolution",
}


class TicketRoutes(ReadingRoutes, TicketSeeding):
    """Answers what changes a ticket. ``notified`` lists the tickets whose notes sent an e-mail to somebody."""

    member: Record
    notified: list[int]

    @property
    def actor(self) -> str:
        """The member behind the API key."""
        return str(self.member["identifier"])

    @route("GET", "/service/tickets/count")
    def count_tickets(self, request: SimulatedRequest) -> SimulatedResponse:
        """Count tickets."""
        return counted(self.query(request), self.state["tickets"].after)

    @route("POST", "/service/tickets/search")
    def search_tickets(self, request: SimulatedRequest) -> SimulatedResponse:
        """List tickets by conditions in the body, whose names are lower case there."""
        body = object_of(request)
        names = {"conditions": "conditions", "childconditions": "childConditions", "orderBy": "orderBy"}
        query = self.query(request)
        query.parameters.update({names[key]: str(value) for key, value in body.items() if key in names and value})
        return listed(query, self.state["tickets"].after, status=HTTPStatus.CREATED)

    @route("POST", "/service/tickets")
    def create_ticket(self, request: SimulatedRequest) -> SimulatedResponse:
        """Open a ticket."""
        body = object_of(request)
        ticket = settled(self.state, body, self.actor)
        self.state.stamp(ticket, self.actor)
        stored = self.state["tickets"].add(ticket)
        for field, kind in INITIAL_NOTES.items():
            if body.get(field):
                self._write_note(stored, {"text": body[field], FLAG_OF[kind]: True, "processNotifications": False})
        self.announce(stored, "added", self.actor)
        return SimulatedResponse.json(HTTPStatus.CREATED, stored)

    @route("PATCH", "/service/tickets/{number}")
    def patch_ticket(self, request: SimulatedRequest, number: str) -> SimulatedResponse:
        """Change fields of a ticket."""
        ticket = self.record("tickets", number)
        return self._change(ticket, patched(ticket, json_of(request)))

    @route("PUT", "/service/tickets/{number}")
    def put_ticket(self, request: SimulatedRequest, number: str) -> SimulatedResponse:
        """Replace a ticket: what is not given is emptied or set to its default."""
        return self._change(self.record("tickets", number), object_of(request))

    @route("DELETE", "/service/tickets/{number}")
    def delete_ticket(self, request: SimulatedRequest, number: str) -> SimulatedResponse:
        """Delete a ticket."""
        del request
        ticket = self.record("tickets", number)
        self.state["tickets"].remove(identifier(ticket))
        self.announce(ticket, "deleted", self.actor)
        return SimulatedResponse(HTTPStatus.NO_CONTENT)

    @route("GET", "/service/tickets/{ticket}/notes")
    def list_notes(self, request: SimulatedRequest, ticket: str) -> SimulatedResponse:
        """List a ticket's own notes."""
        owner = self.record("tickets", ticket)
        return listed(self.query(request), rows_of(self.state["notes"].children(identifier(owner))))

    @route("GET", "/service/tickets/{ticket}/allNotes")
    def list_all_notes(self, request: SimulatedRequest, ticket: str) -> SimulatedResponse:
        """List a ticket's notes and those of its time entries."""
        return listed(self.query(request), rows_of(all_notes(self.state, self.record("tickets", ticket))))

    @route("POST", "/service/tickets/{ticket}/notes")
    def create_note(self, request: SimulatedRequest, ticket: str) -> SimulatedResponse:
        """Add a note."""
        owner = self.record("tickets", ticket)
        note = self._write_note(owner, object_of(request))
        self._touch(owner)
        return SimulatedResponse.json(HTTPStatus.CREATED, note)

    @route("GET", "/service/tickets/{ticket}/notes/{number}")
    def read_note(self, request: SimulatedRequest, ticket: str, number: str) -> SimulatedResponse:
        """Read a note."""
        del request
        return SimulatedResponse.json(HTTPStatus.OK, self._note(ticket, number))

    @route("DELETE", "/service/tickets/{ticket}/notes/{number}")
    def delete_note(self, request: SimulatedRequest, ticket: str, number: str) -> SimulatedResponse:
        """Delete a note."""
        del request
        self.state["notes"].remove(identifier(self._note(ticket, number)))
        self._touch(self.record("tickets", ticket))
        return SimulatedResponse(HTTPStatus.NO_CONTENT)

    @route("POST", "/time/entries")
    def create_time_entry(self, request: SimulatedRequest) -> SimulatedResponse:
        """Record work; its notes can land on the ticket too."""
        entry = without_nothing(time_entry_of(self.state, object_of(request), self.member))
        self.state.stamp(entry, self.actor)
        stored = self.state["times"].add(entry)
        if "ticket" in stored:
            self._count_hours(self.record("tickets", str(stored["chargeToId"])))
        return SimulatedResponse.json(HTTPStatus.CREATED, stored)

    @route("DELETE", "/time/entries/{number}")
    def delete_time_entry(self, request: SimulatedRequest, number: str) -> SimulatedResponse:
        """Delete a time entry."""
        del request
        entry = self.record("times", number)
        self.state["times"].remove(identifier(entry))
        if "ticket" in entry:
            self._count_hours(self.record("tickets", str(entry["chargeToId"])))
        return SimulatedResponse(HTTPStatus.NO_CONTENT)

    def _count_hours(self, ticket: Record) -> None:
        ticket["actualHours"] = hours_worked(self.state, identifier(ticket))
        self._touch(ticket)

    def _change(self, ticket: Record, draft: Record) -> SimulatedResponse:
        changed = settled(self.state, draft, self.actor, before=ticket)
        stored: Record = {"id": ticket["id"], **changed, "_info": ticket["_info"]}
        self.state["tickets"].replace(stored)
        self._touch(stored)
        return SimulatedResponse.json(HTTPStatus.OK, stored)

    def _write_note(self, ticket: Record, body: Record) -> Record:
        note = note_of(self.state, ticket, body, self.member)
        if note["processNotifications"]:
            self.notified.append(identifier(ticket))
        self.state.stamp(note, self.actor)
        return self.state["notes"].add(note)

    def _note(self, ticket: str, number: str) -> Record:
        note = self.record("notes", number)
        if note["ticketId"] != identifier(self.record("tickets", ticket)):
            raise missing("notes")
        return note

    def _touch(self, ticket: Record) -> None:
        self.state.stamp(ticket, self.actor)
        self.announce(ticket, "updated", self.actor)


def json_of(request: SimulatedRequest) -> JsonValue:
    """Read a JSON body, or answer 400."""
    try:
        return request.json()
    except ValueError:
        raise malformed("the body is not JSON") from None


def object_of(request: SimulatedRequest) -> Record:
    """Read a JSON object, or answer 400."""
    body = json_of(request)
    if not isinstance(body, dict):
        raise malformed("the body is not an object")
    return body
