"""A page of tickets: those that are as documented, and the names of those that are not."""

from collections.abc import Iterable

from deskhand.sdk.errors import UnavailableError
from deskhand.sdk.models import Ticket
from deskhand_psa_connectwise.client import JsonObject
from deskhand_psa_connectwise.mapping import parsed, ticket
from deskhand_psa_connectwise.payloads import TicketPayload


def readable_tickets(records: Iterable[JsonObject]) -> tuple[tuple[Ticket, ...], tuple[str, ...]]:
    """Map the tickets that are as documented; of the others return the ids, so that one cannot hide the rest."""
    tickets: list[Ticket] = []
    unreadable: list[str] = []
    for record in records:
        try:
            tickets.append(ticket(parsed(TicketPayload, record)))
        except UnavailableError:
            unreadable.append(str(record.get("id")))
    return tuple(tickets), tuple(unreadable)
