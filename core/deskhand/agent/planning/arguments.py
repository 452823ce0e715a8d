"""The arguments of a step: identifiers of the ticket, records of this tenant, technician's words, our constants."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue

from deskhand.agent.planning.catalogue import CatalogueEntry
from deskhand.agent.planning.facts import PlanningFacts
from deskhand.agent.planning.labels import level_of, picked
from deskhand.agent.planning.messages import message
from deskhand.agent.planning.people import Subject
from deskhand.agent.planning.phones import reachable
from deskhand.agent.planning.refusing import ambiguous, fact_missing, not_understood
from deskhand.automation.plan import Argument, SourceKind
from deskhand.knowledge.text import inert
from deskhand.sdk.actions import connector_of
from deskhand.sdk.models import Person, Reference, TenantContext, Ticket

MINUTES_AN_HOUR: Final = 60


@dataclass(frozen=True, slots=True)
class Situation:
    """What every step of one sentence shares."""

    facts: PlanningFacts
    context: TenantContext
    ticket: Ticket
    msp: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Sayings:
    """What a clause says besides its action: each value in the technician's own words."""

    subject: Subject | None = None
    group: Reference | None = None
    quotes: tuple[str, ...] = ()
    minutes: int | None = None
    is_usable_once: bool | None = None
    label: str = ""
    """The words for a value of a ticket's field."""
    field: str = ""
    """Which field of a ticket they are for."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the plan does before a step: step ids by capability, and what was done for the person it is about."""

    started: Mapping[str, str] = field(default_factory=dict)
    """The verification a later check belongs to, by the check's name and the person's key."""
    done: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """Everything the arguments of one step may be made from."""

    situation: Situation
    entry: CatalogueEntry
    sayings: Sayings
    earlier: Earlier

    def arguments(self) -> dict[str, Argument]:
        """Make the arguments. Raises RefusedClauseError where one is missing, ambiguous or does not fit."""
        found: dict[str, Argument] = {}
        for name, shape in self.entry.fields.items():
            argument = SOURCES[name](self) if name in SOURCES else None
            if argument is None and shape.is_required():
                raise fact_missing(f"deskhand has no trusted source for “{name}” of “{self.entry.title}”")
            if argument is not None:
                self._check(name, argument)
                found[name] = argument
        return found

    def _check(self, name: str, argument: Argument) -> None:
        problem = None if argument.is_late else self.entry.problem(name, argument.value)
        if problem is not None:
            raise fact_missing(f"{argument.origin}: it does not fit {name} of “{self.entry.title}”: {inert(problem)}")

    def person(self) -> Subject:
        """Return whom the step is about."""
        if self.sayings.subject is None:
            raise not_understood(f"“{self.entry.title}”: it is not said for whom")
        return self.sayings.subject

    def contact(self) -> Person:
        """Return the PSA contact of whom the step is about."""
        subject = self.person()
        if subject.contact is None:
            raise fact_missing(f"{subject.label} is no contact of this client in the PSA: add them there first")
        return subject.contact


def _company(step: Step) -> Argument:
    return Argument(source=SourceKind.TICKET, value=step.situation.context.tenant.id, origin="the ticket's client")


def _ticket(step: Step) -> Argument:
    return Argument(source=SourceKind.TICKET, value=step.situation.ticket.id, origin="the ticket")


def _contact(step: Step) -> Argument:
    contact = step.contact()
    origin = f"{step.person().whose} in the PSA"
    return Argument(source=SourceKind.DIRECTORY, value=contact.id, origin=origin, person=contact.id)


def _user(step: Step) -> Argument:
    subject, connector = step.person(), connector_of(step.entry.name)
    user = subject.user if subject.contact is None else _user_of(step, subject.contact)
    if user is None:
        raise fact_missing(f"{subject.label} has no user in {connector}")
    origin = f"the user of {subject.whose} in {connector}"
    person = subject.contact.id if subject.contact else None
    return Argument(source=SourceKind.DIRECTORY, value=user.id, origin=origin, person=person)


def _user_of(step: Step, contact: Person) -> Person:
    """Find a contact's user by the addresses the PSA has; there has to be exactly one."""
    context, connector = step.situation.context, connector_of(step.entry.name)
    label = step.person().label
    if not contact.emails:
        raise fact_missing(f"{label} has no e-mail address in the PSA, by which the user would be found: add it there")
    found = {
        user.id: user
        for user in (step.situation.facts.user(context, connector, each) for each in contact.emails)
        if user is not None and user.company is not None and user.company.id == context.tenant.id
    }
    if not found:
        raise fact_missing(f"no user in {connector} has the address of {label}: mend it in the PSA or the directory")
    if len(found) > 1:
        raise ambiguous(
            f"{label} has several users in {connector}", tuple(sorted(inert(each.name, 60) for each in found.values()))
        )
    return next(iter(found.values()))


def _phone(step: Step) -> Argument:
    contact = step.contact()
    found = reachable(contact.phones)
    if found is None:
        wanting = "only numbers without a country code" if contact.phones else "no telephone number"
        raise fact_missing(
            f"{step.person().label} has {wanting} in the PSA: add one such as +441632960000 to contact {contact.id}"
        )
    number, typed = found
    since = step.situation.facts.number_since(step.situation.context, contact, typed)
    origin = f"the telephone number of {step.person().whose} in the PSA"
    return Argument(source=SourceKind.DIRECTORY, value=number, origin=origin, person=contact.id, unchanged_since=since)


