"""Whom a clause is about: the requester, or one person of this tenant whom the technician named. Never a guess."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from deskhand.agent.planning.clauses import Clause
from deskhand.agent.planning.facts import PlanningFacts
from deskhand.agent.planning.legible import folded
from deskhand.agent.planning.lexicon import word_set
from deskhand.agent.planning.refusing import RefusedClauseError, ambiguous, fact_missing
from deskhand.agent.planning.words import Kind, Word
from deskhand.knowledge.text import inert
from deskhand.sdk.models import Person, TenantContext

LONGEST_NAME: Final = 64
_SHORTEST_NAME: Final = 2


@dataclass(frozen=True, slots=True)
class Subject:
    """A person of the tenant: their contact in the PSA, or where there is none, their record in one directory."""

    contact: Person | None
    user: Person | None = None
    is_requester: bool = False

    @property
    def key(self) -> str:
        """Identify the person among those of one tenant."""
        return f"contact {self.contact.id}" if self.contact else f"user {self.user.id if self.user else ''}"

    @property
    def label(self) -> str:
        """Name the person so that two of one name can be told apart."""
        person = self.contact or self.user
        if person is None:
            return "?"
        return inert(f"{person.name} ({person.emails[0]})" if person.emails else person.name, 100)

    @property
    def whose(self) -> str:
        """Say whose record a value comes from, by identifiers only."""
        if self.is_requester:
            return "the requester"
        return f"contact {self.contact.id}" if self.contact else f"user {self.user.id if self.user else ''}"


@dataclass(slots=True)
class People:
    """Knows the people of one tenant during one sentence, and whom it has spoken of so far."""

    facts: PlanningFacts
    context: TenantContext
    mentioned: dict[str, Subject] = field(default_factory=dict)
    _contacts: tuple[Person, ...] | None = None

    @property
    def contacts(self) -> tuple[Person, ...]:
        """The tenant's contacts; a record that names another tenant is not believed."""
        if self._contacts is None:
            found = self.facts.contacts(self.context)
            self._contacts = tuple(each for each in found if self._is_ours(each))
        return self._contacts

    def name_words(self) -> frozenset[str]:
        """Return every word of the contacts' names: no typing slip is looked for in them."""
        return frozenset(part for each in self.contacts for part in _parts(each.name))

    def requester(self) -> Subject:
        """Return the ticket's requester. Raises RefusedClauseError where there is none."""
        person = self.context.requester
        contact = self.facts.contact(self.context, person.id) if person else None
        if contact is None or not self._is_ours(contact):
            raise fact_missing("the ticket has no requester: set its contact in the PSA, then ask again")
        return Subject(contact, is_requester=True)

    def spoken_of(self, *, is_the_user: bool, is_the_requester: bool) -> Subject:
        """Return whom “them”, “the user” or nobody in particular stands for after what was said so far."""
        if is_the_requester:
            return self.requester()
        if not self.mentioned:
            return self.requester()
        if len(self.mentioned) == 1:
            only = next(iter(self.mentioned.values()))
            if not is_the_user or only.is_requester:
                return only
            every: tuple[Subject, ...] = (only, *self._requesters())
        else:
            every = tuple(self.mentioned.values())
        raise ambiguous("it is not clear who is meant: write the name", tuple(each.label for each in every))

    def _requesters(self) -> tuple[Subject, ...]:
        try:
            return (self.requester(),)
        except RefusedClauseError:
            return ()

    def mention(self, subject: Subject) -> None:
        """Remember that the sentence has spoken of somebody."""
        self.mentioned.setdefault(subject.key, subject)

    def addressed(self, address: str, connector: str) -> Subject:
        """Find the person of this tenant with an e-mail address."""
        wanted = address.strip().casefold()
        held = [each for each in self.contacts if wanted in each.emails]
        user = self._ours(self.facts.user(self.context, connector, wanted))
        found = [self._subject(each) for each in held] or ([Subject(None, user)] if user else [])
        return self._only(found, address)

    def named(self, name: str, connector: str) -> Subject | None:
        """Find the person of this tenant with a name; None where nobody has it. Raises where several have."""
        parts = _parts(name)
        if not parts or len(name) > LONGEST_NAME:
            return None
        users = [user for user in self.facts.users_named(self.context, connector, name) if self._is_ours(user)]
        held = [(each, _parts(each.name)) for each in self.contacts]
        exact = [each for each, own in held if sorted(own) == sorted(parts)]
        exact_users = [each for each in users if sorted(_parts(each.name)) == sorted(parts)]
        if exact or exact_users:
            found = self._joined(exact, exact_users)
        else:
            found = self._joined([each for each, own in held if set(parts) <= set(own)], users)
        return self._only(found, name) if found else None

    def _joined(self, contacts: Iterable[Person], users: Iterable[Person]) -> list[Subject]:
        """Make one list of people: a directory user is the contact they share an address with."""
        found = {subject.key: subject for subject in map(self._subject, contacts)}
        for user in users:
            shared = [each for each in self.contacts if set(each.emails) & set(user.emails)]
            for subject in [self._subject(each, user) for each in shared] or [Subject(None, user)]:
                found.setdefault(subject.key, subject)
        return list(found.values())

    def _subject(self, contact: Person, user: Person | None = None) -> Subject:
        requester = self.context.requester
        return Subject(contact, user, is_requester=requester is not None and requester.id == contact.id)

    def stranger(self, name: str) -> RefusedClauseError:
        """Refuse a name nobody at this client has; whether somebody has it elsewhere is nobody's business here."""
        shown = inert(name, LONGEST_NAME)
        return fact_missing(f"nobody at this client is called “{shown}”: mend the name, or add the contact in the PSA")

    def _only(self, found: Sequence[Subject], name: str) -> Subject:
        if not found:
            raise self.stranger(name)
        if len(found) > 1:
            raise ambiguous(
                f"{len(found)} people at this client fit “{inert(name, LONGEST_NAME)}”: write the e-mail address",
                tuple(each.label for each in found),
            )
        return found[0]

    def _ours(self, person: Person | None) -> Person | None:
        return person if person is not None and self._is_ours(person) else None

    def _is_ours(self, person: Person) -> bool:
        return person.company is not None and person.company.id == self.context.tenant.id


