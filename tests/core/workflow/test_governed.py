"""The rings governance joins: what a switch, an approval, a proof and policy refuse at the gate, call by call."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.automation.plan import Argument, AutomationPin, Plan, PlannedStep, SourceKind
from deskhand.governance import proof
from deskhand.governance.decisions import recorded
from deskhand.governance.permission import LivePermissions
from deskhand.governance.proof import ProofMethod, Shown
from deskhand.records import accounts, approvals, grants, proofs, switches
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.records.database import url_of
from deskhand.records.grants import Grant, Mode
from deskhand.records.proofs import ProofState
from deskhand.records.schema import approvals as approvals_table
from deskhand.records.switches import Level
from deskhand.sdk.actions import Inspection
from deskhand.workflow.calls import Call, Case, Mandate, RefusedError, RingName
from deskhand.workflow.governed import ApprovalRing, PolicyRing, ProofRing, governed
from deskhand.workflow.rings import PlanRing
from tests.core.workflow.desk import Desk
from tests.core.workflow.office import ACTIONS, ASKED, NAME, PERSON, TENANT, plan, said, step

JOIN = step("join_group", group=said("vpn"))
RESET = step("reset_password")
NOBODY = "it needs an approval, and there is none"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk.open(url_of(tmp_path / "records.db"), tmp_path)
    yield opened
    opened.close()


def case(
    desk: Desk,
    whole: Plan,
    approval: str | None,
    *,
    place: int = 0,
    is_privileged: bool = False,
    is_undo: bool = False,
) -> Case:
    planned = whole.steps[place]
    action = ACTIONS[planned.action]
    values = {name: each.value for name, each in planned.arguments.items()}
    mandate = Mandate(whole, planned, "r-1", approval, is_undo=is_undo)
    context = desk.context_of(whole.ticket_id)
    call = Call(action, desk.office, context, action.arguments.model_validate(values), "key", mandate)
    return Case(call, Inspection(TENANT, (), is_privileged=is_privileged))


def used(desk: Desk, whole: Plan) -> Approval:
    given = desk.approved(whole)
    with desk.records.transaction("ann") as transaction:
        return approvals.move(transaction, given, ApprovalState.USED)


def altered(desk: Desk, approval: Approval, **values: str | None) -> None:
    with desk.records.transaction("thief") as transaction:
        transaction.update(approvals_table, {"id": approval.id}, values)
        transaction.audit("test.altered")


# Kill switch


@pytest.mark.parametrize(
    ("level", "subject", "stops"),
    [
        (Level.GLOBAL, "", True),
        (Level.TENANT, TENANT, True),
        (Level.TENANT, "8", False),
        (Level.CONNECTOR, NAME, True),
        (Level.CONNECTOR, "psa_other", False),
        (Level.AUTOMATION, "unlock", True),
        (Level.AUTOMATION, "other", False),
    ],
)
def test_a_thrown_switch_refuses_what_it_is_about_from_the_next_call_on(
    desk: Desk, level: Level, subject: str, *, stops: bool
) -> None:
    switch = governed(desk.records, desk.clock).switch
    assert switch is not None
    pinned = case(desk, plan(JOIN, pin=AutomationPin(name="unlock", version=1, sha256="0" * 64)), None)
    assert switch.objection(pinned) is None
    with desk.records.transaction("cleo") as transaction:
        switches.throw(transaction, level, subject, by="cleo", reason="too many texts")
    objection = switch.objection(pinned)
    assert (objection is not None) is stops
    assert objection is None or "too many texts" in objection
    with desk.records.transaction("cleo") as transaction:
        switches.release(transaction, level, subject, by="cleo", reason="mended")
    assert switch.objection(pinned) is None


# Approval


def approval_ring(desk: Desk) -> ApprovalRing:
    ring = governed(desk.records, desk.clock).approval
    assert isinstance(ring, ApprovalRing)
    return ring


def test_a_used_approval_of_this_very_plan_passes(desk: Desk) -> None:
    whole = plan(JOIN)
    assert approval_ring(desk).objection(case(desk, whole, used(desk, whole).id)) is None


def test_without_an_approval_or_with_one_that_is_none_the_call_is_refused(desk: Desk) -> None:
    assert approval_ring(desk).objection(case(desk, plan(RESET), None)) == NOBODY
    assert approval_ring(desk).objection(case(desk, plan(JOIN), None, is_privileged=True)) == NOBODY
    by_itself = plan(JOIN, requested_by="automation:unlock")
    assert approval_ring(desk).objection(case(desk, by_itself, None)) == NOBODY
    assert approval_ring(desk).objection(case(desk, plan(JOIN), "a-none")) == "there is no approval a-none"


def test_whether_a_grant_spares_a_technician_the_approval_of_tier_2_is_for_policy_to_say(desk: Desk) -> None:
    asked = case(desk, plan(JOIN), None)
    assert approval_ring(desk).objection(asked) is None
    assert policy_ring(desk).objection(asked) == "It takes the approval of someone else."
    put_in_force(desk, Grant(tenant_id=TENANT, subject=f"action:{JOIN.action}", mode=Mode.AUTO))
    assert policy_ring(desk).objection(asked) is None


def test_the_psa_needs_no_approval_unless_the_target_is_privileged(desk: Desk) -> None:
    whole = plan(step("add_note", text=said("x")))
    assert approval_ring(desk).objection(case(desk, whole, None)) is None
    assert approval_ring(desk).objection(case(desk, whole, None, is_privileged=True)) == NOBODY
    assert approval_ring(desk).objection(case(desk, whole, used(desk, whole).id, is_privileged=True)) is None


@pytest.mark.parametrize("state", [each for each in ApprovalState if each is not ApprovalState.USED])
def test_an_approval_in_any_other_state_is_refused(desk: Desk, state: ApprovalState) -> None:
    whole = plan(JOIN)
    approval = used(desk, whole)
    altered(desk, approval, state=state.value)
    objection = approval_ring(desk).objection(case(desk, whole, approval.id))
    assert objection == f"approval {approval.id} is {state.value}, and not one this run was started by"


def one_byte_off(planned: PlannedStep) -> list[PlannedStep]:
    """Every way to change one thing of a step."""
    argument = planned.arguments["group"]
    return [
        planned.model_copy(update={"title": planned.title + " "}),
        planned.model_copy(update={"tier": 3}),
        planned.model_copy(update={"irreversible": "x"}),
        planned.model_copy(update={"clause": "x"}),
        planned.model_copy(update={"needs_proof": True}),
        *(
            planned.model_copy(update={"arguments": {**planned.arguments, "group": argument.model_copy(update=change)}})
            for change in ({"value": "vpn "}, {"value": "vpm"}, {"origin": "x"}, {"source": SourceKind.CONSTANT})
        ),
    ]


@pytest.mark.parametrize("place", range(9))
def test_an_approval_of_a_plan_that_differs_by_a_byte_is_refused(desk: Desk, place: int) -> None:
    approval = used(desk, plan(JOIN))
    changed = plan(one_byte_off(JOIN)[place])
    assert approval_ring(desk).objection(case(desk, changed, approval.id)) == (
        f"approval {approval.id} was given for another plan"
    )


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (plan(JOIN, number=2), "another plan"),
        (plan(JOIN, ticket="101"), "another ticket or client"),
        (plan(JOIN, tenant="8"), "another ticket or client"),
        (plan(JOIN, requested_by="cleo"), "another plan"),
        (plan(JOIN, JOIN.model_copy(update={"id": "more"})), "another plan"),
    ],
)
def test_an_approval_serves_no_other_plan_ticket_or_client(desk: Desk, other: Plan, reason: str) -> None:
    approval = used(desk, plan(JOIN))
    objection = approval_ring(desk).objection(case(desk, other, approval.id))
    assert objection == f"approval {approval.id} was given for {reason}"


@pytest.mark.parametrize("approver", ["ann", None])
def test_ones_own_approval_is_refused_at_the_gate_too(desk: Desk, approver: str | None) -> None:
    whole = plan(JOIN)
    approval = used(desk, whole)
    altered(desk, approval, decided_by=approver)
    objection = approval_ring(desk).objection(case(desk, whole, approval.id))
    assert objection == f"approval {approval.id} was given by whoever asked for it"


@pytest.mark.parametrize(
    ("votes", "quorum", "reason"),
    [
        (["bob"], 2, "takes 2 people, and fewer approved it"),
        (["bob", "bob"], 2, "takes 2 people, and fewer approved it"),
        (["bob", "ann"], 2, "was given by whoever asked for it"),
        ([], 1, "takes 1 people, and fewer approved it"),
    ],
)
def test_a_vote_too_few_or_ones_own_among_them_is_refused_at_the_gate_too(
    desk: Desk, votes: list[str], quorum: int, reason: str
) -> None:
    whole = plan(JOIN)
    approval = used(desk, whole)
    cast = [{"by": by, "verdict": "approve", "at": desk.clock.now.isoformat()} for by in votes]
    altered(desk, approval, document=json.dumps({"own": list(approval.own), "quorum": quorum, "votes": cast}))
    assert reason in (approval_ring(desk).objection(case(desk, whole, approval.id)) or "")


def test_a_vote_in_the_place_of_whoever_asked_is_refused_at_the_gate_too(desk: Desk) -> None:
    whole = plan(JOIN)
    approval = used(desk, whole)
    cast = {"by": "bob", "verdict": "approve", "at": desk.clock.now.isoformat(), "on_behalf_of": "ann"}
    altered(desk, approval, document=json.dumps({"own": list(approval.own), "votes": [cast]}))
    objection = approval_ring(desk).objection(case(desk, whole, approval.id))
    assert objection == f"approval {approval.id} was given by whoever asked for it"


def test_an_approval_holds_until_it_expires_and_what_it_allowed_may_be_undone_after(desk: Desk) -> None:
    whole = plan(JOIN)
    approval = used(desk, whole)
    ring = approval_ring(desk)
    desk.clock.now = approval.expires_at - timedelta(milliseconds=5)
    assert ring.objection(case(desk, whole, approval.id)) is None
    desk.clock.now = approval.expires_at
    assert ring.objection(case(desk, whole, approval.id)) == f"approval {approval.id} has expired: make a new plan"
    assert ring.objection(case(desk, whole, approval.id, is_undo=True)) is None


def test_a_standing_approval_covers_the_client_tier_and_no_privileged_target(desk: Desk) -> None:
    ring = replace(approval_ring(desk), standing=lambda _plan: None)
    by_itself = plan(JOIN, requested_by="automation:unlock")
    assert ring.objection(case(desk, by_itself, None)) is None
    assert ring.objection(case(desk, by_itself, None, is_privileged=True)) == NOBODY
    assert ring.objection(case(desk, plan(RESET, requested_by="automation:unlock"), None)) == NOBODY


# Proof


def proven(
    desk: Desk,
    whole: Plan,
    *,
    person: str = PERSON,
    method: ProofMethod = ProofMethod.CODE,
    days: float | None = None,
) -> None:
    since = None if days is None else desk.clock.now - timedelta(days=days)
    with desk.records.transaction("test") as transaction:
        proof.record(transaction, Shown(person, whole.ticket_id, TENANT, whole.id, method, "office", since))


def proof_ring(desk: Desk) -> ProofRing:
    return ProofRing(desk.records, desk.clock)


def test_what_hands_a_person_access_waits_for_their_proof(desk: Desk) -> None:
    whole = plan(RESET)
    ring = proof_ring(desk)
    assert "has not proven who they are" in (ring.objection(case(desk, whole, None)) or "")
    proven(desk, whole)
    assert ring.objection(case(desk, whole, None)) is None
    assert proof_ring(desk).objection(case(desk, plan(JOIN), None)) is None


@pytest.mark.parametrize("minutes", [9.9, 10.1])
def test_a_proof_lasts_ten_minutes(desk: Desk, minutes: float) -> None:
    whole = plan(RESET)
    proven(desk, whole)
    desk.clock.move(minutes=minutes)
    assert (proof_ring(desk).objection(case(desk, whole, None)) is None) is (minutes < 10)


@pytest.mark.parametrize(
    "proven_plan", [plan(RESET, number=2), plan(RESET, ticket="101"), plan(RESET, tenant="8", number=3)]
)
def test_a_proof_for_another_plan_or_ticket_is_none(desk: Desk, proven_plan: Plan) -> None:
    proven(desk, proven_plan)
    assert proof_ring(desk).objection(case(desk, plan(RESET), None)) is not None


def test_a_proof_of_another_person_is_none(desk: Desk) -> None:
    proven(desk, plan(RESET), person="32")
    assert proof_ring(desk).objection(case(desk, plan(RESET), None)) is not None


@pytest.mark.parametrize("person", ["32", None])
def test_a_step_about_somebody_else_than_the_proven_person_is_refused(desk: Desk, person: str | None) -> None:
    other = Argument(source=SourceKind.DIRECTORY, value="u-2", origin="a user", person=person)
    whole = plan(step("reset_password", user_id=other))
    proven(desk, whole)
    objection = proof_ring(desk).objection(case(desk, whole, None))
    assert objection == "step reset_password is not about the person whose proof this plan has"


def test_who_is_locked_on_the_ticket_is_told_so_and_asked_for_no_other_proof(desk: Desk) -> None:
    whole = plan(JOIN, RESET)
    asking, needing = case(desk, whole, None), case(desk, whole, None, place=1)
    proving = replace(asking, call=replace(asking.call, action=replace(asking.call.action, proves_identity=True)))
    assert proof_ring(desk).objection(proving) is None
    with desk.records.transaction("test") as transaction:
        for _ in range(proof.MOST_FAILURES):
            proof.failed(transaction, Shown(PERSON, whole.ticket_id, TENANT, whole.id, ProofMethod.CODE))
    for each in (proving, needing):
        assert "three attempts of person" in (proof_ring(desk).objection(each) or "")


def test_a_proof_is_used_with_the_intent_and_serves_the_same_plan_only(desk: Desk) -> None:
    whole = plan(RESET)
    proven(desk, whole)
    with desk.records.transaction("gate") as transaction:
        proof_ring(desk).spend(transaction, case(desk, whole, None))
        proof_ring(desk).spend(transaction, case(desk, plan(JOIN), None))
    (kept,) = proofs.of_plan(desk.records, whole.id)
    assert kept.state is ProofState.USED
    assert proof_ring(desk).objection(case(desk, whole, None)) is None


def test_a_proof_that_is_gone_by_the_time_of_the_intent_undoes_it(desk: Desk) -> None:
    with pytest.raises(RefusedError) as raised, desk.records.transaction("gate") as transaction:
        proof_ring(desk).spend(transaction, case(desk, plan(RESET), None))
    assert raised.value.ring is RingName.PROOF


def test_a_code_counts_only_for_a_number_on_record_and_as_what_it_was_begun_with() -> None:
    sid = Argument(source=SourceKind.STEP, origin="send_code.reference", person=PERSON)
    checked = step("check_code", code=ASKED, user_id=sid)
    assert proof.method_of(plan(step("send_code"), checked), checked) is ProofMethod.CODE
    typed = Argument(source=SourceKind.TECHNICIAN, value="u-1", origin="the sentence", person=PERSON)
    assert proof.method_of(plan(step("send_code", user_id=typed), checked), checked) is ProofMethod.OTHER_NUMBER
    theirs = Argument(source=SourceKind.DIRECTORY, value="u-1", origin="another's", person="32")
    assert proof.method_of(plan(step("send_code", user_id=theirs), checked), checked) is ProofMethod.OTHER_NUMBER
    alone = step("check_code", code=ASKED, user_id=said("u-1"))
    assert proof.method_of(plan(alone), alone) is ProofMethod.OTHER_NUMBER


RENEW = step("reset_password").model_copy(update={"resets_proof": True})


def renewing(desk: Desk, approval: str | None = None) -> Case:
    """Ask for an action that renews how a person proves who they are."""
    asked = case(desk, plan(RENEW), approval)
    return replace(asked, call=replace(asked.call, action=replace(asked.call.action, resets_proof=True)))


@pytest.mark.parametrize(
    ("method", "days", "passes"),
    [
        (ProofMethod.CALL_BACK, 30, True),
        (ProofMethod.CALL_BACK, 29.99, False),
        (ProofMethod.CALL_BACK, None, False),
        (ProofMethod.CODE, 99, False),
    ],
)
def test_renewing_how_somebody_proves_who_they_are_takes_a_call_back_whatever_policy_says(
    desk: Desk, method: ProofMethod, days: float | None, *, passes: bool
) -> None:
    proven(desk, plan(RENEW), method=method, days=days)
    objection = proof_ring(desk).objection(renewing(desk))
    assert objection is None if passes else "not called back on a number unchanged for 30 days" in (objection or "")


def test_renewing_takes_a_managers_approval_and_a_call_back_by_policy_too(desk: Desk) -> None:
    whole = plan(RENEW)
    approval = used(desk, whole)
    proven(desk, whole, method=ProofMethod.CALL_BACK, days=29)
    refused = policy_ring(desk).objection(renewing(desk, approval.id)) or ""
    assert "unchanged, for 30 days" in refused
    assert "whom this client's grant names under managers" in refused
    proven(desk, whole, method=ProofMethod.CALL_BACK, days=31)
    put_in_force(desk, Grant(tenant_id=TENANT, subject="tier:3", mode=Mode.ASK, managers=("cleo",)))
    assert "names under managers" in (policy_ring(desk).objection(renewing(desk, approval.id)) or "")
    put_in_force(desk, Grant(tenant_id=TENANT, subject="tier:3", mode=Mode.ASK, managers=("bob",)))
    assert policy_ring(desk).objection(renewing(desk, approval.id)) is None


def test_an_action_that_asks_for_a_call_back_by_now_is_not_what_was_planned(desk: Desk) -> None:
    asked = renewing(desk)
    assert PlanRing().objection(asked) is None
    planned = case(desk, plan(RESET), None)
    harder = replace(planned, call=replace(planned.call, action=replace(planned.call.action, resets_proof=True)))
    assert "needs a call-back now and was planned without" in (PlanRing().objection(harder) or "")


def test_half_a_demand_is_no_action() -> None:
    whole = ACTIONS[RESET.action]
    with pytest.raises(ValueError, match="goes with"):
        replace(whole, resets_proof=True, needs_proof=False)
    with pytest.raises(ValueError, match="goes with"):
        replace(whole, is_call_back=True, proves_identity=False)


# The record


def test_tier_3_waits_for_the_anchors_of_the_record_and_nothing_else_does(desk: Desk) -> None:
    stale = governed(desk.records, desk.clock, is_unanchored=lambda: True).record
    fresh = governed(desk.records, desk.clock).record
    assert stale is not None
    assert fresh is not None
    assert "anchors are stale" in (stale.objection(case(desk, plan(RESET), None)) or "")
    assert stale.objection(case(desk, plan(JOIN), None)) is None
    assert fresh.objection(case(desk, plan(RESET), None)) is None


# Policy


def policy_ring(desk: Desk) -> PolicyRing:
    return PolicyRing(desk.records, desk.clock, LivePermissions(desk.records), lambda _plan: None)


def test_policy_decides_each_planned_call_and_the_decision_is_on_the_record(desk: Desk) -> None:
    whole = plan(JOIN)
    allowed = case(desk, whole, used(desk, whole).id)
    ring = policy_ring(desk)
    assert ring.objection(allowed) is None
    with desk.records.transaction("gate") as transaction:
        ring.spend(transaction, allowed)
    (decision,) = recorded(desk.records, since=desk.clock.now - timedelta(hours=1))
    assert decision.is_allowed
    assert (decision.request.action, decision.request.requested_by) == (JOIN.action, "ann")


def test_a_refusal_of_policy_is_on_the_record_with_what_it_was_decided_from(desk: Desk) -> None:
    assert policy_ring(desk).objection(case(desk, plan(JOIN), None)) is not None
    (decision,) = recorded(desk.records, since=desk.clock.now - timedelta(hours=1))
    assert not decision.is_allowed


def test_what_the_desk_writes_by_itself_was_decided_before(desk: Desk) -> None:
    planned = case(desk, plan(JOIN), None)
    own = Case(replace(planned.call, mandate=None), planned.inspection)
    assert policy_ring(desk).objection(own) is None
    assert list(recorded(desk.records, since=desk.clock.now - timedelta(hours=1))) == []


def put_in_force(desk: Desk, *rows: Grant) -> None:
    with desk.records.transaction("admin") as transaction:
        proposed = grants.propose(transaction, rows, author="ann")
        grants.approve(transaction, proposed.version, by="bob")


def test_a_client_that_switches_an_action_off_is_heeded_at_once(desk: Desk) -> None:
    whole = plan(JOIN)
    ready = case(desk, whole, used(desk, whole).id)
    ring = policy_ring(desk)
    assert ring.objection(ready) is None
    put_in_force(desk, Grant(tenant_id=TENANT, subject=f"action:{JOIN.action}", mode=Mode.OFF))
    assert ring.objection(ready) == "It is switched off for this client."


@pytest.mark.parametrize("is_active", [True, False])
def test_whoever_lost_the_role_or_the_account_since_asks_in_vain(desk: Desk, *, is_active: bool) -> None:
    whole = plan(JOIN)
    ready = case(desk, whole, used(desk, whole).id)
    roles = frozenset({Role.TECHNICIAN if not is_active else Role.AUDITOR})
    with desk.records.transaction("admin") as transaction:
        accounts.change(transaction, Account("ann", "Ann", roles, is_active=is_active))
    assert policy_ring(desk).objection(ready) == "Only an active account with the role technician may ask for it."


def test_what_was_approved_and_proven_may_be_undone_without_either_again(desk: Desk) -> None:
    whole = plan(RESET)
    approval = used(desk, whole)
    proven(desk, whole)
    assert policy_ring(desk).objection(case(desk, whole, approval.id)) is None
    desk.clock.move(days=2)
    assert policy_ring(desk).objection(case(desk, whole, approval.id)) is not None
    assert policy_ring(desk).objection(case(desk, whole, approval.id, is_undo=True)) is None


def test_a_step_is_refused_once_an_approver_may_not_approve_any_more(desk: Desk) -> None:
    """Also while the run is under way: a vote counts as long as whoever gave it may still give it."""
    whole = plan(JOIN)
    approval = used(desk, whole)
    assert policy_ring(desk).objection(case(desk, whole, approval.id)) is None
    bob = accounts.find(desk.records, "bob")
    assert bob is not None
    with desk.records.transaction("cleo") as transaction:
        accounts.change(transaction, replace(bob, is_active=False))
    assert "may still do so" in (policy_ring(desk).objection(case(desk, whole, approval.id)) or "")
    assert policy_ring(desk).objection(case(desk, whole, approval.id, is_undo=True)) is None


def test_a_grant_that_asks_for_more_approvers_than_there_were_stops_a_run_too(desk: Desk) -> None:
    whole = plan(JOIN)
    approval = used(desk, whole)
    put_in_force(desk, Grant(tenant_id=TENANT, subject="tier:2", mode=Mode.ASK, quorum=2))
    assert "more people have to approve" in (policy_ring(desk).objection(case(desk, whole, approval.id)) or "")
    assert policy_ring(desk).objection(case(desk, whole, approval.id, is_undo=True)) is None
