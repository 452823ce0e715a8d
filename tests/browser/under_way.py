"""What is under way at the practice: runs that branch, loop and wait, requests on the way, a new version's roll-out."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta

import yaml
from pydantic import TypeAdapter

from deskhand.automation.flow import Flow
from deskhand.automation.plan import Argument, Plan, SourceKind
from deskhand.desk.resolving import new_plan_id
from deskhand.governance.approval import Verdict
from deskhand.records import grants
from deskhand.records.approvals import Approval
from deskhand.records.grants import Grant, Mode
from deskhand.records.runs import Run, WaitKind
from tests.browser.practice import Practice
from tests.journeys.office import wait_until

MANY = (
    "set the urgency to high, add an internal note “Looked into it”, revoke the sessions, add the user to the group "
    '"Sign-in review" and text them'
)
BLOCKS = [
    "update_triage",
    {"for_each": "update_triage.detail.fields", "most": 5, "do": ["add_internal_note"]},
    {"parallel": [["revoke_sessions"], ["add_group_member"]]},
    {"ask_approval": {"role": "approver", "expires_minutes": 60}},
    {"choose": "size(steps.update_triage.detail.fields) > 1", "then": ["send_sms"]},
    "note",
    "time",
]
CONTAIN = 'add the user to the group "Sign-in review" and text them'
RENEW = "call the user back, reset the user's MFA"
RESET_MFA = "action:identity_entra.reset_mfa"


@dataclass(frozen=True)
class UnderWay:
    """Where what is under way can be seen."""

    branching: str
    on_the_way: str
    branching_ticket: str
    held: str
    renewal: str
    renewing: str
    renewing_ticket: str
    paused: str
    rolling_out: str


def set_going(practice: Practice, automation: str) -> UnderWay:
    """Have all of it be under way; the automation is at the stage where a technician begins it."""
    branching_ticket = practice.ticket("Somebody else seems to read my mail")
    branching = waiting(practice, approved(practice, _branching(practice, branching_ticket)), WaitKind.APPROVAL)
    assert branching.waits_for is not None
    _lend(practice)
    _name_a_manager(practice)
    renewal = _asked(practice, planned(practice, practice.ticket("I lost my phone"), RENEW))
    practice.desk.resolving.decide(
        practice.account("tom"), renewal.id, renewal.plan_sha256, Verdict.APPROVE, "Sounds right to me"
    )
    renewing_ticket = practice.ticket("My phone was stolen on the train")
    renewing = waiting(practice, approved(practice, planned(practice, renewing_ticket, RENEW), "siobhan"))
    return UnderWay(
        branching=branching.id,
        on_the_way=branching.waits_for.approval_id,
        branching_ticket=branching_ticket,
        held=_held(practice),
        renewal=renewal.id,
        renewing=renewing.id,
        renewing_ticket=renewing_ticket,
        paused=_paused(practice, automation),
        rolling_out=_rolling_out(practice),
    )


def planned(practice: Practice, ticket: str, sentence: str) -> Plan:
    proposal = practice.desk.resolving.propose(practice.account("maya"), ticket, sentence)
    assert proposal.plan is not None, proposal.refusals
    return proposal.plan


def approved(practice: Practice, plan: Plan, by: str = "tom") -> Run:
    """Have a plan asked for by Maya and approved."""
    asked = _asked(practice, plan)
    run = practice.desk.resolving.decide(practice.account(by), asked.id, asked.plan_sha256, Verdict.APPROVE)
    assert isinstance(run, Run), run
    return run


def waiting(practice: Practice, run: Run, kind: WaitKind = WaitKind.PROMPT) -> Run:
    """Wait until a run waits."""

    def is_waiting() -> bool:
        present = practice.desk.resolving.run(run.id)
        assert not present.state.is_over, present
        return present.waits_for is not None and present.waits_for.kind is kind

    wait_until(is_waiting, f"run {run.id} waits: {kind.value}")
    return practice.desk.resolving.run(run.id)


def _asked(practice: Practice, plan: Plan) -> Approval:
    asked = practice.desk.resolving.start(plan, by="maya")
    assert isinstance(asked, Approval)
    return asked


def _branching(practice: Practice, ticket: str) -> Plan:
    """Plan what has a loop, branches, an approval on the way and a choice, as an automation's flow has."""
    plain = planned(practice, ticket, MANY)
    item = Argument(source=SourceKind.STEP, origin="item.value")
    more = {
        "update_triage": {"impact": plain.step("update_triage").arguments["urgency"]},
        "add_internal_note": {"text": item},
    }
    steps = [step.model_copy(update={"arguments": {**step.arguments, **more.get(step.id, {})}}) for step in plain.steps]
    flow = TypeAdapter(Flow).validate_json(json.dumps(BLOCKS))
    return Plan.model_validate({**plain.model_dump(), "id": new_plan_id(), "steps": tuple(steps), "flow": flow})


