"""The mirror as an account for some clients sees it: what is of others is not there."""

from collections.abc import Callable, Iterable, Iterator

from deskhand.mirror.mirror import Hit, Mirror, PastTicket
from deskhand.sdk.models import Company, Device, Note, Person, Reference, Ticket


class ConfinedMirror(Mirror):
    """A mirror whose reading is confined to some clients; ``is_theirs`` says so of a ticket."""

    def __init__(self, whole: Mirror, clients: frozenset[str], is_theirs: Callable[[Ticket], bool]) -> None:
        super().__init__(whole.path, whole._database)  # noqa: SLF001  # the same file, seen otherwise
        self._lock = whole._lock  # noqa: SLF001  # one connection, one lock
        self._clients = clients
        self._is_theirs = is_theirs

    def companies(self) -> tuple[Company, ...]:
        """List the clients."""
        return tuple(each for each in super().companies() if each.id in self._clients)

    def company(self, company_id: str) -> Company | None:
        """Return a client, if it is one of them."""
        return super().company(company_id) if company_id in self._clients else None

    def people(self, company_id: str) -> tuple[Person, ...]:
        """List a client's people, if it is one of them."""
        return super().people(company_id) if company_id in self._clients else ()

    def person(self, person_id: str) -> Person | None:
        """Return a person of one of the clients."""
        return next(self._theirs([super().person(person_id)]), None)

    def people_by_email(self, address: str) -> tuple[Person, ...]:
        """List the people of these clients with an address."""
        return tuple(self._theirs(super().people_by_email(address)))

    def devices(self, company_id: str) -> tuple[Device, ...]:
        """List a client's devices, if it is one of them."""
        return super().devices(company_id) if company_id in self._clients else ()

    def devices_by_name(self, name: str) -> tuple[Device, ...]:
        """List the devices of these clients that go by a name."""
        return tuple(each for each in super().devices_by_name(name) if self._is_of_theirs(each.company))

    def ticket(self, ticket_id: str) -> Ticket | None:
        """Return a ticket of one of the clients."""
        found = super().ticket(ticket_id)
        return found if found is not None and self._is_theirs(found) else None

    def notes(self, ticket_id: str) -> tuple[Note, ...]:
        """List the notes of a ticket of one of the clients."""
        return super().notes(ticket_id) if self.ticket(ticket_id) is not None else ()

    def has_notes(self, ticket_id: str) -> bool:
        """Tell whether a ticket of one of the clients has notes here."""
        return self.ticket(ticket_id) is not None and super().has_notes(ticket_id)

    def closed_tickets(self, *, limit: int | None = None, without_notes: bool = False) -> list[PastTicket]:
        """List closed tickets of these clients; ``limit`` counts those of all."""
        found = super().closed_tickets(limit=limit, without_notes=without_notes)
        return [each for each in found if self._is_theirs(each.ticket)]

    def each_closed_ticket(self) -> Iterator[PastTicket]:
        """Yield the closed tickets of these clients."""
        return (each for each in super().each_closed_ticket() if self._is_theirs(each.ticket))

    def search(self, text: str, *, limit: int, company_id: str | None = None) -> list[Hit]:
        """Search the tickets of one of these clients; without one, nothing is found."""
        return super().search(text, limit=limit, company_id=company_id) if company_id in self._clients else []

    def _theirs(self, people: Iterable[Person | None]) -> Iterator[Person]:
        return (each for each in people if each is not None and self._is_of_theirs(each.company))

    def _is_of_theirs(self, company: Reference | None) -> bool:
        return company is not None and company.id in self._clients
