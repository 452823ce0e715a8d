"""How technicians say things: wordings of capabilities, people, negations and conditions, in several languages.

A capability is what connectors name their actions after the dot: ``reset_password``. Nothing here knows a vendor.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from deskhand.agent.planning.legible import folded
from deskhand.identity.lookalikes import distance

Part: TypeAlias = Literal["verb", "object", "phrase", "extra", "link", "never"]
Role: TypeAlias = Literal[
    "function", "condition", "negation", "helper", "alternative", "person", "level", "field", "usage", "paste"
]
Wordings: TypeAlias = Mapping[str, str]
"""Wordings by language, in the file's own notation."""

WIDEST_GAP: Final = 8
_SHORTEST_WITH_A_SLIP: Final = 5
_SHORTEST_WITH_TWO: Final = 9
_LONGEST_ENDING: Final = 4
_SHORTEST_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Stem:
    """One word of a wording: with any ending or none, right after the word before or within a few words."""

    text: str
    takes_endings: bool
    after_gap: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """What a wording stands for: a part of a capability, or a role in a sentence."""

    kind: Part | Role
    name: str = ""


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to say something, in one language."""

    owner: Owner
    language: str
    stems: tuple[Stem, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """Where a wording was found: the indices of its words."""

    owner: Owner
    language: str
    indices: frozenset[int]


class _Capability(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    verbs: tuple[str, ...]
    objects: dict[str, str] = {}
    phrases: dict[str, str] = {}
    extras: dict[str, str] = {}
    links: dict[str, str] = {}
    never: dict[str, str] = {}
    person_is_object: bool = False


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    function_words: dict[str, str]
    conjunctions: dict[str, str]
    sets: dict[str, str]
    conditions: dict[str, str]
    negations: dict[str, str]
    alternatives: dict[str, str]
    people: dict[str, str]
    levels: dict[str, str]
    fields: dict[str, str]
    usage: dict[str, str]
    pasting: dict[str, str]
    numbers: dict[str, str]
    units: dict[str, str]
    verbs: dict[str, dict[str, str]]
    capabilities: dict[str, _Capability]


@dataclass(frozen=True, slots=True)
class Known:
    """A capability the lexicon can hear; ``person_is_object`` where naming a person is enough of an object."""

    name: str
    person_is_object: bool = False


class Lexicon:
    """Finds wordings in words. Immutable."""

    def __init__(self, wordings: Iterable[Wording], capabilities: Iterable[Known]) -> None:
        self.capabilities = {each.name: each for each in capabilities}
        """What it can hear, by name."""
        self._by_stem: dict[tuple[str, bool], list[Wording]] = {}
        for wording in wordings:
            first = wording.stems[0]
            self._by_stem.setdefault((first.text, first.takes_endings), []).append(wording)
        every = [stem for found in self._by_stem.values() for wording in found for stem in wording.stems]
        self.words = frozenset(stem.text for stem in every if not stem.takes_endings)
        """Every word it knows without endings."""
        self._open = frozenset(stem.text for stem in every if stem.takes_endings)
        spoken = [
            stem
            for found in self._by_stem.values()
            for wording in found
            if wording.owner.kind in {"verb", "object", "phrase", "extra", "person"}
            for stem in wording.stems
        ]
        self._slippery = tuple(sorted({(each.text, each.takes_endings) for each in spoken}))
        self._heard = lru_cache(maxsize=8192)(self._hear)

    def matches(self, words: Sequence[str], names: frozenset[str] = frozenset()) -> tuple[Match, ...]:
        """Find every wording; ``words`` are folded, "" stands for what is no word. Names are never taken for typos."""
        heard = [self._heard(word, word in names) for word in words]
        found: dict[Match, None] = {}
        for at, stems in enumerate(heard):
            for stem in stems:
                for wording in self._by_stem.get(stem, ()):
                    for indices in _placements(wording.stems, heard, at):
                        found.setdefault(Match(wording.owner, wording.language, indices))
        return tuple(found)

    def _hear(self, word: str, is_name: bool) -> frozenset[tuple[str, bool]]:  # noqa: FBT001  # cached by position
        found = {(word, False)} if word in self.words else set[tuple[str, bool]]()
        found |= {(word[:end], True) for end in range(1, len(word) + 1) if word[:end] in self._open}
        if found or is_name or len(word) < _SHORTEST_WITH_A_SLIP or not word.isalpha():
            return frozenset(found)
        return frozenset((text, endings) for text, endings in self._slippery if _is_slip(word, text, endings=endings))


@cache
def lexicon() -> Lexicon:
    """Return the lexicon that comes with deskhand."""
    known = (Known(name, each.person_is_object) for name, each in _file().capabilities.items())
    return Lexicon(_wordings(_file()), known)


@cache
def vocabulary(section: Literal["conjunctions", "numbers", "units"]) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Return the wordings of a section by their key, each as folded words."""
    file = _file()
    chosen = {"conjunctions": file.conjunctions, "numbers": file.numbers, "units": file.units}[section]
    return {key: tuple(tuple(folded(each).split()) for each in text.split("|")) for key, text in chosen.items()}


