"""What the rehearsal needs of a PSA's simulator: a way to fill it. Core knows no plugin, so it says so here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, TypedDict


class SeedNote(TypedDict, total=False):
    """A note to begin with: ``text`` and ``kind``, by a member, a contact, or neither where the sender is unknown."""

    text: str
    kind: Literal["discussion", "internal", "resolution"]
    member: int | None
    contact: int | None
    created: datetime | None


class SeedablePsa(Protocol):
    """A simulated PSA that can be filled directly, before anything is served; each method returns the new id."""

    def seed_company(self, name: str, *, identifier: str, website: str, sites: Sequence[str]) -> int:
        """Add a company and its sites."""
        ...

    def seed_contact(
        self, name: str, *, company: int, emails: Sequence[str], phones: Sequence[str], title: str, site: str | None
    ) -> int:
        """Add a contact."""
        ...

    def seed_configuration(
        self,
        name: str,
        *,
        company: int,
        type: str,  # noqa: A002  # the vendor's word
        contact: int | None,
        site: str | None,
        serial_number: str,
    ) -> int:
        """Add a device."""
        ...

    def seed_member(self, identifier: str, name: str, *, email: str) -> int:
        """Add a technician."""
        ...

    def seed_priority(self, name: str, *, is_default: bool) -> int:
        """Add a priority, less pressing than those before it."""
        ...

    def seed_source(self, name: str) -> int:
        """Add a way tickets come in."""
        ...

    def seed_board(
        self, name: str, *, types: Mapping[str, Sequence[str]], items: Sequence[str], statuses: Sequence[str]
    ) -> int:
        """Add a board; its first status is what a new ticket has, and ``Closed`` closes one."""
        ...

    def seed_ticket(  # noqa: PLR0913  # what a ticket has
        self,
        summary: str,
        *,
        board: int,
        company: int,
        contact: int | None,
        type: str | None,  # noqa: A002  # the vendor's word
        subtype: str | None,
        item: str | None,
        priority: str | None,
        owner: int | None,
        source: str | None,
        impact: str,
        severity: str,
        contact_name: str,
        contact_email: str,
        notes: Sequence[SeedNote],
        created: datetime,
        closed: datetime | None,
    ) -> int:
        """Add a ticket with its notes; levels are ``Low``, ``Medium`` and ``High``."""
        ...

    def seed_time_entry(self, ticket: int, *, member: int, started: datetime, hours: float) -> int:
        """Record work on a ticket."""
        ...

    def seed_status_anew(self, board: int, name: str) -> int:
        """Make a status of a board anew: its old id is gone, and tickets move along."""
        ...
