"""The rules of the house, ring by ring: what each refuses and lets through, and that a refusal is on the record."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from deskhand.automation.plan import Argument, Plan, PlannedStep, SourceKind
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.records.database import Records, url_of
from deskhand.records.runs import Run, StepRecord
from deskhand.sdk.actions import AnyAction, Inspection, Tier
from deskhand.sdk.models import Reference, TenantContext
from deskhand.workflow.arguments import arguments
from deskhand.workflow.calls import Call, Case, Mandate, RefusedError, RingName
from deskhand.workflow.gate import Gate
from deskhand.workflow.rings import CallRing, LeakRing, Missing, PlanRing, Rings, TenantRing, TicketRing
from tests.core.workflow.desk import Clock
from tests.core.workflow.office import (
    ACTIONS,
    ASKED,
    NAME,
    TENANT,
    TICKET,
    Code,
    Office,
    Target,
    Text,
    plan,
    returned,
    said,
    step,
)

NOTE = step("add_note", text=said("Done."))
MakeCase = Callable[..., Case]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "office.jsonl")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(url_of(tmp_path / "records.db"), clock=Clock())
    yield opened
    opened.close()


def context(tenant: str = TENANT, ticket: str = TICKET) -> TenantContext:
    return TenantContext(Reference(tenant, "Client"), ticket, requester=None, evidence=())


@pytest.fixture
def case(office: Office) -> MakeCase:
    """Make a case of one planned step; what is not said is as it should be."""

    def make(  # noqa: PLR0913  # each is one thing that can be wrong
        planned: PlannedStep = NOTE,
        *,
        values: Target | None = None,
        action: AnyAction | None = None,
        whole: Plan | None = None,
        inspection: Inspection | None = None,
        owner: TenantContext | None = None,
        is_planned: bool = True,
        is_undo: bool = False,
    ) -> Case:
        whole = whole or plan(planned)
        values = values or Text(company_id=TENANT, user_id="u-1", text="Done.")
        mandate = Mandate(whole, planned, "r-1", None, is_undo=is_undo) if is_planned else None
        call = Call(action or ACTIONS[planned.action], office, owner or context(), values, "key", mandate)
        return Case(call, inspection)

    return make


def of(tier: Tier, verb: str = "add_note") -> AnyAction:
    return replace(ACTIONS[f"{NAME}.{verb}"], tier=tier)


# The call


@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize("is_planned", [True, False])
def test_without_a_plan_only_the_psa_is_written_to_and_the_last_tier_never(
    case: MakeCase, tier: Tier, *, is_planned: bool
) -> None:
    objection = CallRing().objection(case(action=of(tier), is_planned=is_planned))
    if tier is Tier.NEVER_AUTOMATED:
        assert objection == "tier 4 is never automated"
    elif tier >= Tier.CLIENT_REVERSIBLE and not is_planned:
        assert objection is not None
        assert "needs an approval of a plan" in objection
    else:
        assert objection is None


def test_arguments_of_another_class_are_refused(case: MakeCase) -> None:
    assert CallRing().objection(case(values=Code(company_id=TENANT, user_id="u-1", code="1"))) == (
        "arguments are not Text"
    )


# The ticket


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({}, None),
        ({"is_planned": False}, None),
        ({"owner": context(ticket="101")}, "plan p-0000000000000001 is for another ticket than 101"),
        ({"whole": plan(NOTE, ticket="101")}, "plan p-0000000000000001 is for another ticket than 100"),
        ({"whole": plan(NOTE, tenant="8")}, "plan p-0000000000000001 is for another tenant than 7"),
        (
            {"values": Text(company_id="8", user_id="u-1", text="Done.")},
            "the call names another company than 7",
        ),
        (
            {"values": Text(company_id="", user_id="u-1", text="Done."), "is_planned": False},
            "the call names another company than 7",
        ),
        ({"owner": context("8")}, "the call names another company than 8"),
    ],
)
def test_ticket_and_company_are_the_ones_whose_tenant_was_established(
    case: MakeCase, parts: dict[str, object], reason: str | None
) -> None:
    assert TicketRing().objection(case(**parts)) == reason


# The plan


def test_a_call_that_is_as_planned_passes(case: MakeCase) -> None:
    assert PlanRing().objection(case()) is None
    assert PlanRing().objection(case(is_planned=False)) is None


def test_a_step_that_stands_in_no_plan_is_refused(case: MakeCase) -> None:
    other = step("add_note", text=said("Something else."))
    assert PlanRing().objection(case(whole=plan(other))) == "plan p-0000000000000001 has no such step add_note"


def test_another_action_than_the_planned_one_is_refused(case: MakeCase) -> None:
    action = ACTIONS[f"{NAME}.send_text"]
    assert (
        PlanRing().objection(case(action=action)) == "step add_note is office_file.add_note, not office_file.send_text"
    )


def test_an_undo_is_another_action_and_passes_only_as_one(case: MakeCase) -> None:
    undo = replace(ACTIONS[NOTE.action], name=f"{NOTE.action}.undo")
    assert PlanRing().objection(case(action=undo, is_undo=True)) is None
    assert PlanRing().objection(case(action=undo)) is not None
    assert PlanRing().objection(case(is_undo=True)) is not None


@pytest.mark.parametrize(
    "values",
    [
        Text(company_id=TENANT, user_id="u-1", text="Done"),
        Text(company_id=TENANT, user_id="u-2", text="Done."),
        Text(company_id="70", user_id="u-1", text="Done."),
    ],
)
def test_any_other_value_than_the_planned_one_is_refused(case: MakeCase, values: Text) -> None:
    assert PlanRing().objection(case(values=values)) == "step add_note was planned with other arguments"


def test_what_is_known_only_during_the_run_may_be_anything(case: MakeCase) -> None:
    late = step("check_code", code=ASKED)
    values = Code(company_id=TENANT, user_id="u-1", code="123456")
    assert PlanRing().objection(case(late, values=values)) is None
    changed = Code(company_id=TENANT, user_id="u-2", code="123456")
    assert PlanRing().objection(case(late, values=changed)) == "step check_code was planned with other arguments"


@pytest.mark.parametrize(
    "value", ["Please reset\nmy password", "two words", "", "+441632960001", "x" * 129, ["a"], {"a": "b"}, None, 1.5]
)
def test_free_text_of_a_ticket_is_no_argument(case: MakeCase, value: object) -> None:
    tainted = step("add_note", text=Argument.model_construct(source=SourceKind.TICKET, value=value, origin="x"))
    objection = PlanRing().objection(case(tainted))
    assert objection == "add_note.text is text from the ticket, not one of its identifiers"


@pytest.mark.parametrize("value", ["100", "u-1", "pat@client.example", "a" * 128, 7])
def test_an_identifier_of_a_ticket_is(case: MakeCase, value: str | int) -> None:
    planned = step("add_note", text=Argument(source=SourceKind.TICKET, value=value, origin="the ticket"))
    values = Text.model_construct(company_id=TENANT, user_id="u-1", text=value)
    assert "identifiers" not in (PlanRing().objection(case(planned, values=values)) or "")


def test_an_action_that_became_more_dangerous_since_it_was_planned_is_refused(case: MakeCase) -> None:
    objection = PlanRing().objection(case(action=of(Tier.HARD_GATE)))
    assert objection == "office_file.add_note is of tier 3 now and was planned as tier 1: make a new plan"
    needs_proof = replace(ACTIONS[NOTE.action], needs_proof=True)
    assert "identity proof now" in (PlanRing().objection(case(action=needs_proof)) or "")


# Late arguments


def test_an_earlier_step_must_have_returned_what_a_later_one_takes() -> None:
    later = step("send_text", text=returned("look.detail.phone"))
    run = Run(
        id="r-" + "0" * 16,
        plan_id="p-1",
        plan_sha256="",
        ticket_id=TICKET,
        tenant_id=TENANT,
        steps=(StepRecord(id="look", action="x", detail={"mail": "x"}), StepRecord(id="send_text", action="y")),
        requested_by="ann",
        started_at=Clock()(),
    )
    with pytest.raises(RefusedError, match=r"look\.detail\.phone, which is not there"):
        arguments(Text, later, run, "text")
    known = run.with_step("look", detail={"phone": "+44"})
    assert arguments(Text, later, known, "text") == Text(company_id=TENANT, user_id="u-1", text="+44")
    with pytest.raises(RefusedError, match="arguments that do not fit: text"):
        arguments(Text, later, run.with_step("look", detail={"phone": 7}), "text")


# Secrets


@pytest.mark.parametrize(
    "written", ["hush-hush-hush", "hush-hush", "aHVzaC1odXNoLWh1c2g", "687573682d687573682d68757368"]
)
def test_no_argument_carries_a_secret_of_the_desk(case: MakeCase, written: str) -> None:
    ring = LeakRing(LeakScanner({"the key": SecretStr("hush-hush-hush")}))
    objection = ring.objection(case(values=Text(company_id=TENANT, user_id="u-1", text=f"use {written}, please")))
    if written == "hush-hush":
        assert objection is None
    else:
        assert objection is not None
        assert objection.startswith("text holds a secret of this desk (the key, ")
        assert written not in objection


# The tenant of the target


@pytest.mark.parametrize("owner", ["8", "07", " 7", "７", "", "catch-all"])
@pytest.mark.parametrize("tier", [Tier.PSA_REVERSIBLE, Tier.CLIENT_REVERSIBLE, Tier.HARD_GATE])
def test_the_target_is_the_tenants_and_only_in_the_psa_may_it_be_nobodys(
    case: MakeCase, owner: str, tier: Tier
) -> None:
    ring = TenantRing(lambda: frozenset({"catch-all"}))
    assert ring.objection(case(action=of(tier), inspection=Inspection(TENANT, ()))) is None
    objection = ring.objection(case(action=of(tier), inspection=Inspection(owner, ())))
    is_nobodys = owner in {"", "catch-all"} and tier is Tier.PSA_REVERSIBLE
    assert objection == (None if is_nobodys else "the target does not belong to tenant 7")


# All of them together


def test_what_is_planned_is_refused_where_governance_is_left_out(
    case: MakeCase, records: Records, office: Office
) -> None:
    for ring in (RingName.POLICY, RingName.APPROVAL, RingName.PROOF):
        assert Missing(ring).objection(case(is_planned=False)) is None
    with pytest.raises(RefusedError, match="no policy is in force") as raised:
        Gate(records, "gate").perform(case().call)
    assert raised.value.ring is RingName.POLICY
    assert office.effects() == []


class Refusing:
    """A ring that says no."""

    def __init__(self, name: RingName) -> None:
        self.name = name

    def objection(self, _case: Case) -> str | None:
        return f"{self.name} says no"

    def stopped(self, _tenant: str, _connector: str, _automation: str, *, is_undo: bool = False) -> str | None:
        del is_undo
        return "stopped"


class Passing(Refusing):
    """A ring that says nothing."""

    def objection(self, _case: Case) -> str | None:
        return None


def rings(*, refusing: set[RingName]) -> Rings:
    def ring(name: RingName) -> Refusing:
        return (Refusing if name in refusing else Passing)(name)

    return Rings(
        switch=ring(RingName.KILL_SWITCH),
        policy=ring(RingName.POLICY),
        approval=ring(RingName.APPROVAL),
        proof=ring(RingName.PROOF),
        budget=ring(RingName.BUDGET),
    )


IN_ORDER = [RingName.KILL_SWITCH, RingName.POLICY, RingName.APPROVAL, RingName.PROOF, RingName.BUDGET]


@pytest.mark.parametrize("place", range(len(IN_ORDER)))
def test_the_first_ring_that_objects_refuses_and_its_name_and_reason_are_on_the_record(
    case: MakeCase, records: Records, office: Office, place: int
) -> None:
    asked: list[str] = []
    office.on_call = asked.append
    gate = Gate(records, "gate", governing=rings(refusing=set(IN_ORDER[place:])))
    with pytest.raises(RefusedError) as raised:
        gate.perform(case().call)
    assert raised.value.ring is IN_ORDER[place]
    assert office.effects() == []
    assert asked == ([] if place == 0 else ["add_note inspect"])
    (entry,) = records.audit_entries()
    assert (entry.kind, entry.tenant, entry.ticket) == ("gate.refused", TENANT, TICKET)
    assert entry.detail["ring"] == IN_ORDER[place]
    assert entry.detail["reason"] == f"{IN_ORDER[place]} says no"
    assert (entry.detail["run"], entry.detail["step"]) == ("r-1", "add_note")


def test_a_switch_thrown_while_the_target_is_looked_at_still_stops_the_call(
    case: MakeCase, records: Records, office: Office
) -> None:
    governing = rings(refusing=set())
    assert isinstance(governing.switch, Passing)
    switch = governing.switch

    def throw(_verb: str) -> None:
        switch.objection = lambda _case: "stopped"  # type: ignore[method-assign]  # as if somebody threw it now

    office.on_call = throw
    with pytest.raises(RefusedError, match="stopped"):
        Gate(records, "gate", governing=governing).perform(case().call)
    assert office.effects() == []


def test_looking_passes_the_same_rings_up_to_the_tenant_and_changes_nothing(
    case: MakeCase, records: Records, office: Office
) -> None:
    gate = Gate(records, "gate", governing=rings(refusing={RingName.POLICY, RingName.APPROVAL}))
    (change,) = gate.inspect(case().call).changes
    assert (change.field, change.desired) == ("note", "Done.")
    office.owner = "8"
    with pytest.raises(RefusedError, match="does not belong"):
        gate.inspect(case().call)
    stopped = Gate(records, "gate", governing=rings(refusing={RingName.KILL_SWITCH}))
    with pytest.raises(RefusedError):
        stopped.inspect(case().call)
    assert office.effects() == []
