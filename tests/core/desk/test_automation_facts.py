"""What an automation may know of a ticket: this client's records, unambiguous, or why there is no such fact."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from deskhand.agent.planning.facts import Label
from deskhand.automation.document import KIND_OF, Check, FactSource, Parameter, ParameterKind
from deskhand.automation.plan import Argument, Refusal, SourceKind
from deskhand.desk.automation_facts import LiveFacts, connectors_of, group_names, names_of, ticket_facts
from deskhand.sdk.models import Person, Reference, TenantContext, Ticket
from tests.core.automation.examples import ADA, CLIENT, CONTEXT, MOBILE, USER, ticket

OTHER = Reference("8", "Pellard")
WATCHED = datetime(2026, 1, 1, tzinfo=UTC)
GROUP = Reference("g1", "Sign-in review")


@dataclass
class Records:
    """One tenant's records, as a desk would read them."""

    contacts_by_id: dict[str, Person] = field(default_factory=lambda: {ADA.id: ADA})
    users: dict[str, Person] = field(
        default_factory=lambda: {"ada@marlow.example": Person(USER, "Ada King", CLIENT, ("ada@marlow.example",))}
    )
    groups: tuple[Reference, ...] = (GROUP,)
    asked: list[str] = field(default_factory=list)

    def contact(self, context: TenantContext, contact_id: str) -> Person | None:
        del context
        return self.contacts_by_id.get(contact_id)

    def contacts(self, context: TenantContext) -> tuple[Person, ...]:
        del context
        return tuple(self.contacts_by_id.values())

    def unreached(self, context: TenantContext, connector: str) -> str | None:
        del context, connector
        return None

    def user(self, context: TenantContext, connector: str, address: str) -> Person | None:
        del context
        return self.users.get(address) if connector == "identity_entra" else None

    def users_named(self, context: TenantContext, connector: str, name: str) -> tuple[Person, ...]:
        del context, connector, name
        return ()

    def groups_named(self, context: TenantContext, connector: str, name: str) -> tuple[Reference, ...]:
        del context
        self.asked.append(name)
        if connector != "identity_entra":
            return ()
        return tuple(each for each in self.groups if each.name.casefold() == name.casefold())

    def number_since(self, context: TenantContext, contact: Person, number: str) -> datetime | None:
        del context
        return WATCHED if number in contact.phones else None

    def labels(self, context: TenantContext, ticket: Ticket, label: Label) -> tuple[Reference, ...]:
        del context, ticket, label
        return ()

    def language(self, context: TenantContext, ticket: Ticket) -> str:
        del context, ticket
        return "en"


def live(records: Records | None = None, context: TenantContext = CONTEXT) -> LiveFacts:
    return LiveFacts(records or Records(), context, ticket(), ("identity_entra", "notify_twilio"))


def value(source: FactSource, records: Records | None = None, context: TenantContext = CONTEXT) -> Argument | Refusal:
    return live(records, context).value(Parameter(kind=KIND_OF[source], source=source))


def group(records: Records) -> Argument | Refusal:
    named = Parameter(kind=ParameterKind.IDENTIFIER, source=FactSource.DIRECTORY_GROUP, named="sign-in review")
    return live(records).value(named)


@pytest.mark.parametrize(
    ("source", "expected", "kind", "person"),
    [
        (FactSource.TENANT_ID, "7", SourceKind.TICKET, None),
        (FactSource.TENANT_NAME, "Marlow & Tern", SourceKind.TICKET, None),
        (FactSource.TICKET_ID, "100", SourceKind.TICKET, None),
        (FactSource.REQUESTER_CONTACT, "31", SourceKind.DIRECTORY, "31"),
        (FactSource.REQUESTER_NAME, "Ada King", SourceKind.DIRECTORY, "31"),
        (FactSource.REQUESTER_EMAIL, "ada@marlow.example", SourceKind.DIRECTORY, "31"),
        (FactSource.REQUESTER_MOBILE, MOBILE, SourceKind.DIRECTORY, "31"),
        (FactSource.REQUESTER_DIRECTORY_USER, USER, SourceKind.DIRECTORY, "31"),
    ],
)
def test_each_fact_has_its_source_and_its_person(
    source: FactSource, expected: str, kind: SourceKind, person: str | None
) -> None:
    found = value(source)
    assert isinstance(found, Argument)
    assert (found.value, found.source, found.person) == (expected, kind, person)