def _held(practice: Practice) -> str:
    """Hold a run while it waits for a code, and have the code come: it goes no further."""
    ticket = practice.ticket("Locked out once more")
    run = waiting(practice, approved(practice, planned(practice, ticket, "verify the user, reset the password")))
    practice.desk.resolving.hold(practice.account("tom"), run.id)
    return run.id


def _paused(practice: Practice, automation: str) -> str:
    """Have an automation paused after a run of it was approved, so that the run waits."""
    desk, maya, tom = practice.desk, practice.account("maya"), practice.account("tom")
    desk.automating.stage(tom, automation, str(practice.company), "ask")
    proposal = desk.recommending.recommend(maya, practice.ticket("Locked out of Outlook a third time"), automation)
    assert proposal.plan is not None, proposal.refusals
    asked = desk.resolving.submit(maya, proposal.plan.id)
    desk.automating.pause(maya, automation, "It texted the wrong person")
    assert isinstance(asked, Approval)
    run = desk.resolving.decide(tom, asked.id, asked.plan_sha256, Verdict.APPROVE)
    assert isinstance(run, Run)
    return waiting(practice, run, WaitKind.SWITCH).id


def _rolling_out(practice: Practice) -> str:
    """Have an automation run by itself at every client, and its second version at the first of them."""
    desk, maya, tom, siobhan = practice.desk, *map(practice.account, ("maya", "tom", "siobhan"))
    run = approved(practice, planned(practice, practice.ticket("Please watch my sign-ins"), CONTAIN))
    wait_until(lambda: desk.resolving.run(run.id).state.is_over, "the run is over")
    draft = desk.automating.draft_from_run(maya, run.id)
    document = yaml.safe_load(draft.yaml)
    document["match"] = {"any": ["nobodywritesthis"]}
    for title in ("Have somebody's sign-ins watched", "Have somebody's sign-ins watched, and tell them"):
        text = yaml.safe_dump({**document, "title": title}, sort_keys=False)
        saved = desk.automating.save_draft(maya, draft.document.name, text)
        desk.automating.back_test(saved.name, saved.version)
        desk.automating.approve(tom, saved.name, saved.version, saved.sha256)
        clients = [each.id for each in desk.mirror.companies()][: 1 if saved.version > 1 else 3]
        for client in clients:
            for stage in ("shadow", "ask", "auto"):
                desk.automating.stage(siobhan, saved.name, client, stage, "tried by hand for a month")
        for _ in range(2 if saved.version == 1 else 0):
            desk.automating.widening.ahead(siobhan, saved.name, "tried by hand for a month")
    return draft.document.name


def _lend(practice: Practice) -> None:
    """Have Tom lend his approving to Maya, and have lent it to Siobhan before."""
    governing, tom = practice.desk.governing, practice.account("tom")
    end = practice.desk.clock() + timedelta(days=12)
    earlier = governing.delegate(tom, "siobhan", ends_at=end, reason="At the dentist's")
    governing.end_delegation(tom, earlier.id)
    governing.delegate(tom, "maya", ends_at=end, reason="On holiday until the week after next, back on Monday")


def _name_a_manager(practice: Practice) -> None:
    """Have the client's grant name Siobhán as its manager, and the desk know Jane's number for 40 days."""
    desk = practice.desk
    row = Grant(tenant_id=str(practice.company), subject=RESET_MFA, mode=Mode.ASK, managers=("siobhan",))
    with desk.records.transaction("siobhan") as transaction:
        version = grants.propose(transaction, [row], author="siobhan").version
    with desk.records.transaction("tom") as transaction:
        grants.approve(transaction, version, by="tom")
    jane = desk.mirror.person(str(practice.contact))
    assert jane is not None
    long_ago = desk.clock() - timedelta(days=40)
    for each in (replace(jane, phones=()), jane):
        desk.mirror.save_people([each], seen_at=long_ago)
