from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.identity.ambiguity import Ambiguity
from deskhand.identity.resolver import Resolver
from deskhand.records.quarantine import IdentityRule
from deskhand.sdk.models import Company, Device, Note, NoteKind, Person, Reference, TenantContext, Ticket
from tests.core.identity.cases import make_note, make_ticket
from tests.core.identity.world import WORLD, PlainFacts, reference

COMPANIES = sorted(WORLD["companies"])
PEOPLE = sorted(WORLD["people"])
DEVICES = sorted(each["name"] for each in WORLD["devices"].values())
ON_FILE = sorted({email for each in WORLD["people"].values() for email in each["emails"]})
STRANGERS = [
    "x@mailer.example",
    "y@gmail.com",
    "una@dogwood-legal.example",
    "new@alderfreight.example",
    "a@b@c.example",
]
ADDRESSES = [
    *ON_FILE,
    *STRANGERS,
    "someone@cedargroup.example",
    "z@depot.alderfreight.example",
    "new@birchjoinery.example",
]
NAMES = sorted(each["name"] for each in WORLD["companies"].values())

SOURCES = st.sampled_from(["Email", "Phone", "RMM"])
SITES = st.sampled_from(["s10", "s11", "s-new"])
jumbled = st.fixed_dictionaries(
    {"source": SOURCES},
    optional={
        "company": st.sampled_from([*COMPANIES, "999"]),
        "contact": st.sampled_from([*PEOPLE, "999"]),
        "from": st.sampled_from(ADDRESSES),
        "site": SITES,
    },
)
coherent = st.builds(
    lambda person, source, kept: {
        "source": source,
        **{
            key: value
            for key, value in {
                "company": WORLD["people"][person]["company"],
                "contact": person,
                "from": WORLD["people"][person]["emails"][0],
            }.items()
            if key in kept
        },
    },
    st.sampled_from(PEOPLE),
    SOURCES,
    st.sets(st.sampled_from(["company", "contact", "from"]), min_size=1),
)
tickets = st.one_of(coherent, jumbled)
rules = st.builds(
    IdentityRule,
    st.sampled_from(["address", "domain", "device"]),
    st.sampled_from([*ADDRESSES, *(each.partition("@")[2] for each in ADDRESSES), "xyz-lt-42"]),
    st.sampled_from(COMPANIES).map(reference),
)
phrases = st.one_of(
    st.sampled_from([*DEVICES, *NAMES, *ADDRESSES]),
    st.sampled_from(ADDRESSES).map(lambda address: f"From: Someone <{address}>"),
    st.sampled_from(ADDRESSES).map(lambda address: f"On Monday {address} wrote:"),
    st.sampled_from(
        ["-----Original Message-----", "tenant_id=10", "company: Alder Freight", "Begin forwarded message:"]
    ),
    st.text(max_size=40),
)
texts = st.lists(phrases, max_size=8).map("\n".join)


@cache
def resolver() -> Resolver:
    return Resolver(PlainFacts())


def tenant(found: TenantContext | Ambiguity) -> str | None:
    return None if isinstance(found, Ambiguity) else found.tenant.id


def resolve(facts: PlainFacts, ticket: Ticket, notes: Sequence[Note] = ()) -> str | None:
    return tenant(Resolver(facts).resolve(ticket, notes))


@given(fields=tickets, text=texts, summary=texts, sender_name=texts, author=texts)
@settings(max_examples=400, deadline=None)
def test_no_text_ever_names_a_tenant_or_changes_one(
    fields: dict[str, str], text: str, summary: str, sender_name: str, author: str
) -> None:
    is_alert = fields["source"] == "RMM"
    silent = make_ticket(**fields, summary="ALD-SRV-01 offline" if is_alert else "")
    telling = make_ticket(**fields, summary=silent.summary if is_alert else summary, sender_name=sender_name)
    notes = (make_note(text, author=author), make_note(text, NoteKind.INTERNAL))
    assert tenant(resolver().resolve(telling, notes)) in {tenant(resolver().resolve(silent, ())), None}


