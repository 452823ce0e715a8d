"""What an automation may know of one ticket: facts of its tenant, from the PSA's records and the client's directory."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from deskhand.agent.drafting.lifting import TicketFacts
from deskhand.agent.planning.facts import PlanningFacts
from deskhand.agent.planning.phones import e164, reachable
from deskhand.automation.document import KIND_OF, Automation, Check, FactSource, Parameter
from deskhand.automation.plan import Argument, Refusal, RefusalReason, SourceKind
from deskhand.mirror.mirror import Mirror
from deskhand.sdk.actions import connector_of
from deskhand.sdk.models import Person, TenantContext, Ticket

_MOST_LOOKUPS = 24
"""Names of groups looked up for one value, since each may cost a vendor call."""
_LONGEST_NAME = 6
_WORD = re.compile(r"[^\s“”\"']+")
_PARTS_OF_A_NAME = 2


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """Facts of one ticket as they are now. ``connectors`` are those whose actions an automation uses.

    Methods may raise the errors of a directory that cannot be asked.
    """

    facts: PlanningFacts
    context: TenantContext
    ticket: Ticket
    connectors: tuple[str, ...]

    def value(self, parameter: Parameter) -> Argument | Refusal:
        """Return the fact a parameter stands for, or why there is none."""
        return _SOURCES[parameter.source](self, parameter)

    def lacks(self, check: Check) -> str | None:
        """Say why a check does not hold. Whether they hold power over others is looked at with the plan."""
        if self.requester() is None:
            return "the requester is no active contact of this client: set the ticket's contact in the PSA"
        if check is Check.REQUESTER_HAS_MOBILE:
            return _detail(self.value(_parameter(FactSource.REQUESTER_MOBILE)))
        if check is Check.REQUESTER_HAS_DIRECTORY_USER:
            return _detail(self.value(_parameter(FactSource.REQUESTER_DIRECTORY_USER)))
        return None

    def requester(self) -> Person | None:
        """Return the requester as the PSA has them now, where they are an active contact of this client."""
        person = self.context.requester
        found = self.facts.contact(self.context, person.id) if person else None
        return found if found is not None and self._is_ours(found) else None

    def user(self) -> tuple[Person, str] | None:
        """Find the one directory user with one of the requester's addresses, and the connector that has them."""
        requester = self.requester()
        for connector in self.connectors if requester else ():
            users = [self.facts.user(self.context, connector, each) for each in (requester.emails if requester else ())]
            found = {user.id: user for user in users if user is not None and self._is_ours(user)}
            if len(found) == 1:
                return next(iter(found.values())), connector
        return None

    def groups(self, name: str) -> dict[str, str]:
        """Find the client's groups of a name: names by id."""
        found = (self.facts.groups_named(self.context, connector, name) for connector in self.connectors)
        return {group.id: group.name for groups in found for group in groups}

    def _is_ours(self, person: Person) -> bool:
        return person.company is not None and person.company.id == self.context.tenant.id


@dataclass(frozen=True, slots=True)
class PastChecks:
    """Whether preconditions hold for past tickets, as the mirror has their requesters now; no vendor is asked."""

    mirror: Mirror
    automation: Automation

    def unmet(self, ticket_id: str) -> str | None:
        """Say which precondition would not have held; None where all that the mirror can tell of do."""
        wanted = {each.check for each in self.automation.preconditions}
        ticket = self.mirror.ticket(ticket_id)
        person = self.mirror.person(ticket.contact.id) if ticket and ticket.contact else None
        if person is None:
            return "the requester is no contact on file" if wanted & _ABOUT_THE_REQUESTER else None
        if not person.is_active:
            return "the requester is no longer active" if wanted & _ABOUT_THE_REQUESTER else None
        if Check.REQUESTER_HAS_MOBILE in wanted and not any(map(e164, person.phones)):
            return "the requester has no telephone number with its country on file"
        return None


_ABOUT_THE_REQUESTER = frozenset(Check) - {Check.WITHIN_HOURS}


def connectors_of(actions: Iterable[str]) -> tuple[str, ...]:
    """Name the connectors of some actions, each once."""
    return tuple(dict.fromkeys(connector_of(action) for action in actions))


def ticket_facts(live: LiveFacts, groups: dict[str, str], people: Iterable[Person]) -> TicketFacts:
    """Gather every fact of a ticket there is, for a draft; ``people`` are those whose names it must not hold."""
    values: dict[FactSource, JsonValue] = {}
    for source in KIND_OF:
        if source is not FactSource.DIRECTORY_GROUP:
            found = live.value(_parameter(source))
            if isinstance(found, Argument):
                values[source] = found.value
    return TicketFacts(values, groups, names_of(people, live.context.tenant.name))


