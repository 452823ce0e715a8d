"""The simulated PSA's lists and records that are only read: boards, clients, people, machines, technicians."""

from collections.abc import Iterable
from http import HTTPStatus

from deskhand.sdk.testing.simulator import SimulatedRequest, SimulatedResponse, route
from deskhand_psa_connectwise.simulation.listing import Query, Rows, listed, query_of
from deskhand_psa_connectwise.simulation.refusals import missing
from deskhand_psa_connectwise.simulation.tables import Record, State, identifier

TABLES = {
    "/service/boards": "boards",
    "/service/priorities": "priorities",
    "/service/sources": "sources",
    "/company/companies": "companies",
    "/company/contacts": "contacts",
    "/company/configurations": "configurations",
    "/system/members": "members",
    "/system/callbacks": "callbacks",
    "/service/tickets": "tickets",
    "/time/entries": "times",
}
"""Where each table is listed; a record of it is one segment further."""


class ReadingRoutes:
    """Answers every GET that needs no rule of its own."""

    state: State
    api_root: str

    @route("GET", "/service/boards")
    @route("GET", "/service/priorities")
    @route("GET", "/service/sources")
    @route("GET", "/service/tickets")
    @route("GET", "/company/companies")
    @route("GET", "/company/contacts")
    @route("GET", "/company/configurations")
    @route("GET", "/system/members")
    @route("GET", "/system/callbacks")
    @route("GET", "/time/entries")
    def list_records(self, request: SimulatedRequest) -> SimulatedResponse:
        """List a table."""
        return listed(self.query(request), self.state[TABLES[request.path]].after)

    @route("GET", "/service/boards/{number}")
    @route("GET", "/service/tickets/{number}")
    @route("GET", "/company/companies/{number}")
    @route("GET", "/company/contacts/{number}")
    @route("GET", "/company/configurations/{number}")
    @route("GET", "/system/members/{number}")
    @route("GET", "/system/callbacks/{number}")
    @route("GET", "/time/entries/{number}")
    def read_record(self, request: SimulatedRequest, number: str) -> SimulatedResponse:
        """Read a record."""
        table = TABLES[request.path.rpartition("/")[0]]
        return SimulatedResponse.json(HTTPStatus.OK, self.record(table, number))

    @route("GET", "/service/boards/{board}/types")
    @route("GET", "/service/boards/{board}/subtypes")
    @route("GET", "/service/boards/{board}/items")
    @route("GET", "/service/boards/{board}/statuses")
    def list_board(self, request: SimulatedRequest, board: str) -> SimulatedResponse:
        """List what a board has of something."""
        owner = self.record("boards", board)
        children = self.state[request.path.rpartition("/")[2]].children(identifier(owner))
        return listed(self.query(request), rows_of(children))

    def query(self, request: SimulatedRequest) -> Query:
        """Read a listing's query."""
        return query_of(request, self.api_root, request.path)

    def record(self, table: str, number: str) -> Record:
        """Return the record, or answer 404."""
        record = self.state[table].find(int(number)) if number.isdecimal() else None
        if record is None:
            raise missing(table)
        return record


def rows_of(records: Iterable[Record]) -> Rows:
    """Make a short list of records listable."""
    return lambda after: (record for record in records if identifier(record) > after)
