"""A PSA nobody sells, as small as the contracts allow: the vendor's side."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from deskhand.sdk.testing import RoutedSimulator, SimulatedRequest, SimulatedResponse, route

CREDENTIAL = "rehearsal-of-the-example"
PAGE = 5
Record = dict[str, Any]
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


@dataclass
class ExampleSimulator(RoutedSimulator):
    """Three priorities, one board, one client with one contact, and twelve tickets."""

    tickets: dict[str, Record] = field(default_factory=dict)
    notes: list[Record] = field(default_factory=list)
    work: list[Record] = field(default_factory=list)
    ticks: int = 0

    def __post_init__(self) -> None:
        for number in range(1, 13):
            self.open({"summary": f"Ticket {number}", "company": "c1", "contact": "p1", "board": "b1"})
        for text in ("It is broken.", "Still broken."):
            self.notes.append(
                {"id": self.next_id(), "ticket": "3", "text": text, "kind": "discussion", "at": self.now()}
            )

    def next_id(self) -> str:
        return f"n{self.ticks + 1}"

    def now(self) -> str:
        self.ticks += 1
        return (START + timedelta(minutes=self.ticks)).isoformat()

    def open(self, fields: Record) -> Record:
        now = self.now()
        ticket = {"id": str(len(self.tickets) + 1), "priority": "low", "created": now, "updated": now, **fields}
        self.tickets[ticket["id"]] = ticket
        return ticket

    def handle(self, request: SimulatedRequest) -> SimulatedResponse:
        if request.headers.get("authorization") != f"Bearer {CREDENTIAL}":
            return SimulatedResponse.json(401, {"message": "who are you?"})
        return super().handle(request)

    @route("GET", "/info")
    def info(self, request: SimulatedRequest) -> SimulatedResponse:
        return SimulatedResponse.json(200, {"product": "Example PSA", "asked": request.path})

    @route("GET", "/tickets/{ticket}")
    def read(self, request: SimulatedRequest, ticket: str) -> SimulatedResponse:
        del request
        found = self.tickets.get(ticket)
        return SimulatedResponse.json(200, found) if found else SimulatedResponse.json(404, {"message": "none"})

    @route("GET", "/tickets")
    def listing(self, request: SimulatedRequest) -> SimulatedResponse:
        after, since = int(request.parameter("after", "0")), request.parameter("since")
        fitting = [each for each in self.tickets.values() if int(each["id"]) > after and each["updated"] >= since]
        return SimulatedResponse.json(200, {"tickets": fitting[:PAGE], "more": len(fitting) > PAGE})

    @route("POST", "/tickets")
    def create(self, request: SimulatedRequest) -> SimulatedResponse:
        fields: Any = request.json()
        if fields["company"] != "c1" or fields["board"] != "b1":
            return SimulatedResponse.json(400, {"message": "no such client or board"})
        description = fields.pop("description")
        ticket = self.open(fields)
        self.write(ticket["id"], {"text": description, "kind": "discussion"})
        return SimulatedResponse.json(201, ticket)

    @route("PATCH", "/tickets/{ticket}")
    def update(self, request: SimulatedRequest, ticket: str) -> SimulatedResponse:
        fields: Any = request.json()
        if fields.get("type", "t1") not in ("t1", "t2"):
            return SimulatedResponse.json(400, {"message": "no such type"})
        if ticket not in self.tickets:
            return SimulatedResponse.json(404, {"message": "none"})
        self.tickets[ticket] |= {**fields, "updated": self.now()}
        return SimulatedResponse.json(200, self.tickets[ticket])

    @route("GET", "/tickets/{ticket}/notes")
    def list_notes(self, request: SimulatedRequest, ticket: str) -> SimulatedResponse:
        del request
        return SimulatedResponse.json(200, [note for note in self.notes if note["ticket"] == ticket])

    @route("POST", "/tickets/{ticket}/notes")
    def add_note(self, request: SimulatedRequest, ticket: str) -> SimulatedResponse:
        if ticket not in self.tickets:
            return SimulatedResponse.json(404, {"message": "none"})
        fields: Any = request.json()
        return SimulatedResponse.json(201, self.write(ticket, fields))

    def write(self, ticket: str, fields: Record) -> Record:
        note = {"id": self.next_id(), "ticket": ticket, "at": self.now(), **fields}
        self.notes.append(note)
        return note

    @route("GET", "/tickets/{ticket}/work")
    def list_work(self, request: SimulatedRequest, ticket: str) -> SimulatedResponse:
        del request
        return SimulatedResponse.json(200, [each for each in self.work if each["ticket"] == ticket])

    @route("POST", "/tickets/{ticket}/work")
    def add_work(self, request: SimulatedRequest, ticket: str) -> SimulatedResponse:
        fields: Any = request.json()
        self.work.append({"id": str(len(self.work) + 1), "ticket": ticket, **fields})
        return SimulatedResponse.json(201, self.work[-1])

    @route("GET", "/people")
    def people(self, request: SimulatedRequest) -> SimulatedResponse:
        wanted = request.parameter("email").lower()
        people = [{"id": "p1", "name": "Ada", "email": "ada@client.example"}, {"id": "p2", "name": "Bo", "email": ""}]
        return SimulatedResponse.json(
            200, [each for each in people if "email" not in request.query or each["email"] == wanted]
        )

    @route("GET", "/boards/{board}")
    def board(self, request: SimulatedRequest, board: str) -> SimulatedResponse:
        del request
        if board != "b1":
            return SimulatedResponse.json(404, {"message": "none"})
        return SimulatedResponse.json(
            200, {"types": ["t1", "t2"], "subtypes": {"s1": ["t1"], "s2": ["t1", "t2"]}, "statuses": ["new", "closed"]}
        )
