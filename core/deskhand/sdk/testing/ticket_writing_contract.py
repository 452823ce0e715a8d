"""What holds for writing to every PSA."""

from dataclasses import replace

from deskhand.sdk.errors import NotFoundError, RejectedError
from deskhand.sdk.models import NewTicket, NoteKind, TicketUpdate
from deskhand.sdk.roles import TicketSystem
from deskhand.sdk.testing.binding import expected
from deskhand.sdk.testing.connector_contract import ConnectorContract
from deskhand.sdk.testing.ticket_world import HOSTILE_TEXT, SHORT, TicketWorld, other_priority, pages, time_entry


class TicketWritingContract(ConnectorContract):
    """What holds for writing to every PSA."""

    def test_a_note_is_read_back_as_written(self, connector: TicketSystem, world: TicketWorld) -> None:
        """Text and kind survive; the note that is returned is the one that is listed."""
        for kind in NoteKind:
            written = connector.add_note(world.ticket, f"{kind}: {HOSTILE_TEXT}", kind)
            assert written in connector.notes(world.ticket)
            assert (written.text, written.kind) == (f"{kind}: {HOSTILE_TEXT}", kind)
            assert not written.from_customer

    def test_a_note_on_a_missing_ticket_is_not_found(self, connector: TicketSystem, world: TicketWorld) -> None:
        """There is nothing to write on."""
        with expected(NotFoundError):
            connector.add_note(world.missing_ticket, SHORT, NoteKind.INTERNAL)

    def test_an_update_replaces_what_it_names_and_nothing_else(
        self, connector: TicketSystem, world: TicketWorld
    ) -> None:
        """Every other field is as before, and the version is another one."""
        before = connector.ticket(world.ticket)
        priority = other_priority(connector, before)
        after = connector.update_ticket(world.ticket, TicketUpdate(priority_id=priority.id))
        assert after.priority == priority
        assert after.version != before.version
        assert after.updated_at >= before.updated_at
        undone = replace(after, priority=before.priority, version=before.version, updated_at=before.updated_at)
        assert undone == before
        assert connector.ticket(world.ticket) == after

    def test_an_update_may_be_repeated(self, connector: TicketSystem, world: TicketWorld) -> None:
        """The second time changes nothing a person can see."""
        update = TicketUpdate(priority_id=other_priority(connector, connector.ticket(world.ticket)).id)
        once = connector.update_ticket(world.ticket, update)
        twice = connector.update_ticket(world.ticket, update)
        assert replace(twice, version=once.version, updated_at=once.updated_at) == once

    def test_an_empty_update_changes_nothing(self, connector: TicketSystem, world: TicketWorld) -> None:
        """No field named, none touched."""
        before = connector.ticket(world.ticket)
        assert connector.update_ticket(world.ticket, TicketUpdate()) == before

    def test_a_listed_combination_can_be_written(self, connector: TicketSystem, world: TicketWorld) -> None:
        """Type and subtype come from the taxonomy and are read back."""
        subtype = next(each for each in connector.taxonomy(world.board).subtypes if each.type_ids)
        kind = min(subtype.type_ids)
        connector.update_ticket(world.ticket, TicketUpdate(type_id=kind, subtype_id=subtype.id))
        ticket = connector.ticket(world.ticket)
        assert ticket.type
        assert ticket.subtype
        assert (ticket.type.id, ticket.subtype.id) == (kind, subtype.id)

    def test_a_value_the_board_does_not_list_is_refused(self, connector: TicketSystem, world: TicketWorld) -> None:
        """The vendor has the last word, and nothing changes."""
        before = connector.ticket(world.ticket)
        with expected(RejectedError, NotFoundError):
            connector.update_ticket(world.ticket, TicketUpdate(type_id="987654321"))
        assert connector.ticket(world.ticket) == before

    def test_a_change_shows_in_the_listing(self, connector: TicketSystem, world: TicketWorld) -> None:
        """What changed is found again from the moment it was last seen, with the version it has now."""
        before = connector.ticket(world.ticket)
        priority = other_priority(connector, before)
        connector.update_ticket(world.ticket, TicketUpdate(priority_id=priority.id))
        listed = [ticket for page in pages(connector, before.updated_at) for ticket in page.tickets]
        assert connector.ticket(world.ticket) in listed

    def test_a_new_ticket_is_there(self, connector: TicketSystem, world: TicketWorld) -> None:
        """It is open, where it was put, with its description as a first note."""
        new = NewTicket(summary=SHORT, company=world.company, board=world.board, description=HOSTILE_TEXT)
        ticket = connector.create_ticket(replace(new, contact=world.contact))
        assert connector.ticket(ticket.id) == ticket
        assert (ticket.summary, ticket.board.id, ticket.is_closed) == (SHORT, world.board, False)
        assert ticket.company
        assert ticket.company.id == world.company
        assert ticket.contact
        assert ticket.contact.id == world.contact
        assert HOSTILE_TEXT in {note.text for note in connector.notes(ticket.id)}

    def test_a_ticket_for_nobody_is_refused(self, connector: TicketSystem, world: TicketWorld) -> None:
        """A client that does not exist has no tickets."""
        with expected(RejectedError, NotFoundError):
            connector.create_ticket(NewTicket(summary=SHORT, company="987654321", board=world.board))

    def test_work_is_read_back_as_recorded(self, connector: TicketSystem, world: TicketWorld) -> None:
        """Hours, start, technician and text survive."""
        entry = time_entry(world)
        recorded = connector.add_time_entry(entry)
        assert recorded in connector.time_entries(world.ticket)
        assert recorded.id
        assert recorded.member
        assert recorded.member.id == world.member
        assert replace(recorded, id="", member=entry.member) == entry
