"""What holds for reading from every PSA."""

from datetime import UTC, datetime, timedelta

from deskhand.sdk.errors import NotFoundError, RejectedError
from deskhand.sdk.models import TicketPage
from deskhand.sdk.roles import TicketSystem
from deskhand.sdk.testing.binding import expected
from deskhand.sdk.testing.connector_contract import ConnectorContract
from deskhand.sdk.testing.ticket_world import TicketWorld, pages

HOSTILE = (
    "*",
    "%",
    "*@*",
    "%@%",
    "_",
    "?",
    "",
    " ",
    '"',
    "'",
    "\\",
    "]",
    '" or 1=1',
    '" OR "1"="1',
    "' OR '1'='1' --",
    'x" or id > 0 or value like "*',
    "[2020-01-01T00:00:00Z]",
    "a@b.example) or (id > 0",
    "a@b.example&pageSize=1000",
    "a@b.example\r\nX-Injected: 1",
    "a@b.example\x00",
    "../../company/contacts",
    "\N{FULLWIDTH COMMERCIAL AT}",
)
"""Addresses that are none: quotes, wildcards, brackets and condition syntax of several vendors."""
HOSTILE_IDENTIFIERS = ("", "..", "../{}", "{}/notes", "{}?", "{}#", "{} or 1=1", "%2e%2e", "*", '"')