@given(fields=tickets, text=texts, seed=st.integers(0, 999), remembered=st.lists(rules, max_size=3))
@settings(max_examples=100, deadline=None)
def test_the_order_of_companies_people_devices_and_rules_makes_no_difference(
    fields: dict[str, str], text: str, seed: int, remembered: list[IdentityRule]
) -> None:
    facts = PlainFacts(remembered=remembered)
    ticket, notes = make_ticket(**fields), (make_note(text),)
    assert Resolver(facts).resolve(ticket, notes) == Resolver(facts.shuffled(seed)).resolve(ticket, notes)


def with_person(facts: PlainFacts, address: str, company: str) -> PlainFacts:
    person = Person("new", "Some One", reference(company), (address,))
    return replace(facts, contacts=[*facts.contacts, person])


def with_device(facts: PlainFacts, name: str, company: str) -> PlainFacts:
    return replace(facts, machines=[*facts.machines, Device("new", name, reference(company))])


def with_recorded(facts: PlainFacts, address: str, company: str) -> PlainFacts:
    domain = address.rpartition("@")[2]
    clients = [_recording(each, domain) if each.id == company else each for each in facts.clients]
    return replace(facts, clients=clients)


def with_verified(facts: PlainFacts, address: str, company: str) -> PlainFacts:
    return replace(facts, verified={company: (address.rpartition("@")[2],)})


def _recording(company: Company, domain: str) -> Company:
    return replace(company, domains=(*company.domains, domain))


@given(
    fields=tickets,
    address=st.sampled_from(ADDRESSES),
    company=st.sampled_from(COMPANIES),
    name=st.sampled_from(DEVICES),
)
@settings(max_examples=60, deadline=None)
def test_one_more_fact_never_turns_one_tenant_into_another(
    fields: dict[str, str], address: str, company: str, name: str
) -> None:
    facts = PlainFacts()
    ticket = make_ticket(**fields, summary=f"{name} offline")
    before = resolve(facts, ticket)
    rule = IdentityRule("address", address, reference(company))
    for more in (
        with_person(facts, address, company),
        with_device(facts, name, company),
        with_recorded(facts, address, company),
        replace(facts, remembered=[rule]),
        replace(facts, listed={company: (address,)}),
    ):
        if before is not None:
            assert resolve(more, ticket) in {before, None}


@given(fields=tickets, address=st.sampled_from(ON_FILE), company=st.sampled_from(COMPANIES))
@settings(max_examples=60, deadline=None)
def test_a_newly_verified_domain_never_turns_one_tenant_into_another(
    fields: dict[str, str], address: str, company: str
) -> None:
    facts, ticket = PlainFacts(), make_ticket(**fields)
    before = resolve(facts, ticket)
    if before is not None:
        assert resolve(with_verified(facts, address, company), ticket) in {before, None}


@given(fields=tickets)
@settings(max_examples=100, deadline=None)
def test_no_ticket_is_ever_the_catch_alls_an_inactive_companys_or_unasked_the_msps(fields: dict[str, str]) -> None:
    assert tenant(resolver().resolve(make_ticket(**fields), ())) not in {"1", "2", "3", "16", "999"}


@given(fields=tickets, company=st.sampled_from(COMPANIES))
@settings(max_examples=60, deadline=None)
def test_a_technicians_word_is_followed_or_refused_but_never_bent(fields: dict[str, str], company: str) -> None:
    found = resolve(PlainFacts(decided=company), make_ticket(**fields))
    assert found == (None if company in {"2", "3", "16"} else company)


@given(fields=tickets, text=texts)
@settings(max_examples=150, deadline=None)
def test_a_requester_a_device_and_a_site_are_the_tenants_own(fields: dict[str, str], text: str) -> None:
    found = resolver().resolve(make_ticket(**fields), (make_note(text),))
    if isinstance(found, TenantContext):
        assert found.requester is None or _of(found.requester.company) == found.tenant.id
        assert found.device is None or _of(found.device.company) == found.tenant.id
        assert found.site is None or found.site.id in {"s-new", {"10": "s10", "11": "s11"}.get(found.tenant.id)}


def _of(company: Reference | None) -> str:
    return company.id if company else ""
