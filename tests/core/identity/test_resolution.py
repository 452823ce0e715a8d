import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.identity.ambiguity import Ambiguity
from deskhand.identity.resolution import Remembered, RuleRefusedError, remember
from deskhand.identity.resolver import Resolver
from deskhand.records.quarantine import IdentityRule
from deskhand.sdk.models import TenantContext, Ticket
from tests.core.identity.cases import ALL, Case, make_ticket
from tests.core.identity.world import WORLD, PlainFacts, reference

KINDS: tuple[Remembered, ...] = ("address", "domain", "device")


def mail(address: str, **fields: str) -> Ticket:
    return make_ticket(**{"company": "2", "from": address, **fields})


def made(kind: Remembered, ticket: Ticket, tenant: str, facts: PlainFacts | None = None) -> IdentityRule:
    return remember(kind, ticket, reference(tenant), facts or PlainFacts())


@pytest.mark.parametrize(
    ("kind", "ticket", "tenant", "value"),
    [
        ("address", mail("D.Wexcombe+x@Wexcombe.example"), "10", "d.wexcombe@wexcombe.example"),
        ("address", mail("annprivate@gmail.com"), "10", "annprivate@gmail.com"),
        ("address", mail("imo@ledgerly.example"), "14", "imo@ledgerly.example"),
        ("address", mail("someone@cedargroup.example"), "13", "someone@cedargroup.example"),
        ("address", mail("web@birchjoinery.example"), "19", "web@birchjoinery.example"),
        ("address", mail("olu@quillmere.example", company="1"), "1", "olu@quillmere.example"),
        ("domain", mail("d.wexcombe@WEXCOMBE.example"), "10", "wexcombe.example"),
        ("domain", mail("new@hawthornpike.example"), "23", "hawthornpike.example"),
        ("device", make_ticket(company="2", source="RMM", summary="Offline: XYZ-LT-42"), "11", "xyz-lt-42"),
    ],
)
def test_what_is_remembered_settles_the_next_ticket_of_its_kind(
    kind: Remembered, ticket: Ticket, tenant: str, value: str
) -> None:
    facts = PlainFacts()
    assert isinstance(Resolver(facts).resolve(ticket, ()), Ambiguity)
    rule = made(kind, ticket, tenant)
    assert rule == IdentityRule(kind, value, reference(tenant))
    found = Resolver(replace(facts, remembered=[rule])).resolve(ticket, ())
    if ticket.contact_email != "web@birchjoinery.example":
        assert isinstance(found, TenantContext)
        assert found.tenant == reference(tenant)


@pytest.mark.parametrize(
    ("kind", "ticket", "tenant", "why"),
    [
        ("domain", mail("annprivate@gmail.com"), "10", "anyone can have an address at gmail.com"),
        ("domain", mail("tia@quillmere.example"), "10", "quillmere.example is the MSP's own"),
        ("address", mail("tia@quillmere.example"), "10", "quillmere.example is the MSP's own"),
        ("domain", mail("tia@quillmere.example"), "1", "only addresses"),
        ("domain", mail("x@dogwoodlegal.example"), "10", "verified for company 14"),
        ("address", mail("x@dogwoodlegal.example"), "10", "verified for company 14"),
        ("domain", mail("x@cedargroup.example"), "12", "company 13 writes from"),
        ("domain", mail("x@birchjoinery.example"), "19", "company 11 writes from"),
        ("domain", mail("imo@ledgerly.example"), "14", "company 10 writes from"),
        ("domain", mail("u@dogwood-legal.example"), "14", "mistaken for the client domain dogwoodlegal.example"),
        ("address", mail("u@dogwood-legal.example"), "14", "mistaken for the client domain dogwoodlegal.example"),
        ("address", mail("parkside-reception@parkside.example"), "20", "identity.shared_mailboxes"),
        ("address", mail("nan.crumb@gmail.com"), "10", "contact of company 15"),
        ("address", mail("no-reply@microsoft.com"), "10", "a service"),
        ("address", mail("a@b@c.example"), "10", "no plain sender's address"),
        ("address", make_ticket(company="10"), "10", "no plain sender's address"),
        ("address", mail("d.wexcombe@wexcombe.example"), "16", "no active client"),
        ("address", mail("d.wexcombe@wexcombe.example"), "2", "no active client"),
        ("address", mail("d.wexcombe@wexcombe.example"), "777", "no active client"),
        ("device", make_ticket(company="2", source="RMM", summary="DC01 offline"), "10", "company 14 has a device"),
        ("device", make_ticket(company="2", source="RMM", summary="A-1-B and C-2-D"), "10", "exactly one device"),
        ("device", make_ticket(company="2", source="RMM", summary="Offline"), "10", "exactly one device"),
        ("device", make_ticket(company="2", summary="Offline: XYZ-LT-42"), "10", "identity.alert_sources"),
    ],
)
def test_a_dangerous_rule_is_refused_and_the_reason_says_what_to_do(
    kind: Remembered, ticket: Ticket, tenant: str, why: str
) -> None:
    with pytest.raises(RuleRefusedError, match=why):
        made(kind, ticket, tenant)


def test_one_of_several_devices_can_be_named() -> None:
    ticket = make_ticket(company="2", source="RMM", summary="Replication XYZ-LT-42 to XYZ-LT-43 failed")
    rule = remember("device", ticket, reference("11"), PlainFacts(), device="xyz-LT-43")
    assert rule.value == "xyz-lt-43"


ABSTAINED = [case for case in ALL if case.tenant is None and "ruling" not in case.table]


def test_what_a_suggestion_offers_to_remember_is_not_refused() -> None:
    offers = 0
    for case in ABSTAINED:
        found = Resolver(case.facts).resolve(case.ticket, case.notes)
        assert isinstance(found, Ambiguity)
        for tenant, kind in re.findall(r"--tenant (\d+) --remember (\w+)", found.suggestion):
            offers += 1
            assert remember(kind, case.ticket, reference(tenant), case.facts).tenant == reference(tenant), case.name
    assert offers > 5


BEFORE = [(case, Resolver(case.facts).resolve(case.ticket, case.notes)) for case in ALL if case.tenant][::5]


@given(case=st.sampled_from(ABSTAINED), kind=st.sampled_from(KINDS), tenant=st.sampled_from(sorted(WORLD["companies"])))
@settings(max_examples=60, deadline=None)
def test_a_rule_that_was_granted_never_makes_another_ticket_change_tenant(
    case: Case, kind: Remembered, tenant: str
) -> None:
    try:
        rule = remember(kind, case.ticket, reference(tenant), PlainFacts())
    except RuleRefusedError:
        return
    for other, before in BEFORE:
        facts = replace(other.facts, remembered=[*other.rules, rule])
        after = Resolver(facts).resolve(other.ticket, other.notes)
        if isinstance(before, TenantContext) and isinstance(after, TenantContext):
            assert after.tenant == before.tenant
