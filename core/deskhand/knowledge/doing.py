"""How much of what technicians wrote about a solution deskhand could have done, line by line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deskhand.knowledge.deeds import deeds_in
from deskhand.knowledge.text import inert, visible
from deskhand.sdk.actions import capability_of

MOST_LINES = 20
"""Of one note; what is longer is no note about a fix."""
LONGEST_LINE = 160

_CLAUSE = re.compile(r"[\n;.!?]+|,\s+|\s(?:and|then|und|dann|et|puis|y|luego)\s")


@dataclass(frozen=True, slots=True)
class Doable:
    """An action deskhand could take: its name in the catalogue, its title for people, and how dangerous it is."""

    action: str
    title: str
    tier: int
    irreversible: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a note, inert, and the action that does what it speaks of, where there is one."""

    text: str
    action: Doable | None


class NoteReader:
    """Reads notes with one catalogue in mind. Nothing is executed or planned from what it finds."""

    def __init__(self, doables: Sequence[Doable]) -> None:
        """Prepare for these actions; of two that do the same, the first is named."""
        self._by_capability = {capability_of(each.action): each for each in reversed(doables)}

    def read(self, note: str) -> tuple[Line, ...]:
        """Split a note into the things that were done, in its order; courtesies and findings are lines too."""
        lines = [line.strip(" -*•\t") for line in _CLAUSE.split(visible(note))]
        return tuple(Line(inert(line, LONGEST_LINE), self._action(line)) for line in filter(None, lines[:MOST_LINES]))

    def _action(self, line: str) -> Doable | None:
        return next((self._by_capability[each] for each in deeds_in(line) if each in self._by_capability), None)
