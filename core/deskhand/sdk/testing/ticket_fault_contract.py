"""What holds when a PSA does not answer as it should."""

from datetime import UTC, datetime, timedelta

from deskhand.sdk.errors import AuthorizationError, RateLimitedError, UnavailableError, UncertainError
from deskhand.sdk.models import NewTicket, NoteKind, TicketUpdate
from deskhand.sdk.roles import TicketSystem
from deskhand.sdk.testing.binding import expected
from deskhand.sdk.testing.connector_contract import AN_HOUR, OFTEN, ConnectorContract
from deskhand.sdk.testing.faults import (
    DropAfterEffect,
    DropBefore,
    ExpiredToken,
    Fault,
    HtmlErrorPage,
    Latency,
    ServerError,
    Throttle,
    TruncatedBody,
)
from deskhand.sdk.testing.host import SimulatorHost
from deskhand.sdk.testing.ticket_world import (
    HOSTILE_TEXT,
    SHORT,
    TicketWorld,
    is_write,
    notes_with,
    other_priority,
    pages,
    time_entry,
)


class TicketFaultContract(ConnectorContract):
    """What holds when a PSA does not answer as it should."""

    def test_a_lost_answer_to_a_note_is_uncertain_and_the_note_is_there_once(
        self, connector: TicketSystem, simulator_host: SimulatorHost, world: TicketWorld
    ) -> None:
        """It is never sent twice: whoever asks reads before trying again."""
        simulator_host.faults.schedule(DropAfterEffect(), matching=is_write)
        with expected(UncertainError):
            connector.add_note(world.ticket, HOSTILE_TEXT, NoteKind.INTERNAL)
        assert len(notes_with(connector, world, HOSTILE_TEXT)) == 1

    def test_a_lost_answer_to_a_new_ticket_is_uncertain_and_the_ticket_is_there_once(
        self, connector: TicketSystem, simulator_host: SimulatorHost, world: TicketWorld
    ) -> None:
        """It is never opened twice."""
        simulator_host.faults.schedule(DropAfterEffect(), matching=is_write)
        with expected(UncertainError):
            connector.create_ticket(NewTicket(summary=SHORT, company=world.company, board=world.board))
        found = [ticket for page in pages(connector, None) for ticket in page.tickets if ticket.summary == SHORT]
        assert len(found) == 1

    def test_a_lost_answer_to_work_is_uncertain_and_the_work_is_there_once(
        self, connector: TicketSystem, simulator_host: SimulatorHost, world: TicketWorld
    ) -> None:
        """It is never billed twice."""
        before = len(connector.time_entries(world.ticket))
        simulator_host.faults.schedule(DropAfterEffect(), matching=is_write)
        with expected(UncertainError):
            connector.add_time_entry(time_entry(world))
        assert len(connector.time_entries(world.ticket)) == before + 1

    def test_an_unclear_answer_to_a_note_is_uncertain(
        self, connector: TicketSystem, simulator_host: SimulatorHost, world: TicketWorld
    ) -> None:
        """Half an answer, a page of some proxy or a fault of the vendor's leave the outcome open."""
        faults: tuple[Fault, ...] = (TruncatedBody(), HtmlErrorPage(502), HtmlErrorPage(200), ServerError(500))
        for number, fault in enumerate(faults):
            simulator_host.faults.schedule(fault, matching=is_write)
            with expected(UncertainError):
                connector.add_note(world.ticket, f"{SHORT} {number}", NoteKind.INTERNAL)
            assert len(notes_with(connector, world, f"{SHORT} {number}")) <= 1, fault

    def test_a_lost_answer_to_an_update_is_mended_by_repeating_it(
        self, connector: TicketSystem, simulator_host: SimulatorHost, world: TicketWorld
    ) -> None:
        """An update is idempotent, so the connector may try again by itself."""
        priority = other_priority(connector, connector.ticket(world.ticket))
        simulator_host.faults.schedule(DropAfterEffect(), matching=is_write)
        assert connector.update_ticket(world.ticket, TicketUpdate(priority_id=priority.id)).priority == priority

    def test_reading_survives_a_moment_of_trouble(
        self, connector: TicketSystem, simulator_host: SimulatorHost, world: TicketWorld
    ) -> None:
        """One bad answer to a read is not worth mentioning."""
        for fault in (DropBefore(), ServerError(503), HtmlErrorPage(502), TruncatedBody(), Latency(0.05), Throttle(0)):
            simulator_host.faults.schedule(fault)
            assert connector.ticket(world.ticket).id == world.ticket, fault

    def test_what_is_not_an_answer_never_becomes_a_ticket(
        self, connector: TicketSystem, simulator_host: SimulatorHost, world: TicketWorld
    ) -> None:
        """A web page or half a body that persists is an outage, for one ticket and for a page of them."""
        for fault in (HtmlErrorPage(200), TruncatedBody()):
            simulator_host.faults.schedule(fault, OFTEN)
            with expected(UnavailableError):
                connector.ticket(world.ticket)
            simulator_host.faults.clear()
        simulator_host.faults.schedule(TruncatedBody(), OFTEN)
        with expected(UnavailableError):
            connector.tickets_since(None)

    def test_a_long_pause_is_handed_to_the_host(
        self, connector: TicketSystem, simulator_host: SimulatorHost, world: TicketWorld
    ) -> None:
        """A throttled call says how long to wait, does not wait itself, and writes nothing."""
        simulator_host.faults.schedule(Throttle(AN_HOUR), OFTEN)
        began = datetime.now(UTC)
        try:
            connector.add_note(world.ticket, SHORT, NoteKind.INTERNAL)
        except RateLimitedError as error:
            assert error.retry_after == AN_HOUR  # noqa: PT017  # contracts run without importing pytest
        else:
            raise AssertionError("the note was written while the vendor refused every request")
        assert datetime.now(UTC) - began < timedelta(seconds=10)
        simulator_host.faults.clear()
        assert not notes_with(connector, world, SHORT)

    def test_an_expired_credential_is_no_outage(
        self, connector: TicketSystem, simulator_host: SimulatorHost, world: TicketWorld
    ) -> None:
        """Reading and writing both ask for a person, and nothing is written."""
        simulator_host.faults.schedule(ExpiredToken(), OFTEN)
        with expected(AuthorizationError):
            connector.ticket(world.ticket)
        with expected(AuthorizationError):
            connector.add_note(world.ticket, SHORT, NoteKind.INTERNAL)
        simulator_host.faults.clear()
        assert not notes_with(connector, world, SHORT)