def test_a_requester_who_is_nobody_inactive_or_somebody_elses_has_no_facts() -> None:
    stranger = replace(CONTEXT, requester=None)
    elsewhere = Records({ADA.id: replace(ADA, company=OTHER)})
    for found in (
        value(FactSource.REQUESTER_MOBILE, context=stranger),
        value(FactSource.REQUESTER_MOBILE, Records({})),
        value(FactSource.REQUESTER_MOBILE, elsewhere),
        value(FactSource.REQUESTER_DIRECTORY_USER, elsewhere),
    ):
        assert isinstance(found, Refusal)
    assert live(Records({})).lacks(Check.REQUESTER_IS_KNOWN) is not None
    assert live(elsewhere).lacks(Check.REQUESTER_IS_ACTIVE) is not None
    assert live().lacks(Check.REQUESTER_IS_KNOWN) is None


def test_a_number_without_its_country_is_no_number() -> None:
    national = Records({ADA.id: replace(ADA, phones=("01632 960101",))})
    found = value(FactSource.REQUESTER_MOBILE, national)
    assert isinstance(found, Refusal)
    assert "contact 31" in found.detail
    assert live(national).lacks(Check.REQUESTER_HAS_MOBILE) == found.detail


def test_a_directory_user_is_one_of_this_client_and_only_one() -> None:
    mine = Person(USER, "Ada King", CLIENT)
    two = replace(ADA, emails=("a@marlow.example", "b@marlow.example"))
    several = Records({ADA.id: two}, {"a@marlow.example": mine, "b@marlow.example": replace(mine, id="other")})
    foreign = Records(users={"ada@marlow.example": replace(mine, company=OTHER)})
    for records in (several, foreign, Records(users={})):
        assert isinstance(value(FactSource.REQUESTER_DIRECTORY_USER, records), Refusal)
        assert live(records).lacks(Check.REQUESTER_HAS_DIRECTORY_USER) is not None


def test_a_group_is_exactly_one_of_that_name() -> None:
    found = group(Records())
    assert isinstance(found, Argument)
    assert found.value == "g1"
    for groups in ((), (GROUP, Reference("g2", "Sign-in Review"))):
        assert isinstance(group(Records(groups=groups)), Refusal)


def test_a_groups_name_is_found_among_the_words_of_what_was_done() -> None:
    records = Records()
    texts = ("Ada King in Sign-in review", "add the user to the group")
    assert group_names(live(records), "g1", texts) == {"g1": "Sign-in review"}
    assert group_names(live(records), "unknown", texts) == {}
    assert group_names(live(records), "g1", ("nothing of the kind " * 50,)) == {}
    assert len(records.asked) < 200


def test_a_draft_gets_every_fact_there_is_and_the_names_it_must_not_hold() -> None:
    people = [ADA, Person("32", "Reception", CLIENT)]
    found = ticket_facts(live(), {"g1": "Sign-in review"}, people)
    assert found.values[FactSource.REQUESTER_DIRECTORY_USER] == USER
    assert FactSource.REQUESTER_MOBILE in found.values
    assert found.names == ("Marlow & Tern", "Ada King")
    without = ticket_facts(live(Records(users={})), {}, people)
    assert FactSource.REQUESTER_DIRECTORY_USER not in without.values


def test_connectors_are_named_once_in_their_order() -> None:
    assert connectors_of(["b_x.one", "a_x.two", "b_x.three"]) == ("b_x", "a_x")
    assert names_of([]) == ()