def names_of(people: Iterable[Person], *others: str) -> tuple[str, ...]:
    """Return names no document may hold; a single word, such as “Reception”, is no person's name."""
    whole = (each.name for each in people if len(each.name.split()) >= _PARTS_OF_A_NAME)
    return tuple(dict.fromkeys((*others, *whole)))


def group_names(live: LiveFacts, value: str, texts: Sequence[str]) -> dict[str, str]:
    """Find what a group is called whose id a plan held, among the words of the plan and of what it changed."""
    for candidate in _candidates(texts):
        found = live.groups(candidate)
        if value in found:
            return {value: found[value]}
    return {}


def _candidates(texts: Sequence[str]) -> Iterator[str]:
    found: dict[str, None] = {}
    for text in texts:
        words = _WORD.findall(text)
        endings = (words[-size:] for size in range(min(_LONGEST_NAME, len(words)), 0, -1))
        found.update(dict.fromkeys(" ".join(each) for each in endings))
    yield from list(found)[:_MOST_LOOKUPS]


def _parameter(source: FactSource) -> Parameter:
    return Parameter(kind=KIND_OF[source], source=source)


def _detail(found: Argument | Refusal) -> str | None:
    return found.detail if isinstance(found, Refusal) else None


def _missing(parameter: Parameter, detail: str) -> Refusal:
    return Refusal(clause=parameter.source, reason=RefusalReason.FACT_MISSING, detail=detail)


def _of_ticket(value: str, origin: str) -> Argument:
    return Argument(source=SourceKind.TICKET, value=value, origin=origin)


def _of_requester(
    live: LiveFacts, parameter: Parameter, pick: Callable[[Person], str | None], what: str
) -> Argument | Refusal:
    requester = live.requester()
    if requester is None:
        return _missing(parameter, "the requester is no active contact of this client: set the ticket's contact")
    value = pick(requester)
    if not value:
        return _missing(parameter, f"the requester has no {what} in the PSA: add one to contact {requester.id}")
    origin = f"the {what} of the requester in the PSA"
    return Argument(source=SourceKind.DIRECTORY, value=value, origin=origin, person=requester.id)


def _mobile(live: LiveFacts, parameter: Parameter) -> Argument | Refusal:
    found = _of_requester(live, parameter, _number, "telephone number with its country")
    requester, numbers = live.requester(), None
    if isinstance(found, Argument) and requester is not None:
        numbers = reachable(requester.phones)
    if not isinstance(found, Argument) or requester is None or numbers is None:
        return found
    since = live.facts.number_since(live.context, requester, numbers[1])
    return found.model_copy(update={"unchanged_since": since})


def _number(person: Person) -> str | None:
    found = reachable(person.phones)
    return found[0] if found is not None else None


def _directory_user(live: LiveFacts, parameter: Parameter) -> Argument | Refusal:
    requester, found = live.requester(), live.user()
    if requester is None or found is None:
        where = ", ".join(live.connectors) or "any directory"
        return _missing(parameter, f"the requester has not exactly one user in {where}: mend the address in the PSA")
    user, connector = found
    origin = f"the user of the requester in {connector}"
    return Argument(source=SourceKind.DIRECTORY, value=user.id, origin=origin, person=requester.id)


def _group(live: LiveFacts, parameter: Parameter) -> Argument | Refusal:
    found = live.groups(str(parameter.named))
    if len(found) != 1:
        count = "no group" if not found else f"{len(found)} groups"
        return _missing(parameter, f"there is {count} called “{parameter.named}” in this client's directory")
    return Argument(source=SourceKind.DIRECTORY, value=next(iter(found)), origin=f"the group “{parameter.named}”"[:200])


_SOURCES: dict[FactSource, Callable[[LiveFacts, Parameter], Argument | Refusal]] = {
    FactSource.TENANT_ID: lambda live, _: _of_ticket(live.context.tenant.id, "the ticket's client"),
    FactSource.TENANT_NAME: lambda live, _: _of_ticket(live.context.tenant.name, "the name of the ticket's client"),
    FactSource.TICKET_ID: lambda live, _: _of_ticket(live.ticket.id, "the ticket"),
    FactSource.REQUESTER_CONTACT: lambda live, each: _of_requester(live, each, lambda person: person.id, "record"),
    FactSource.REQUESTER_NAME: lambda live, each: _of_requester(live, each, lambda person: person.name, "name"),
    FactSource.REQUESTER_EMAIL: lambda live, each: _of_requester(
        live, each, lambda person: next(iter(person.emails), None), "e-mail address"
    ),
    FactSource.REQUESTER_MOBILE: _mobile,
    FactSource.REQUESTER_DIRECTORY_USER: _directory_user,
    FactSource.DIRECTORY_GROUP: _group,
}
