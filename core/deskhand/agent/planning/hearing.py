"""What a clause could mean: the capabilities whose wordings it holds, and the words each of them leaves unexplained."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from deskhand.agent.planning.catalogue import Catalogue, CatalogueEntry
from deskhand.agent.planning.clauses import Clause
from deskhand.agent.planning.lexicon import Lexicon, Match, Role, lexicon, lexicon_of
from deskhand.agent.planning.people import is_introduced
from deskhand.agent.planning.words import Kind, Word
from deskhand.sdk.actions import capability_of, connector_of

PERSON_FIELDS: Final = frozenset({"user_id", "to", "contact_id"})
NAMED_FIELDS: Final = frozenset({"group_id", "type_id", "subtype_id", "item_id", "priority_id", "status_id"})
LEVEL_FIELDS: Final = frozenset({"impact", "urgency"})
TEXT_FIELDS: Final = frozenset({"text", "notes"})
SPAN_FIELDS: Final = frozenset({"lifetime_minutes", "hours"})


@dataclass(frozen=True, slots=True)
class Hearing:
    """One capability a clause could mean: its own words, those before a group's name, and those that contradict it."""

    capability: str
    explained: frozenset[int]
    links: frozenset[int] = frozenset()
    contradicting: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Heard:
    """A clause with everything that was heard in it, by the indices of its words."""

    clause: Clause
    hearings: tuple[Hearing, ...]
    near: tuple[str, ...]
    """Capabilities whose object is named, but not what to do with it."""
    roles: Mapping[tuple[str, str], frozenset[int]]
    vendors: Mapping[str, int] = field(default_factory=dict)
    """Words that name a connector's vendor."""
    acting: frozenset[int] = frozenset()
    """Every word that is part of some capability's verb or phrase."""
    known: frozenset[int] = frozenset()
    """Every word that is part of any wording at all."""
    spoken: frozenset[int] = frozenset()
    """Every word that is part of some capability's wording: by itself it is never a part of a name."""

    def role(self, kind: Role, name: str | None = None) -> frozenset[int]:
        """Return the words in a role."""
        found = [indices for (each, sort), indices in self.roles.items() if each == kind and name in {None, sort}]
        return frozenset().union(*found)

    @property
    def is_blank(self) -> bool:
        """Tell whether nothing is said: “please”, “thank you”."""
        every = frozenset(range(len(self.clause.words)))
        return every <= self.role("function") | self.role("helper")

    def free(self, hearing: Hearing, *, takes_person: bool) -> tuple[int, ...]:
        """Return the words that neither the hearing nor the grammar explains."""
        grammar = self.role("function") - (hearing.contradicting - hearing.explained)
        known = hearing.explained | grammar | frozenset(self.vendors.values())
        known |= self.role("person") if takes_person else frozenset()
        return tuple(at for at in range(len(self.clause.words)) if at not in known)


