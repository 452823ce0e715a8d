"""Anchors as internal notes of a PSA ticket: kept by another company's servers, and by everyone who is mailed them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from deskhand.governance.anchoring.place import PlaceError, Sealed
from deskhand.records.audit.anchors import Anchor
from deskhand.records.audit.keys import decoded_key
from deskhand.records.canonical import written_time
from deskhand.sdk.errors import ConnectorError

_LINE = re.compile(
    r"^deskhand anchor (?P<origin>\S+) (?P<size>\d{1,18}) (?P<root>[A-Za-z0-9+/]{43}=)\s*$", re.MULTILINE
)


class InternalNotes(Protocol):
    """Notes that only technicians see; the desk implements it, writing through the gate."""

    def add(self, ticket_id: str, text: str, key: str) -> str:
        """Add a note and return its reference; the same key adds no second one. Raises ConnectorError."""

    def read(self, ticket_id: str) -> Sequence[str]:
        """Read the texts of a ticket's notes. Raises ConnectorError."""


@dataclass(frozen=True, slots=True)
class NotePlace:
    """Writes one note a checkpoint, less often than other places since people see them."""

    notes: InternalNotes
    ticket: str
    every: timedelta | None = None
    name: str = "note"

    def put(self, sealed: Sealed) -> str:
        """Add a note."""
        key = f"anchor-{sealed.checkpoint.epoch}-{sealed.checkpoint.size}"
        try:
            return self.notes.add(self.ticket, written(sealed), key)
        except ConnectorError as error:
            raise PlaceError(f"no note on ticket {self.ticket}: {error}") from error

    def anchors(self, origin: str) -> tuple[Anchor, ...] | None:
        """Read the notes back; a line that somebody else wrote counts too, since who wrote it cannot be told."""
        try:
            texts = self.notes.read(self.ticket)
        except ConnectorError as error:
            raise PlaceError(f"the notes of ticket {self.ticket} cannot be read: {error}") from error
        found = (match for text in texts for match in _LINE.finditer(text) if match["origin"] == origin)
        return tuple(Anchor(int(match["size"]), decoded_key(match["root"])) for match in found)


def written(sealed: Sealed) -> str:
    """Write the note: what it is for, and the line that is read back."""
    checkpoint = sealed.checkpoint
    return (
        f"The record of this desk had {checkpoint.size} entries at {written_time(checkpoint.at)}. "
        "The line below proves later that none of them was changed; please keep this note.\n\n"
        f"deskhand anchor {checkpoint.origin} {sealed.anchor.line()}\n"
    )
