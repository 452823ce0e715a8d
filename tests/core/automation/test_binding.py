"""A plan holds facts of its tenant and reviewed constants, or there is none and every reason is said."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.automation.binding import bind
from deskhand.automation.document import Automation, Check, FactSource
from deskhand.automation.plan import Argument, Proposal, RefusalReason, SourceKind
from tests.core.automation.examples import (
    ACTIONS,
    ADA,
    CONTEXT,
    MOBILE,
    NOW,
    SHA,
    USER,
    Known,
    automation,
    fact,
    ticket,
)

PLAN = "p-0123456789abcdef"


def bound(
    document: Automation | None = None, facts: Known | None = None, now: datetime = NOW, number: str = "100"
) -> Proposal:
    return bind(
        document or automation(),
        facts or Known(),
        CONTEXT,
        ticket(number),
        actions=ACTIONS,
        sha256=SHA,
        plan_id=PLAN,
        requested_by="tess",
        now=now,
    )


def reasons(proposal: Proposal) -> list[str]:
    assert proposal.plan is None
    return [each.detail for each in proposal.refusals]


def test_every_value_is_a_fact_a_constant_or_late() -> None:
    plan = bound().plan
    assert plan is not None
    assert [step.id for step in plan.steps] == ["ask", "check", "reset", "tell"]
    assert plan.step("reset").arguments["user_id"] == fact(USER, "the requester's account")
    assert plan.step("ask").arguments["to"].value == MOBILE
    assert plan.step("tell").arguments["text"].source is SourceKind.CONSTANT
    assert plan.step("check").arguments["verification_sid"] == Argument(
        source=SourceKind.STEP, origin="ask.reference", person=ADA.id
    )
    assert plan.step("check").arguments["code"] == Argument(
        source=SourceKind.PROMPT, origin="Which code did they read out?", person=ADA.id
    )


def test_the_plan_is_pinned_and_knows_what_the_catalogue_knows() -> None:
    plan = bound().plan
    assert plan is not None
    assert plan.automation is not None
    assert (plan.automation.name, plan.automation.version, plan.automation.sha256) == ("locked-account", 1, SHA)
    assert plan.person is not None
    assert plan.person.id == ADA.id
    assert (plan.tenant.id, plan.ticket_id, plan.requested_by) == ("7", "100", "tess")
    assert plan.step("check").proves_identity
    assert (plan.step("reset").tier, plan.step("reset").needs_proof) == (3, True)
    assert plan.step("reset").irreversible == "The old one is unknown."


def test_a_missing_fact_is_said_once_and_nothing_is_planned() -> None:
    facts = Known()
    del facts.facts[FactSource.REQUESTER_MOBILE]
    assert reasons(bound(facts=facts)) == ["no requester.mobile on record"]


def test_every_precondition_that_fails_is_said() -> None:
    facts = Known(lacking={Check.REQUESTER_IS_KNOWN: "nobody knows them", Check.REQUESTER_HAS_MOBILE: "no number"})
    assert reasons(bound(facts=facts)) == ["nobody knows them", "no number"]


@pytest.mark.parametrize(
    ("hours", "is_open"), [(0, True), (-2, True), (-3, False), (7, True), (8, False), (-24, False)]
)
def test_office_hours_are_from_their_first_minute_to_before_their_last(hours: int, *, is_open: bool) -> None:
    proposal = bound(now=NOW + timedelta(hours=hours))
    assert (proposal.plan is not None) is is_open
    assert is_open or "outside 08:00–18:00" in reasons(proposal)[0]


def test_office_hours_are_on_the_clocks_of_their_zone() -> None:
    there = automation("zone: UTC", "zone: America/New_York")
    assert "outside" in reasons(bound(there))[0]
    assert bound(there, now=NOW + timedelta(hours=4)).plan is not None


def test_a_step_whose_condition_fails_is_left_out() -> None:
    document = automation(
        "    irreversible: A text", "    when: [requester_has_directory_user]\n    irreversible: A text"
    )
    lacking = Known(lacking={Check.REQUESTER_HAS_DIRECTORY_USER: "no account"})
    plan = bound(document, lacking).plan
    assert plan is not None
    assert [step.id for step in plan.steps] == ["ask", "check", "reset"]


def test_a_fact_that_does_not_fit_the_action_is_refused() -> None:
    facts = Known()
    facts.facts[FactSource.REQUESTER_MOBILE] = fact("ext. 4", "the requester's mobile number")
    assert "ask.to (the requester's mobile number)" in reasons(bound(facts=facts))[0]


@pytest.mark.parametrize("source", sorted(set(SourceKind) - {SourceKind.TICKET, SourceKind.DIRECTORY}))
def test_a_provider_cannot_pass_off_anything_else_as_a_fact(source: SourceKind) -> None:
    facts = Known()
    facts.facts[FactSource.REQUESTER_MOBILE] = fact(MOBILE, "somewhere", source)
    proposal = bound(facts=facts)
    assert "which is no fact" in reasons(proposal)[0]
    assert proposal.refusals[0].reason is RefusalReason.NOT_PERMITTED


def test_another_ticket_than_the_one_whose_tenant_is_known_is_refused() -> None:
    assert reasons(bound(number="101")) == ["whose ticket 101 is was not established"]


def test_what_no_longer_passes_its_checks_is_not_bound() -> None:
    proposal = bound(automation("    undo: restore\n", ""))
    assert "no longer passes its checks" in reasons(proposal)[0]


def test_a_question_may_stand_for_a_parameter() -> None:
    asked = automation(
        "{kind: phone, source: requester.mobile}", "{kind: phone, source: technician, question: 'Which number?'}"
    )
    plan = bound(asked).plan
    assert plan is not None
    assert plan.step("ask").arguments["to"] == Argument(source=SourceKind.PROMPT, origin="Which number?", person=ADA.id)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(FactSource)), st.text(max_size=40)), st.sets(st.sampled_from(list(Check))))
def test_no_value_is_in_a_plan_that_is_neither_a_fact_nor_a_constant(
    values: dict[FactSource, str], lacking: set[Check]
) -> None:
    facts = Known(
        facts={source: fact(value, source) for source, value in values.items()}, lacking=dict.fromkeys(lacking, "no")
    )
    document = automation()
    constants = [
        each.constant for step in document.steps for each in step.arguments.values() if each.kind == "constant"
    ]
    proposal = bound(document, facts)
    if proposal.plan is None:
        assert proposal.refusals
        return
    for step in proposal.plan.steps:
        for argument in step.arguments.values():
            assert argument.value is None if argument.is_late else argument.value in [*values.values(), *constants]