class Listener:
    """Hears clauses for one catalogue. Immutable."""

    def __init__(self, catalogue: Catalogue) -> None:
        known = lexicon().capabilities
        self._entries = {capability_of(entry.name): entry for entry in reversed(catalogue.entries)}
        unknown = tuple((name, each.title) for name, each in sorted(self._entries.items()) if name not in known)
        self._lexicons: tuple[Lexicon, ...] = (lexicon_of(unknown), lexicon()) if unknown else (lexicon(),)
        vendors = (part for entry in catalogue.entries for part in connector_of(entry.name).split("_")[1:])
        self._vendors = frozenset(vendors)

    def hear(self, clause: Clause, names: frozenset[str]) -> Heard:
        """Find what a clause could mean; words among ``names`` are never taken for typing slips."""
        words = [self._statable(word, names) for word in clause.words]
        matches = [match for each in self._lexicons for match in each.matches(words, names | self._lexicons[0].words)]
        parts, roles = _parts(matches), _roles(matches)
        known = _indices(matches)
        is_anybody_named = bool(roles.keys() & _ANYBODY) or any(
            word.kind is Kind.ADDRESS or word.folded in names or (at not in known and is_introduced(clause, at))
            for at, word in enumerate(clause.words)
        )
        heard = (self._hearing(name, found, is_anybody_named=is_anybody_named) for name, found in parts.items())
        hearings = tuple(each for each in heard if each is not None)
        sure = {hearing.capability for hearing in hearings}
        return Heard(
            clause,
            hearings,
            near=tuple(name for name, found in parts.items() if "object" in found and name not in sure),
            roles=roles,
            vendors={word.folded: at for at, word in enumerate(clause.words) if word.folded in self._vendors},
            acting=_indices([match for match in matches if match.owner.kind in {"verb", "phrase"}]),
            known=known,
            spoken=_indices([match for match in matches if match.owner.kind in _SPOKEN]),
        )

    def _hearing(self, name: str, found: Mapping[str, Sequence[Match]], *, is_anybody_named: bool) -> Hearing | None:
        verbs, objects = found.get("verb", ()), found.get("object", ())
        spoken = {match.language for match in verbs}
        links = [match for match in found.get("link", ()) if match.language in spoken]
        known = next(each.capabilities[name] for each in self._lexicons if name in each.capabilities)
        is_whole = bool(found.get("phrase")) or bool(verbs and (objects or links))
        is_whole |= bool(verbs) and (is_anybody_named and known.person_is_object)
        is_whole |= bool(verbs) and "_" not in name
        if not is_whole:
            return None
        own = (*verbs, *objects, *found.get("phrase", ()), *found.get("extra", ()), *links)
        return Hearing(name, _indices(own), _indices(links), _indices(found.get("never", ())))

    def _statable(self, word: Word, names: frozenset[str]) -> str:
        """Return a word as it is looked up: what tells that something was done is no order to do it."""
        if word.kind is not Kind.WORD:
            return ""
        is_known = word.folded in names or any(word.folded in each.words for each in self._lexicons)
        is_told = bool(_TOLD_ACCENTED.search(word.text)) or (not is_known and bool(_TOLD.search(word.folded)))
        return "" if is_told else word.folded


def takes(entry: CatalogueEntry, fields: frozenset[str]) -> bool:
    """Tell whether an action has one of these arguments."""
    return not fields.isdisjoint(entry.fields)


def _parts(matches: Sequence[Match]) -> Mapping[str, Mapping[str, Sequence[Match]]]:
    """Sort the parts of wordings by capability and part."""
    found: dict[str, dict[str, list[Match]]] = {}
    for match in matches:
        if match.owner.kind in _SPOKEN | _AROUND:
            found.setdefault(match.owner.name, {}).setdefault(match.owner.kind, []).append(match)
    return found


def _roles(matches: Sequence[Match]) -> Mapping[tuple[str, str], frozenset[int]]:
    """Sort what is no part of a wording by its role; a word inside a phrase that means nothing turns nothing."""
    phrases = [match.indices for match in matches if match.owner.kind == "function" and len(match.indices) > 1]
    found: dict[tuple[str, str], frozenset[int]] = {}
    for match in matches:
        key = (match.owner.kind, match.owner.name)
        is_idle = match.owner.kind in _TURNING and any(match.indices < each for each in phrases)
        if match.owner.kind not in _SPOKEN | _AROUND and not is_idle:
            found[key] = found.get(key, frozenset()) | match.indices
    return found


def _indices(matches: Sequence[Match]) -> frozenset[int]:
    return frozenset().union(*(match.indices for match in matches))


_SPOKEN: Final = frozenset({"verb", "object", "phrase", "extra"})
_AROUND: Final = frozenset({"link", "never"})
_TOLD: Final = re.compile(r"(?:[^e]ed|ge\w+[dt]|iert|erstellt|entfernt|[ai]d[oa]s?)$")
"""How participles end, without accents: disabled, gesperrt, deaktiviert, bloqueada."""
_TOLD_ACCENTED: Final = re.compile(r"(?<!it)(?:é|ée|és|ées)$")
"""French ones, which without their accent would be orders: réinitialisé; but identité and priorité are none."""
_TURNING: Final = frozenset({"condition", "alternative", "negation"})
"""Roles a word does not have inside a phrase that means nothing: the “once” of “at once”."""
_ANYBODY: Final = frozenset({("person", "requester"), ("person", "them"), ("person", "one")})
