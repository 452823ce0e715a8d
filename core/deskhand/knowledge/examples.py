"""Examples and vocabulary deskhand brings along, so that it is of use before it has seen any history."""

import re
import tomllib
from functools import cache, cached_property, lru_cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from deskhand.records.documents import FieldName, TicketKind
from deskhand.sdk.models import Level

_SEPARATORS = re.compile(r"[\W_]+")


class Example(BaseModel):
    """A ticket as people write them, with what a technician would say about it; ``topic`` None: nothing to do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    language: Literal["en", "de"]
    kind: TicketKind
    impact: Level
    urgency: Level
    topic: str | None


class Topic(BaseModel):
    """A subject of MSP work: how boards name it, and the words tickets about it contain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: tuple[str, ...]
    words: str


class Cue(BaseModel):
    """Wordings and how much, in log-odds, any of them speaks for a value of a field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: FieldName
    value: str
    strength: float
    patterns: tuple[str, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """All of the wordings as one expression."""
        return re.compile("|".join(self.patterns), re.IGNORECASE | re.MULTILINE)


@cache
def starter() -> tuple[Example, ...]:
    """Read the starter examples, all of our own wording."""
    return tuple(Example.model_validate_json(line) for line in _read("starter.jsonl").splitlines())


@cache
def cues() -> tuple[Cue, ...]:
    """Read the plain words that tell kind, impact and urgency."""
    return TypeAdapter(tuple[Cue, ...]).validate_python(tomllib.loads(_read("cues.toml"))["cue"])


@cache
def commonest() -> dict[str, frozenset[str]]:
    """Read the commonest words of English, of German, and of other languages in Latin letters."""
    lists = TypeAdapter(dict[str, str]).validate_json(_read("commonest.json"))
    return {language: frozenset(words.split()) for language, words in lists.items()}


def is_common(word: str) -> bool:
    """Tell whether a word is too common to explain anything."""
    return any(word in words for words in commonest().values())


@cache
def topics() -> dict[str, Topic]:
    """Read the topics by their key."""
    return TypeAdapter(dict[str, Topic]).validate_json(_read("topics.json"))


@lru_cache(1024)
def topics_of(label: str) -> tuple[str, ...]:
    """Find the topics a board's label names; of several matches the longest name decides."""
    words = f" {_SEPARATORS.sub(' ', label.casefold()).strip()} "
    lengths = {
        key: max((len(name.split()) for name in topic.names if f" {_plain(name)} " in words), default=0)
        for key, topic in topics().items()
    }
    longest = max(lengths.values())
    return tuple(key for key, length in lengths.items() if length == longest > 0)


def _plain(name: str) -> str:
    return _SEPARATORS.sub(" ", name).strip()


def _read(name: str) -> str:
    return resources.files("deskhand.knowledge").joinpath(name).read_text(encoding="utf-8")