class TicketReadingContract(ConnectorContract):
    """What holds for reading from every PSA."""

    def test_plays_the_role_of_a_ticket_system(self, connector: TicketSystem) -> None:
        """Every method of the role is there."""
        assert isinstance(connector, TicketSystem)

    def test_reads_the_ticket_it_was_asked_for(self, connector: TicketSystem, world: TicketWorld) -> None:
        """The ticket is the one, with aware UTC times and a version."""
        ticket = connector.ticket(world.ticket)
        assert ticket.id == world.ticket
        assert ticket.board.id == world.board
        assert ticket.company
        assert ticket.company.id == world.company
        assert ticket.summary
        assert ticket.version
        assert not ticket.is_closed
        assert ticket.created_at.utcoffset() == ticket.updated_at.utcoffset() == timedelta(0)
        assert ticket.created_at <= ticket.updated_at

    def test_a_missing_ticket_is_not_found(self, connector: TicketSystem, world: TicketWorld) -> None:
        """Nothing is made up where there is nothing."""
        with expected(NotFoundError):
            connector.ticket(world.missing_ticket)

    def test_an_identifier_cannot_reach_another_record(self, connector: TicketSystem, world: TicketWorld) -> None:
        """An identifier is one identifier: no path, query or condition hides in it."""
        for pattern in HOSTILE_IDENTIFIERS:
            with expected(NotFoundError, RejectedError):
                connector.ticket(pattern.format(world.ticket))

    def test_pages_go_forward_without_loss_or_repetition(self, connector: TicketSystem) -> None:
        """The listing has each ticket once, by ascending identifier, over more than one page."""
        listing = pages(connector, None)
        found = [ticket.id for page in listing for ticket in page.tickets]
        assert len(listing) > 1, "the simulator must hold more tickets than one page of the connector"
        assert len(found) == len(set(found))
        assert found == sorted(found, key=_order)
        assert all(page.tickets for page in listing[:-1])

    def test_the_listing_shows_tickets_as_they_are(self, connector: TicketSystem, world: TicketWorld) -> None:
        """A ticket in the listing equals the ticket read alone."""
        listed = {ticket.id: ticket for page in pages(connector, None) for ticket in page.tickets}
        assert listed[world.ticket] == connector.ticket(world.ticket)

    def test_since_leaves_out_what_is_older_and_nothing_else(self, connector: TicketSystem) -> None:
        """A ticket updated at the very moment is in; one updated before is not."""
        everything = [ticket for page in pages(connector, None) for ticket in page.tickets]
        moments = sorted({ticket.updated_at for ticket in everything})
        since = moments[len(moments) // 2]
        assert moments[0] < since, "the simulator must hold tickets updated at different moments"
        found = {ticket.id for page in pages(connector, since) for ticket in page.tickets}
        assert found == {ticket.id for ticket in everything if ticket.updated_at >= since}

    def test_since_the_future_there_is_nothing(self, connector: TicketSystem) -> None:
        """An empty page is the last."""
        page = connector.tickets_since(datetime.now(UTC) + timedelta(days=3650))
        assert page == TicketPage(tickets=(), next_after=None)

    def test_notes_are_listed_oldest_first(self, connector: TicketSystem, world: TicketWorld) -> None:
        """Every note belongs to the ticket, once, in the order of writing."""
        notes = connector.notes(world.ticket)
        moments = [note.created_at for note in notes]
        assert len(set(moments)) > 1, "the ticket must have two notes written at different moments"
        assert moments == sorted(moments)
        assert len({note.id for note in notes}) == len(notes)
        assert {note.ticket_id for note in notes} == {world.ticket}

    def test_a_taxonomy_agrees_with_itself(self, connector: TicketSystem, world: TicketWorld) -> None:
        """Each listed combination is accepted, and none that is not listed."""
        assert world.board in {board.id for board in connector.boards()}
        taxonomy = connector.taxonomy(world.board)
        types = {each.id for each in taxonomy.types}
        assert taxonomy.board.id == world.board
        assert types
        assert taxonomy.statuses
        for listed in (taxonomy.types, taxonomy.subtypes, taxonomy.items, taxonomy.statuses):
            assert len({each.id for each in listed}) == len(listed)
            assert all(each.name for each in listed)
        for subtype in taxonomy.subtypes:
            assert subtype.type_ids <= types
            assert all(taxonomy.accepts(kind, subtype.id) for kind in subtype.type_ids)
            assert not any(taxonomy.accepts(kind, subtype.id) for kind in types - subtype.type_ids)

    def test_a_missing_board_has_no_taxonomy(self, connector: TicketSystem) -> None:
        """An unknown board is not an empty one."""
        with expected(NotFoundError):
            connector.taxonomy("987654321")

    def test_priorities_come_most_pressing_first(self, connector: TicketSystem) -> None:
        """Ranks are distinct and ascending."""
        ranks = [priority.rank for priority in connector.priorities()]
        assert ranks
        assert ranks == sorted(set(ranks))

    def test_lists_who_and_what_there_is(self, connector: TicketSystem, world: TicketWorld) -> None:
        """Companies, contacts, devices and technicians are each listed once."""
        companies, people, members = list(connector.companies()), list(connector.people()), connector.members()
        assert world.company in {company.id for company in companies}
        assert world.contact in {person.id for person in people}
        assert world.member in {member.id for member in members}
        for listed in (companies, people, members, list(connector.devices())):
            assert len({each.id for each in listed}) == len(listed)
        for person in people:
            assert all(address == address.lower() for address in person.emails)

    def test_people_are_found_by_address_whatever_its_case(self, connector: TicketSystem, world: TicketWorld) -> None:
        """The exact address finds its contact, in any case, and nobody else."""
        address = world.contact_email
        for spelling in (address, address.upper(), address.title()):
            found = connector.people_by_email(spelling)
            assert [person.id for person in found] == [world.contact], spelling
            assert address.lower() in found[0].emails

    def test_an_address_is_no_pattern(self, connector: TicketSystem, world: TicketWorld) -> None:
        """Part of an address, a wildcard or condition syntax finds nobody."""
        address = world.contact_email
        near = (address[1:], address[:-1], f"{address[:-1]}*", f"*{address[1:]}", f"%{address[1:]}", f"{address[:-1]}_")
        quoted = (f'{address}"', f"{address}'", f'"{address}"', f"{address} or 1=1", f'{address}" or "1"="1')
        for text in (*HOSTILE, *near, *quoted, "nobody@nowhere.example"):
            assert connector.people_by_email(text) == (), text


def _order(identifier: str) -> tuple[int, int | str]:
    return (0, int(identifier)) if identifier.isdecimal() else (1, identifier)