def _verification(step: Step) -> Argument:
    subject = step.person()
    started = step.earlier.started.get(f"{step.entry.name} {subject.key}")
    if started is None:
        raise fact_missing("no code was sent to them before in this plan: say “verify the user”")
    person = step.contact().id
    return Argument(source=SourceKind.STEP, origin=f"{started}.reference", person=person)


def _code(step: Step) -> Argument:
    question = f"Which code does {step.person().whose} read out?"
    return Argument(source=SourceKind.PROMPT, origin=question, person=step.contact().id)


def _text(step: Step) -> Argument:
    if step.sayings.quotes:
        return Argument(source=SourceKind.TECHNICIAN, value=_quote(step), origin="the quoted text in the sentence")
    if step.sayings.subject is None:
        raise fact_missing("it is not said what to write: put the text in quotes")
    language = step.situation.facts.language(step.situation.context, step.situation.ticket)
    subject, spoken = step.sayings.subject, language if step.sayings.subject.is_requester else "en"
    text = message(step.earlier.done, msp=step.situation.msp, language=spoken, is_requester=subject.is_requester)
    if text is None:
        raise fact_missing("it is not said what to write, and nothing is done for them before: put the text in quotes")
    return Argument(source=SourceKind.CONSTANT, value=text, origin="deskhand's text for what this plan does")


def _quote(step: Step) -> str:
    if len(step.sayings.quotes) > 1:
        raise ambiguous("there is more than one quoted text", tuple(each[:80] for each in step.sayings.quotes))
    return step.sayings.quotes[0]


def _work(step: Step) -> Argument:
    if step.sayings.quotes:
        return Argument(source=SourceKind.TECHNICIAN, value=_quote(step), origin="the quoted text in the sentence")
    if not step.earlier.titles:
        raise fact_missing("it is not said what was done: put the text in quotes")
    text = "; ".join(dict.fromkeys(step.earlier.titles))
    return Argument(source=SourceKind.CONSTANT, value=text, origin="the titles of this plan's steps")


def _group(step: Step) -> Argument:
    if step.sayings.group is None:
        raise fact_missing("it is not said which group: write its name as the directory has it")
    origin = f"the group of this name in {connector_of(step.entry.name)}"
    return Argument(source=SourceKind.DIRECTORY, value=step.sayings.group.id, origin=origin)


def _lifetime(step: Step) -> Argument | None:
    return _said(step.sayings.minutes, "the time in the sentence")


def _hours(step: Step) -> Argument | None:
    if step.sayings.minutes is None:
        raise fact_missing("it is not said for how long: write “15 minutes” or “1 hour”")
    return _said(step.sayings.minutes / MINUTES_AN_HOUR, "the time in the sentence")


def _usable_once(step: Step) -> Argument | None:
    return _said(step.sayings.is_usable_once, "“once” or “reusable” in the sentence")


def _started_at(step: Step) -> Argument:
    began = step.situation.now - timedelta(minutes=step.sayings.minutes or 0)
    return Argument(source=SourceKind.CONSTANT, value=began.isoformat(), origin="now, less the time in the sentence")


def _level(name: str) -> Callable[[Step], Argument | None]:
    def source(step: Step) -> Argument | None:
        if step.sayings.field != name:
            return None
        level = level_of(step.sayings.label)
        if level is None:
            raise fact_missing(
                f"there is no {name} called “{inert(step.sayings.label, 60)}”", ("low", "medium", "high")
            )
        return _said(level, "the word for it in the sentence")

    return source


def _label(name: str) -> Callable[[Step], Argument | None]:
    def source(step: Step) -> Argument | None:
        if step.sayings.field != name:
            return None
        situation = step.situation
        known = situation.facts.labels(situation.context, situation.ticket, name)  # type: ignore[arg-type]  # one of LABELS
        chosen = picked(step.sayings.label, known, name)
        return Argument(source=SourceKind.DIRECTORY, value=chosen.id, origin=f"the {name} of this name in the PSA")

    return source


def _said(value: JsonValue, origin: str) -> Argument | None:
    return None if value is None else Argument(source=SourceKind.TECHNICIAN, value=value, origin=origin)


LABELS: Final = ("type", "subtype", "item", "priority", "status")
SOURCES: Final[Mapping[str, Callable[[Step], Argument | None]]] = {
    "company_id": _company,
    "ticket_id": _ticket,
    "contact_id": _contact,
    "user_id": _user,
    "to": _phone,
    "verification_sid": _verification,
    "code": _code,
    "text": _text,
    "notes": _work,
    "group_id": _group,
    "lifetime_minutes": _lifetime,
    "is_usable_once": _usable_once,
    "hours": _hours,
    "started_at": _started_at,
    "impact": _level("impact"),
    "urgency": _level("urgency"),
    **{f"{name}_id": _label(name) for name in LABELS},
}
"""Where each argument comes from, by its name: connectors call the same thing by the same name."""
