"""Our side of the wire for tests: one state folder that intakes are opened on, die on, and are opened on again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from sqlalchemy import text
from sqlite_utils import Database

from deskhand.intake.intake import Intake
from deskhand.intake.settings import IntakeSettings
from deskhand.mirror.mirror import Mirror
from deskhand.records.database import Records, Transaction, url_of
from deskhand.sdk.clock import Clock
from tests.core.intake.pocket_psa import PocketPsa

MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108  # a folder of ours is made inside
"""Where many short lives are played: the same SQLite, without waiting for a disk nobody pulls the plug of."""


class Death(BaseException):
    """The process ends here."""


class Fuse:
    """Counts the boundaries that are crossed and, where told to, kills at one of them."""

    def __init__(self) -> None:
        self.crossed = 0
        self.deadly: int | None = None

    def burn(self, _where: str = "") -> None:
        self.crossed += 1
        if self.crossed == self.deadly:
            raise Death


class MortalMirror(Mirror):
    """A mirror whose process may die just before and just after each write."""

    fuse = Fuse()

    @contextmanager
    def _writing(self) -> Iterator[Database]:
        self.fuse.burn("before a mirror write")
        with super()._writing() as database:
            yield database
        self.fuse.burn("after a mirror write")


class MortalRecords(Records):
    """A record store whose process may die just before, inside, and just after each transaction."""

    fuse = Fuse()

    @contextmanager
    def transaction(self, actor: str) -> Iterator[Transaction]:
        self.fuse.burn("before a transaction")
        with super().transaction(actor) as transaction:
            yield transaction
            self.fuse.burn("before the commit")
        self.fuse.burn("after a transaction")


class DeskSide:
    """A mirror, a record store and an intake over one PSA. Reopen it as often as a process may be restarted."""

    def __init__(
        self, folder: Path, psa: PocketPsa, settings: IntakeSettings, clock: Clock, fuse: Fuse | None = None
    ) -> None:
        self.fuse = fuse or Fuse()
        self.folder, self.psa, self.settings, self.clock = folder, psa, settings, clock
        self.open()

    def open(self) -> Self:
        self.mirror = MortalMirror.open(self.folder / "mirror.db")
        self.records = MortalRecords.open(url_of(self.folder / "records.db"), clock=lambda: datetime.now(UTC))
        self.mirror.fuse = self.records.fuse = self.fuse
        self.intake = Intake(self.psa, self.psa.name, self.records, self.mirror, self.clock, self.settings)
        return self

    def close(self) -> None:
        self.mirror.close()
        self.records.close()

    def restart(self) -> None:
        self.close()
        self.open()

    def lose_mirror(self) -> None:
        self.close()
        Mirror.rebuild(self.folder / "mirror.db").close()
        self.open()

    @property
    def queued(self) -> list[str]:
        """The tickets in the queue, in order of their numbers."""
        with self.records.reading() as connection:
            found = [str(row.ticket_id) for row in connection.execute(text("select ticket_id from work"))]
        return sorted(found, key=int)

    @property
    def enqueued_on_record(self) -> list[str]:
        """The tickets the audit log says were queued, however often."""
        with self.records.reading() as connection:
            entries = [json.loads(row.entry) for row in connection.execute(text("select entry from audit"))]
        return sorted((each["ticket"] for each in entries if each["kind"] == "work.enqueued"), key=int)

    def assert_mirrors(self, psa: PocketPsa) -> None:
        """Every ticket the PSA has is in the mirror as it is there."""
        mirrored = {ticket_id: self.mirror.ticket(ticket_id) for ticket_id in map(str, psa.tickets)}
        assert mirrored == {str(number): ticket for number, ticket in psa.tickets.items()}
