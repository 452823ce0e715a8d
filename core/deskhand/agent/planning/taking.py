"""Takes from a clause what its action needs, and refuses the clause where a word is left that means nothing here."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from deskhand.agent.planning.arguments import LABELS, Sayings
from deskhand.agent.planning.catalogue import CatalogueEntry
from deskhand.agent.planning.hearing import (
    LEVEL_FIELDS,
    PERSON_FIELDS,
    SPAN_FIELDS,
    TEXT_FIELDS,
    Heard,
    Hearing,
    takes,
)
from deskhand.agent.planning.lexicon import word_set
from deskhand.agent.planning.people import People, Subject, is_introduced, spans_of_contacts
from deskhand.agent.planning.refusing import ambiguous, fact_missing, not_permitted, not_understood
from deskhand.agent.planning.spans import Span, spans
from deskhand.agent.planning.words import Kind
from deskhand.knowledge.text import inert
from deskhand.sdk.actions import connector_of
from deskhand.sdk.models import Reference


@dataclass(slots=True)
class Taking:
    """Takes words of one clause away, one kind of value after another."""

    heard: Heard
    hearing: Hearing
    entry: CatalogueEntry
    people: People
    following: Heard | None = None
    """The clause behind, where it may be the rest of a group's name: “Research and Development”."""
    took_following: bool = field(default=False, init=False)
    left: set[int] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with what the wording of the action leaves over."""
        self.left = set(self.heard.free(self.hearing, takes_person=takes(self.entry, PERSON_FIELDS)))

    def sayings(self) -> Sayings:
        """Return what is said. Raises RefusedClauseError, also where a word is left over."""
        self._refuse_numbers()
        minutes, usage = self._minutes(), self._usage()
        name, words = self._label()
        group = self._group() if "group_id" in self.entry.fields else None
        quotes = self._quotes() if takes(self.entry, TEXT_FIELDS) else ()
        subject = self._subject() if takes(self.entry, PERSON_FIELDS) else None
        self._refuse_rest()
        return Sayings(
            subject=subject,
            group=group,
            quotes=quotes,
            minutes=minutes,
            is_usable_once=usage,
            label=words,
            field=name,
        )

    def _refuse_numbers(self) -> None:
        numbers = [self.heard.clause.words[at].text for at in sorted(self.left) if self._is(at, Kind.NUMBER)]
        if numbers and "to" in self.entry.fields:
            raise not_permitted(
                f"“{inert(numbers[0], 30)}”: codes and texts go only to the number the PSA has of a contact; "
                "correct it there"
            )

    def _minutes(self) -> int | None:
        if not takes(self.entry, SPAN_FIELDS):
            return None
        found = [each for each in spans(self.heard.clause.folded) if not each.indices & self._vendors]
        if len(found) > 1:
            raise ambiguous("it says several times", tuple(f"{each.minutes} minutes" for each in found))
        for each in found:
            self._refuse_delay(each)
            self.left -= each.indices
        return found[0].minutes if found else None

    def _refuse_delay(self, span: Span) -> None:
        first = min(span.indices)
        if first and self.heard.clause.words[first - 1].folded in word_set("delays"):
            raise not_understood("it says when to do it, and a plan is carried out as soon as it may be")

    @property
    def _vendors(self) -> frozenset[int]:
        return frozenset(self.heard.vendors.values())

    def _usage(self) -> bool | None:
        if "is_usable_once" not in self.entry.fields:
            return None
        once, often = self.heard.role("usage", "once"), self.heard.role("usage", "often")
        self.left -= once | often
        if once and often:
            raise ambiguous("it says both “once” and “reusable”", ("once", "reusable"))
        return True if once else (False if often else None)

    def _label(self) -> tuple[str, str]:
        """Return the one field of a ticket that is to be set, and the words for its value."""
        offered = [name for name in LABELS if f"{name}_id" in self.entry.fields]
        offered += sorted(LEVEL_FIELDS & self.entry.fields.keys())
        if not offered:
            return "", ""
        named = [name for name in offered if self.heard.role("field", name)]
        if {"type", "subtype"} <= set(named):
            named.remove("type")  # “sub type”
        if len(named) != 1:
            raise not_understood("it is not clear which field of the ticket to set: name one field in each clause")
        levels = {at for at in self.heard.role("level") if at not in self.hearing.explained}
        value = sorted(self.left | levels)
        if not value:
            raise fact_missing(f"it is not said what {named[0]} is to be")
        self.left -= set(value)
        if len(value) == 1 and self._is(value[0], Kind.QUOTE):
            return named[0], self.heard.clause.words[value[0]].text
        return named[0], self.heard.clause.said(value[0], value[-1])

    def _group(self) -> Reference | None:
        names = list(self._group_names())
        for name, indices, is_joined in names:
            found = self.people.facts.groups_named(self.people.context, connector_of(self.entry.name), name)
            if len(found) > 1:
                raise ambiguous(
                    f"{len(found)} groups are called “{inert(name, 60)}”",
                    tuple(f"{inert(each.name, 60)} {each.id}" for each in found),
                )
            if found:
                self.left -= indices
                self.took_following = is_joined
                return found[0]
        if not names:
            return None
        shown, connector = inert(names[-1][0], 60), connector_of(self.entry.name)
        raise fact_missing(f"{connector} has no group called “{shown}” at this client: write it as it is called there")

    def _group_names(self) -> Iterator[tuple[str, frozenset[int], bool]]:
        """Yield what may be the group's name, the longest first: quoted, or all that stands behind “to” or “from”."""
        clause = self.heard.clause
        quoted = [at for at in sorted(self.left) if self._is(at, Kind.QUOTE)]
        if quoted:
            yield clause.words[quoted[-1]].text, frozenset({quoted[-1]}), False
            return
        behind = sorted(at for at in self.left if at > max(self.hearing.links, default=-1)) or sorted(self.left)
        if not behind:
            return
        if self.following is not None:
            joined = clause.sentence[clause.words[behind[0]].start : self.following.clause.words[-1].end]
            yield joined, frozenset(range(behind[0], behind[-1] + 1)), True
        for run in _runs(behind):
            if run != tuple(behind):
                yield clause.said(run[0], run[-1]), frozenset(run), False
        yield clause.said(behind[0], behind[-1]), frozenset(range(behind[0], behind[-1] + 1)), False

    def _quotes(self) -> tuple[str, ...]:
        found = [at for at in sorted(self.left) if self._is(at, Kind.QUOTE)]
        self.left -= set(found)
        return tuple(self.heard.clause.words[at].text for at in found)

    def _subject(self) -> Subject:
        before = frozenset(self.left)
        found = {subject.key: subject for subject in self._named()}
        if found:
            self._refuse_two_persons(before - self.left, next(iter(found.values())))
        if len(found) > 1:
            raise ambiguous(
                "it names several people: one person in each clause", tuple(s.label for s in found.values())
            )
        if found:
            return next(iter(found.values()))
        self._refuse_a_name_of_pronouns()
        requester = self.heard.role("person", "requester")
        words = {self.heard.clause.words[at].folded for at in requester}
        is_certain = bool(
            words & {"requester", "caller", "demandeur", "demandeuse", "solicitante", "aanvrager", "beller"}
        )
        return self.people.spoken_of(is_the_user=bool(requester), is_the_requester=is_certain)

    def _refuse_a_name_of_pronouns(self) -> None:
        """Refuse “User Them”, written like the name of somebody who is not known here."""
        clause = self.heard.clause
        for at in self.heard.role("person", "them"):
            word = clause.words[at]
            if is_introduced(clause, at) and word.text.istitle():
                raise ambiguous(f"“{word.text}” is written like a name: write the whole name, or “them”", ())

    def _refuse_two_persons(self, name: frozenset[int], subject: Subject) -> None:
        """Refuse “the user” beside a name it does not stand right before, and “her” before a name."""
        users = self.heard.role("person", "requester") - self.hearing.explained
        apart = [at for at in users if at + 1 not in name and at - 1 not in name]
        if apart or any(at < min(name) for at in self.heard.role("person", "pointing")):
            raise ambiguous(
                "it speaks of two people: name only the one it is about", (subject.label, "the requester of the ticket")
            )

    def _named(self) -> Iterator[Subject]:
        clause, connector = self.heard.clause, connector_of(self.entry.name)
        for at in sorted(self.left):
            if self._is(at, Kind.ADDRESS):
                self.left.discard(at)
                yield self.people.addressed(clause.words[at].text, connector)
            elif self._is(at, Kind.QUOTE):
                self.left.discard(at)
                yield self._certain(clause.words[at].text, connector)
        for indices in spans_of_contacts(self.people.contacts, clause.words, frozenset(self.left)):
            if indices & self.left:
                self.left -= indices
                yield self._certain(clause.said(min(indices), max(indices)), connector)
        runs = list(_runs(sorted(at for at in self.left - self.heard.spoken if self._is(at, Kind.WORD))))
        if len(runs) > 1 and (whole := self.people.named(clause.said(runs[0][0], runs[-1][-1]), connector)):
            self.left -= set(range(runs[0][0], runs[-1][-1] + 1))
            yield whole
            return
        for run in runs:
            name = clause.said(run[0], run[-1])
            subject = self.people.named(name, connector)
            if subject is not None:
                self.left -= set(run)
                yield subject
            elif is_introduced(clause, run[0]):
                raise self.people.stranger(name)

    def _certain(self, name: str, connector: str) -> Subject:
        subject = self.people.named(name, connector)
        if subject is None:
            raise self.people.stranger(name)
        return subject

    def _refuse_rest(self) -> None:
        if self.left:
            rest = [self.heard.clause.words[at] for at in sorted(self.left)]
            shown = ", ".join(f"“{inert(word.text, 60)}”" for word in rest[:4])
            raise not_understood(f"“{self.entry.title}” is clear, but not what {shown} means here")

    def _is(self, at: int, kind: Kind) -> bool:
        return self.heard.clause.words[at].kind is kind


def _runs(indices: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield the stretches of neighbouring words."""
    run: list[int] = []
    for at in indices:
        if run and at != run[-1] + 1:
            yield tuple(run)
            run = []
        run.append(at)
    if run:
        yield tuple(run)