def spans_of_contacts(
    contacts: Sequence[Person], words: Sequence[Word], free: frozenset[int]
) -> tuple[frozenset[int], ...]:
    """Find where contacts' whole names stand, longest first: at least one word of it must mean nothing else."""
    heard = [word.folded if word.kind is Kind.WORD else "" for word in words]
    found: dict[frozenset[int], None] = {}
    for contact in contacts:
        parts = _parts(contact.name)
        for order in {parts, (*parts[-1:], *parts[:-1])} if len(parts) > 1 else set[tuple[str, ...]]():
            for at in range(len(heard) - len(order) + 1):
                indices = frozenset(range(at, at + len(order)))
                if tuple(heard[at : at + len(order)]) == order and indices & free:
                    found.setdefault(indices)
    longest = sorted(found, key=lambda indices: (-len(indices), min(indices)))
    return tuple(each for each in longest if not any(each < other for other in longest))


def is_introduced(clause: Clause, at: int) -> bool:
    """Tell whether a word stands where a name does: written like one, or the last thing, behind “for” or “of”."""
    word = clause.words[at]
    if word.kind is not Kind.WORD or not word.text.isalpha() or len(word.text) < _SHORTEST_NAME:
        return False
    before = clause.sentence[: word.start].rstrip()
    if word.text[:1].isupper() and before and before[-1] not in ".!?:•*-\n":
        return True
    is_behind = at > 0 and clause.words[at - 1].end + 1 == word.start
    return is_behind and clause.words[at - 1].folded in word_set("introducers") and at + 2 >= len(clause.words)


def _parts(name: str) -> tuple[str, ...]:
    plain = "".join(each if each.isalnum() else " " for each in folded(name).replace("'", ""))
    return tuple(plain.split())
