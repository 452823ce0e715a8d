"""Which of the things deskhand can do a technician's note about a solution speaks of, line by line."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from deskhand.knowledge.text import comparable, inert

MOST_LINES = 20
"""Of one note; what is longer is no note about a fix."""
LONGEST_LINE = 160
SHORT_LINE = 5
"""Words a line has at most that leaves out what it speaks of."""

_CLAUSE = re.compile(r"[\n;.!?]+|,\s+|\s(?:and|then|und|dann|et|puis|y|luego)\s")
_WORDS = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_EXACT = "~"


@dataclass(frozen=True, slots=True)
class Doable:
    """An action deskhand could take: its name in the catalogue, its title for people, and how dangerous it is."""

    action: str
    title: str
    tier: int
    irreversible: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of a note: what a technician did, and the action that does the same, where there is one."""

    line: str
    action: Doable | None


@dataclass(frozen=True, slots=True)
class _Wording:
    """How people speak of one action: beginnings of words for what is done and for what it is done to."""

    doable: Doable
    verbs: tuple[str, ...]
    objects: tuple[str, ...]


class DeedReader:
    """Reads notes with one catalogue in mind.

    A line speaks of an action where it has a word for the verb of the action's name and one for its object: rules that
    hold for any connector whose actions are named ``verb_object``. Nothing is executed or planned from what it finds.
    """

    def __init__(self, doables: Sequence[Doable]) -> None:
        """Prepare for these actions."""
        self._wordings = [_wording(each) for each in doables]

    def read(self, note: str, about: str = "") -> tuple[Deed, ...]:
        """Split a note into the things that were done, in its order; courtesies and findings count as things too.

        ``about`` is what the ticket was filed under: a line as short as “unlocked” means that.
        """
        lines = [line.strip(" -*•\t") for line in _CLAUSE.split(comparable(note.replace("\n", ". ")))]
        topic = _WORDS.findall(comparable(about))
        return tuple(Deed(inert(line, LONGEST_LINE), self._match(line, topic)) for line in lines[:MOST_LINES] if line)

    def _match(self, line: str, topic: Sequence[str]) -> Doable | None:
        words = _WORDS.findall(line)
        best = self._best(words, words)
        return self._best(words, topic) if best is None and len(words) <= SHORT_LINE else best

    def _best(self, done: Sequence[str], about: Sequence[str]) -> Doable | None:
        scored = [(_score(done, about, each), each.doable) for each in self._wordings]
        best = max(scored, key=lambda each: each[0], default=None)
        return best[1] if best is not None and best[0] > 0 else None


def _score(done: Sequence[str], about: Sequence[str], wording: _Wording) -> int:
    verbs, objects = _found(done, wording.verbs), _found(about, wording.objects)
    is_one_word = done is about and len(verbs | objects) == 1
    return len(verbs) + 2 * len(objects) if verbs and objects and not is_one_word else 0


def _found(words: Sequence[str], beginnings: tuple[str, ...]) -> set[int]:
    return {place for place, word in enumerate(words) if any(_begins(word, each) for each in beginnings)}


def _begins(word: str, beginning: str) -> bool:
    return word == beginning[:-1] if beginning.endswith(_EXACT) else word.startswith(beginning)


def _wording(doable: Doable) -> _Wording:
    table = _table()
    verb, *objects = doable.action.partition(".")[2].split("_")
    return _Wording(
        doable,
        tuple(table["verbs"].get(verb, (verb,))),
        tuple(each for name in objects for each in table["objects"].get(name, (name,))),
    )


@cache
def _table() -> Mapping[str, Mapping[str, Sequence[str]]]:
    return tomllib.loads(files("deskhand.knowledge").joinpath("deeds.toml").read_text(encoding="utf-8"))
