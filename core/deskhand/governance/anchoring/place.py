"""What an anchor's place is: somewhere a signed checkpoint can be put, and read back from where that is possible."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from deskhand.records.audit.anchors import Anchor
from deskhand.records.audit.checkpoints import Checkpoint

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class PlaceError(Exception):
    """A place could not be used; the message says what mends it, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A checkpoint and the signed note it was read from, as it goes to every place."""

    checkpoint: Checkpoint
    note: str

    @property
    def anchor(self) -> Anchor:
        """What the note promises of the log."""
        return Anchor(self.checkpoint.size, self.checkpoint.root)

    @property
    def name(self) -> str:
        """Name the note as a file: letters, digits, dots and dashes; later ones of one log sort later."""
        return f"{fit(self.checkpoint.origin)}-{self.checkpoint.size:012}-{self.checkpoint.epoch:08}"


class Place(Protocol):
    """Somewhere outside. Its methods may take seconds, and are called by one thread at a time."""

    @property
    def name(self) -> str:
        """What it is called in settings and on the record."""

    @property
    def every(self) -> timedelta | None:
        """The time between two copies where it is not that of the other places."""

    def put(self, sealed: Sealed) -> str:
        """Copy a checkpoint there and return where it can be found. Raises PlaceError; repeating it does no harm."""

    def anchors(self, origin: str) -> tuple[Anchor, ...] | None:
        """Read back what this log has there; None where that cannot be done from here. Raises PlaceError."""


def fit(origin: str) -> str:
    """Return a log's name as part of a file name."""
    return _UNFIT.sub("_", origin)


def read_notes(notes: Iterable[str], origin: str) -> tuple[Anchor, ...]:
    """Read notes that were put somewhere; those of other logs, and what is no note, are passed over."""
    found = []
    for note in notes:
        try:
            checkpoint = Checkpoint.read(note)
        except ValueError:
            continue
        if checkpoint.origin == origin:
            found.append(Anchor(checkpoint.size, checkpoint.root))
    return tuple(found)
