"""Values of one ticket become parameters: each is replaced by the fact it was, and what is no fact is asked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from deskhand.automation.document import KIND_OF, FactSource, Given, Parameter, ParameterKind
from deskhand.automation.personal import Names, looks_personal, texts_of
from deskhand.automation.plan import Argument, SourceKind

FIELDS: Mapping[str, FactSource] = {
    "ticket_id": FactSource.TICKET_ID,
    "company_id": FactSource.TENANT_ID,
    "user_id": FactSource.REQUESTER_DIRECTORY_USER,
    "to": FactSource.REQUESTER_MOBILE,
}
"""What arguments of these names are about, where two facts of a ticket happen to have one value."""

LISTED = frozenset({"type_id", "subtype_id", "item_id", "priority_id", "status_id"})
"""Arguments that name a value the MSP's own boards list: the same one for the next ticket."""

_NAMES: Mapping[FactSource, str] = {
    FactSource.REQUESTER_CONTACT: "contact",
    FactSource.REQUESTER_NAME: "name",
    FactSource.REQUESTER_EMAIL: "address",
    FactSource.REQUESTER_MOBILE: "mobile",
    FactSource.REQUESTER_DIRECTORY_USER: "user",
    FactSource.TENANT_ID: "company",
    FactSource.TENANT_NAME: "company_name",
    FactSource.TICKET_ID: "ticket",
}
_LONGEST_QUESTION = 150


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """What was known of the example's ticket: the value of each fact, the directory's groups by id, and names.

    ``names`` are people and clients whose names must not get into a document.
    """

    values: Mapping[FactSource, JsonValue] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    names: Collection[str] = ()


@dataclass(slots=True)
class Lifting:
    """Gathers parameters while steps are lifted, and remarks about what a person should look at."""

    facts: TicketFacts
    parameters: dict[str, Parameter] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def lift(self, step_id: str, title: str, name: str, argument: Argument, kept: Collection[str]) -> Given:
        """Say where an argument comes from on the next ticket. ``kept`` are the ids of the steps before it."""
        if argument.source is SourceKind.STEP and argument.origin.partition(".")[0] in kept:
            return Given(step=argument.origin)
        if argument.source is SourceKind.PROMPT:
            return Given(prompt=argument.origin[:_LONGEST_QUESTION])
        return self._known(name, argument) or self._kept(step_id, title, name, argument)

    def _known(self, name: str, argument: Argument) -> Given | None:
        """Give the parameter for a value that is a fact of the ticket."""
        source = self._fact(name, argument.value)
        if source is not None:
            return self.parameter(source)
        group = self.facts.groups.get(argument.value) if isinstance(argument.value, str) else None
        return None if group is None else self.group(group)

    def _kept(self, step_id: str, title: str, name: str, argument: Argument) -> Given:
        """Keep a value that is right for every ticket, and have any other asked for."""
        if name in LISTED and argument.source is SourceKind.DIRECTORY:
            self.remarks.append(f"{step_id}.{name} is one of this board's values: it fits tickets of this board.")
            return Given(constant=argument.value)
        if argument.source in {SourceKind.TECHNICIAN, SourceKind.CONSTANT} and not self._is_personal(argument.value):
            return Given(constant=argument.value)
        self.remarks.append(
            f"{step_id}.{name} was of this one ticket ({argument.origin}); no fact tells it for the next: it is asked."
        )
        return ask(title, name)

    def parameter(self, source: FactSource) -> Given:
        """Give the parameter of a fact, which joins the parameters with its first use."""
        name = _NAMES[source]
        self.parameters.setdefault(name, Parameter(kind=KIND_OF[source], source=source))
        return Given(parameter=name)

    def group(self, named: str) -> Given:
        """Give the parameter of a group by its name."""
        source = FactSource.DIRECTORY_GROUP
        taken = [name for name, each in self.parameters.items() if each.source is source and each.named != named]
        name = f"group_{len(taken) + 1}" if taken else "group"
        self.parameters[name] = Parameter(kind=ParameterKind.IDENTIFIER, source=source, named=named)
        return Given(parameter=name)

    def _fact(self, name: str, value: JsonValue) -> FactSource | None:
        if not isinstance(value, str) or not value:
            return None
        fitting = [source for source, held in self.facts.values.items() if held == value and source in _NAMES]
        expected = FIELDS.get(name)
        return expected if expected in fitting else next(iter(fitting), None)

    def _is_personal(self, value: JsonValue) -> bool:
        names = Names.of(self.facts.names)
        return any(looks_personal(text, names) for text in texts_of(value))


def ask(title: str, name: str) -> Given:
    """Have a technician say it while the run waits."""
    return Given(prompt=f"{title}: which {name.replace('_', ' ')}?"[:_LONGEST_QUESTION])
