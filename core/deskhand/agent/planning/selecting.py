"""Which action a clause means: the capability that explains most of it, at the one connector that may do it here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from deskhand.agent.planning.catalogue import Catalogue, CatalogueEntry, Permits
from deskhand.agent.planning.choosing import Adviser
from deskhand.agent.planning.facts import PlanningFacts
from deskhand.agent.planning.hearing import (
    LEVEL_FIELDS,
    NAMED_FIELDS,
    PERSON_FIELDS,
    SPAN_FIELDS,
    TEXT_FIELDS,
    Heard,
    Hearing,
    takes,
)
from deskhand.agent.planning.refusing import ambiguous, not_available, not_permitted, not_understood
from deskhand.agent.planning.spans import spans
from deskhand.agent.planning.words import Kind
from deskhand.knowledge.text import inert
from deskhand.sdk.actions import capability_of, connector_of
from deskhand.sdk.models import TenantContext


@dataclass(slots=True)
class Selector:
    """Selects for one account and one ticket. ``engine`` names the model, once it has chosen something."""

    catalogue: Catalogue
    facts: PlanningFacts
    context: TenantContext
    permits: Permits
    adviser: Adviser
    engine: str = field(default="", init=False)

    def select(self, heard: Heard) -> tuple[CatalogueEntry, Hearing]:
        """Return the action and how it was heard. Raises RefusedClauseError."""
        lost, best = self._best(heard)
        if lost and len(best) > 1:
            raise not_understood("it says more than one thing, and not what joins them", self._titles(best))
        if not any(self._entries(each.capability) for each in best):
            raise not_available(f"no connector of this client can do it ({_plainly(best[0])})")
        hearing = best[0] if len(best) == 1 else self._untied(heard, best)
        return self._entry(heard, hearing), hearing

    def unwanted(self, heard: Heard) -> str:
        """Return the capability a negated clause is about; every word of it has to be explained."""
        _, best = self._best(heard)
        negating = heard.role("negation") | heard.role("helper")
        if len(best) > 1 or set(heard.free(best[0], takes_person=True)) - negating:
            raise not_understood("it says what not to do, but not clearly: say only what is to be done")
        return best[0].capability

    def refuse_forbidden(self, entries: Sequence[CatalogueEntry]) -> list[CatalogueEntry]:
        """Return those of the entries that may be planned. Raises RefusedClauseError where there is none."""
        reasons = {entry.name: self.permits(entry) for entry in entries}
        allowed = [entry for entry in entries if reasons[entry.name] is None]
        if not allowed:
            first = entries[0]
            raise not_permitted(f"“{first.title}” is not permitted: {reasons[first.name]}")
        unreached = {entry.name: self.facts.unreached(self.context, connector_of(entry.name)) for entry in allowed}
        reached = [entry for entry in allowed if unreached[entry.name] is None]
        if not reached:
            raise not_available(f"“{allowed[0].title}”: {unreached[allowed[0].name]}")
        return reached

    def _best(self, heard: Heard) -> tuple[int, list[Hearing]]:
        """Return the hearings that rank best, and how many words even they cannot explain."""
        ranked = sorted(((self._rank(heard, each), each) for each in heard.hearings), key=lambda pair: pair[0])
        if not ranked:
            said = inert(heard.clause.text, 80)
            raise not_understood(f"“{said}” says nothing that could be done here", self._near(heard))
        return ranked[0][0][0], [hearing for rank, hearing in ranked if rank == ranked[0][0]]

    def _entry(self, heard: Heard, hearing: Hearing) -> CatalogueEntry:
        entries = self._entries(hearing.capability)
        named = [entry for entry in entries if set(connector_of(entry.name).split("_")[1:]) & heard.vendors.keys()]
        if heard.vendors and not named:
            vendors = ", ".join(sorted(heard.vendors))
            raise not_available(
                f"{vendors} cannot do this: {', '.join(connector_of(each.name) for each in entries)} can"
            )
        allowed = self.refuse_forbidden(named or entries)
        if len(allowed) > 1:
            raise ambiguous(
                "several connectors can do this: name one",
                tuple(f"{each.title} ({connector_of(each.name)})" for each in allowed),
            )
        return allowed[0]

    def _untied(self, heard: Heard, tied: Sequence[Hearing]) -> Hearing:
        """Choose between capabilities the wording fits equally well: the model does, or else the technician.

        What no connector offers stays among them: that one of two readings is not available makes the other no surer.
        """
        entries = [next(iter(self._entries(each.capability)), None) for each in tied]
        titles = [
            each.title if each else f"{_plainly(hearing)} (not available)"
            for each, hearing in zip(entries, tied, strict=True)
        ]
        plain = " ".join(word.text for word in heard.clause.words if word.kind is not Kind.QUOTE)
        chosen = self.adviser.pick(plain, titles)
        if chosen is None or entries[chosen] is None:
            raise ambiguous("it could mean several things: use the words of one", tuple(titles))
        self.engine = str(self.adviser.engine.identity())
        return tied[chosen]

    def _rank(self, heard: Heard, hearing: Hearing) -> tuple[int, int, int]:
        """Rank the lower the better: words that mean nothing, words left to be a name, words that are explained."""
        entry = next(iter(self._entries(hearing.capability)), None)
        free = heard.free(hearing, takes_person=entry is None or takes(entry, PERSON_FIELDS))
        lost = [at for at in free if not self._may_take(heard, entry, at)]
        return len(lost), len(free) - len(lost), -len(hearing.explained)

    def _may_take(self, heard: Heard, entry: CatalogueEntry | None, at: int) -> bool:
        kind = heard.clause.words[at].kind
        if entry is None:
            return kind in {Kind.WORD, Kind.ADDRESS, Kind.QUOTE}
        if kind is Kind.QUOTE:
            return takes(entry, TEXT_FIELDS | NAMED_FIELDS | PERSON_FIELDS)
        if takes(entry, SPAN_FIELDS) and any(at in each.indices for each in spans(heard.clause.folded)):
            return True
        if takes(entry, NAMED_FIELDS | LEVEL_FIELDS):
            return kind in {Kind.WORD, Kind.ADDRESS}
        is_free_word = kind is Kind.WORD and at not in heard.spoken
        return (is_free_word or kind is Kind.ADDRESS) and takes(entry, PERSON_FIELDS)

    def _entries(self, capability: str) -> list[CatalogueEntry]:
        return [entry for entry in self.catalogue if capability_of(entry.name) == capability]

    def _near(self, heard: Heard) -> tuple[str, ...]:
        return tuple(entry.title for name in heard.near for entry in self._entries(name)[:1])

    def _titles(self, hearings: Sequence[Hearing]) -> tuple[str, ...]:
        return tuple(entry.title for each in hearings for entry in self._entries(each.capability)[:1])


def _plainly(hearing: Hearing) -> str:
    return hearing.capability.replace("_", " ")
