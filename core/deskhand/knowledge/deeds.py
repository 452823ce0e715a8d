"""What technicians say they did, told from their notes: capabilities, as actions are named, never free text."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache, cached_property
from importlib import resources

from pydantic import BaseModel, ConfigDict, TypeAdapter

from deskhand.knowledge.text import folded
from deskhand.sdk.actions import capability_of

MOST_CHARACTERS = 6_000
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_NEGATED = re.compile(
    r"\b(?:not|never|no need|without|instead of|didn'?t|wasn'?t|couldn'?t|nicht|ohne|kein\w*|statt)\b"
)


class Deed(BaseModel):
    """Something technicians do, how notes put it, and how it is put to an admin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    capability: str
    phrase: str
    said: tuple[str, ...]
    generic: bool = False
    """It goes with many kinds of tickets, and so says little of what sort of ticket it was."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """All of the wordings as one expression, over folded text."""
        return re.compile("|".join(self.said))


@cache
def known_deeds() -> dict[str, Deed]:
    """Read the deeds by capability."""
    text = resources.files("deskhand.knowledge").joinpath("deeds.toml").read_text(encoding="utf-8")
    listed = TypeAdapter(tuple[Deed, ...]).validate_python(tomllib.loads(text)["deed"])
    return {each.capability: each for each in listed}


def phrase_of(action: str, title: str) -> str:
    """Say what an action does, to an admin, beginning in lower case; an unknown one by its title."""
    deed = known_deeds().get(capability_of(action))
    return deed.phrase if deed else f"{title[:1].lower()}{title[1:]}"


def deeds_in(notes: str) -> tuple[str, ...]:
    """Return the capabilities that notes say were used, in the order they are first mentioned.

    A sentence that says something was not done, or done without, counts for nothing.
    """
    found: dict[str, tuple[int, int]] = {}
    for number, sentence in enumerate(_SENTENCE.split(folded(notes[:MOST_CHARACTERS]))):
        if not sentence or _NEGATED.search(sentence):
            continue
        for capability, deed in known_deeds().items():
            match = deed.pattern.search(sentence) if capability not in found else None
            if match:
                found[capability] = (number, match.start())
    return tuple(sorted(found, key=lambda capability: found[capability]))


def telling(capabilities: Iterable[str]) -> frozenset[str]:
    """Return those that say what sort of ticket it was; where all are generic, all of them."""
    every = frozenset(capabilities)
    few = {each for each in every if not (each in known_deeds() and known_deeds()[each].generic)}
    return frozenset(few) or every
