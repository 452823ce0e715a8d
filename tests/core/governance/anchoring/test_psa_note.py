from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from deskhand.governance.anchoring.place import PlaceError, Sealed
from deskhand.governance.anchoring.psa_note import NotePlace
from deskhand.sdk.errors import UnavailableError

Seal = Callable[..., Sealed]


@dataclass
class Notes:
    """A ticket's notes, as the desk would hand them over; each key is written once."""

    texts: dict[str, str] = field(default_factory=dict)
    is_down: bool = False

    def add(self, ticket_id: str, text: str, key: str) -> str:
        self._answer()
        self.texts.setdefault(f"{ticket_id}/{key}", text)
        return f"note {len(self.texts)}"

    def read(self, ticket_id: str) -> list[str]:
        self._answer()
        return [text for key, text in self.texts.items() if key.startswith(f"{ticket_id}/")]

    def _answer(self) -> None:
        if self.is_down:
            raise UnavailableError("the PSA is away")


def test_what_is_put_is_read_back_among_other_notes(seal: Seal) -> None:
    notes = Notes()
    place = NotePlace(notes, "77", timedelta(hours=24))
    first, second = seal("1"), seal("2")
    assert [place.put(first), place.put(first), place.put(second)] == ["note 1", "note 1", "note 2"]
    notes.texts["77/other"] = "deskhand anchor is a nice thing 12"
    notes.texts["78/other"] = notes.texts["77/anchor-0-1"]
    assert place.anchors(first.checkpoint.origin) == (first.anchor, second.anchor)
    assert place.anchors("another/log") == ()


def test_a_psa_that_added_line_breaks_of_its_own_is_still_understood(seal: Seal) -> None:
    notes = Notes()
    sealed = seal("1")
    NotePlace(notes, "77").put(sealed)
    notes.texts = {key: text.replace("\n", " \r\n") for key, text in notes.texts.items()}
    assert NotePlace(notes, "77").anchors(sealed.checkpoint.origin) == (sealed.anchor,)


def test_a_psa_that_is_away_is_told(seal: Seal) -> None:
    place = NotePlace(Notes(is_down=True), "77")
    with pytest.raises(PlaceError, match="no note on ticket 77: the PSA is away"):
        place.put(seal("1"))
    with pytest.raises(PlaceError, match="notes of ticket 77 cannot be read"):
        place.anchors("log")