@cache
def word_set(name: Literal["delays", "dutch", "introducers", "prepositions"]) -> frozenset[str]:
    """Return single folded words of one use, such as those behind which a name stands."""
    return frozenset(folded(each.strip()) for each in _file().sets[name].split("|"))


@lru_cache(maxsize=64)
def lexicon_of(actions: tuple[tuple[str, str], ...]) -> Lexicon:
    """Make a lexicon of actions nobody wrote wordings for, from their capability and title: verb and object by name."""
    wordings = [each for capability, title in actions for each in _named(capability, title)]
    return Lexicon(wordings, (Known(capability) for capability, _ in actions))


def _named(capability: str, title: str) -> Iterator[Wording]:
    verb, *rest = capability.split("_")
    yield from _written(Owner("verb", capability), _file().verbs.get(verb, {"en": f"{verb} | {verb}s"}))
    if rest:
        yield from _written(Owner("object", capability), {"en": " ".join(rest)})
        yield from _written(Owner("extra", capability), {"en": " | ".join(_told(title) or rest)})


def _told(title: str) -> list[str]:
    return [each for each in folded(title).split() if each.isalpha() and len(each) >= _SHORTEST_TOLD]


@cache
def _file() -> _File:
    text = resources.files("deskhand.agent.planning").joinpath("lexicon.toml").read_text(encoding="utf-8")
    return _File.model_validate(tomllib.loads(text))


def _wordings(file: _File) -> Iterator[Wording]:
    sections: tuple[tuple[Role, Mapping[str, str]], ...] = (
        ("condition", file.conditions),
        ("alternative", file.alternatives),
        ("paste", file.pasting),
    )
    for role, wordings in sections:
        yield from _written(Owner(role), wordings)
    for language, text in file.function_words.items():
        yield from _written(Owner("function", language), {language: text})
    yield from _written(Owner("negation"), {"any": file.negations["any"]})
    yield from _written(Owner("helper"), {"any": file.negations["do"]})
    named: tuple[tuple[Role, Wordings], ...] = (
        ("person", file.people),
        ("level", file.levels),
        ("field", file.fields),
        ("usage", file.usage),
    )
    for role, values in named:
        for name, text in values.items():
            yield from _written(Owner(role, name), {"any": text})
    for name, capability in file.capabilities.items():
        for verb in capability.verbs:
            yield from _written(Owner("verb", name), file.verbs[verb])
        yield from _written(Owner("object", name), capability.objects)
        yield from _written(Owner("phrase", name), capability.phrases)
        yield from _written(Owner("extra", name), capability.extras)
        yield from _written(Owner("link", name), capability.links)
        yield from _written(Owner("never", name), capability.never)


def _written(owner: Owner, wordings: Wordings) -> Iterator[Wording]:
    for language, text in wordings.items():
        for each in text.split("|"):
            yield Wording(owner, language, stems_of(each))


def stems_of(text: str) -> tuple[Stem, ...]:
    """Read a wording in the file's notation."""
    found: list[Stem] = []
    after_gap = False
    for part in text.replace("'", " ").replace("-", " ").split():
        if part == "…":
            after_gap = True
            continue
        found.append(Stem(folded(part.removesuffix("*")), part.endswith("*"), after_gap))
        after_gap = False
    return tuple(found)


def _placements(
    stems: Sequence[Stem], heard: Sequence[frozenset[tuple[str, bool]]], start: int
) -> Iterator[frozenset[int]]:
    """Yield the nearest placement of a wording that begins at a word, if there is one."""
    indices = [start]
    for stem in stems[1:]:
        reach = WIDEST_GAP + 1 if stem.after_gap else 1
        ahead = range(indices[-1] + 1, min(indices[-1] + 1 + reach, len(heard)))
        place = next((at for at in ahead if (stem.text, stem.takes_endings) in heard[at]), None)
        if place is None:
            return
        indices.append(place)
    yield frozenset(indices)


def _is_slip(word: str, stem: str, *, endings: bool) -> bool:
    """Tell whether a word is a stem with a slip of the finger in it: never in the first letter."""
    if len(stem) < _SHORTEST_WITH_A_SLIP or word[0] != stem[0]:
        return False
    allowed = 2 if len(stem) >= _SHORTEST_WITH_TWO else 1
    if not endings:
        return abs(len(word) - len(stem)) <= allowed and distance(word, stem) <= allowed
    if not -1 <= len(word) - len(stem) <= _LONGEST_ENDING + 1:
        return False
    cuts = {min(len(stem) + extra, len(word)) for extra in (-1, 0, 1)}
    return any(distance(word[:cut], stem) <= 1 for cut in cuts)
