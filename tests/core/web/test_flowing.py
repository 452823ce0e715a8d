"""Runs that branch, loop and wait, on the page: what each repetition is for, in what order, and what can be done."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter

from deskhand.automation import plans
from deskhand.automation.flow import Flow
from deskhand.automation.plan import Plan
from deskhand.desk.desk import Desk
from deskhand.governance import approval
from deskhand.records import runs
from deskhand.records.accounts import Role
from deskhand.records.approvals import Way
from deskhand.records.runs import Branch, Run, RunState, StepRecord, StepState, Wait, WaitKind
from tests.core.web.conftest import Visit, account_with
from tests.core.workflow.office import plan, returned, step

TECHNICIAN = frozenset({Role.TECHNICIAN})
AUDITOR = frozenset({Role.AUDITOR})
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BLOCKS = ["find", {"for_each": "find.detail.devices", "most": 5, "do": ["tell"]}, {"ask_approval": {}}, "last"]


def flowing() -> Plan:
    steps = step("list_devices", "find"), step("add_note", "tell", text=returned("item.id"))
    last = step("look", "last").model_copy(update={"only_if": "steps.find.detail.count > 0"})
    flow = TypeAdapter(Flow).validate_json(json.dumps(BLOCKS))
    return plan(*steps, last, requested_by="technician", flow=flow)


def begun(desk: Desk, **changes: object) -> Run:
    """Put a run on the record that is in the midst of a loop."""
    wanted = flowing()
    account_with(desk, TECHNICIAN)
    steps = (
        StepRecord(id="find", action=wanted.steps[0].action, state=StepState.DONE),
        StepRecord(id="tell.1", action=wanted.steps[1].action, state=StepState.DONE, item={"id": "d-1"}),
        StepRecord(id="tell.2", action=wanted.steps[1].action, state=StepState.RUNNING, item="<b>d-2</b>"),
        StepRecord(id="last", action=wanted.steps[2].action, state=StepState.LEFT_OUT),
    )
    run = Run(
        id="r-00000000000000aa",
        plan_id=wanted.id,
        plan_sha256=wanted.sha256(),
        ticket_id=wanted.ticket_id,
        tenant_id=wanted.tenant.id,
        steps=steps,
        requested_by="technician",
        started_at=START,
        state=RunState.RUNNING,
    ).model_copy(update=changes)
    with desk.records.transaction("technician") as transaction:
        plans.save(transaction, wanted)
        runs.start(transaction, run)
    return run


def test_each_repetition_stands_for_itself_and_what_was_left_out_says_so(desk: Desk, visit: Visit) -> None:
    run = begun(desk)
    page = visit(roles=TECHNICIAN).get(f"/runs/{run.id}").text
    assert "Add note: d-1" in page
    assert "Add note: &lt;b&gt;d-2&lt;/b&gt;" in page
    assert ">Left out</span>" in page
    assert "Left out unless" in page
    assert "for each of &#34;find.detail.devices&#34;, AT MOST 5, else the run fails:" in page
    assert 'value="3"' in page, "what was left out is behind the run too"


def test_a_run_is_held_and_let_go_by_those_who_work_and_nobody_else(desk: Desk, visit: Visit) -> None:
    run = begun(desk)
    assert "/hold" not in visit(roles=AUDITOR).get(f"/runs/{run.id}").text
    assert visit(roles=AUDITOR).submit(f"/runs/{run.id}/hold").status_code == 403
    browser = visit(roles=TECHNICIAN)
    assert f"/runs/{run.id}/hold" in browser.get(f"/runs/{run.id}").text
    assert browser.submit(f"/runs/{run.id}/hold").status_code in {200, 204, 303}
    held = runs.find(desk.records, run.id)
    assert held is not None
    assert held.held_by == "technician"
    page = browser.get(f"/runs/{run.id}").text
    assert "Let it go on" in page
    assert "technician holds it" in page
    assert f'action="/runs/{run.id}/hold"' not in page
    assert browser.submit(f"/runs/{run.id}/let-go").status_code in {200, 204, 303}
    free = runs.find(desk.records, run.id)
    assert free is not None
    assert free.held_by is None


@pytest.mark.parametrize("is_branch", [True, False])
def test_a_run_that_waits_on_its_way_says_for_what(desk: Desk, visit: Visit, *, is_branch: bool) -> None:
    wait = Wait(kind=WaitKind.APPROVAL, position="2", approval_id="a-00000000000000bb", text="Somebody has to approve")
    branch = Branch(lane="2.b0", segment=1, state=RunState.WAITING, waits_for=wait)
    branches = (branch,) if is_branch else ()
    run = begun(desk, state=RunState.WAITING, waits_for=wait, branches=branches)
    page = visit(roles=TECHNICIAN).get(f"/runs/{run.id}").text
    assert "Somebody has to approve" in page
    assert 'href="/approvals/a-00000000000000bb"' in page


def test_a_run_that_is_stopped_says_at_which_step_and_why(desk: Desk, visit: Visit) -> None:
    words = "office_file.look: Automation watch is paused: it texted the wrong person"
    run = begun(desk, state=RunState.WAITING, waits_for=Wait(kind=WaitKind.SWITCH, step_id="last", text=words))
    steps = [
        each if each.state is not StepState.RUNNING else each.model_copy(update={"state": StepState.DONE})
        for each in run.steps
    ]
    with desk.records.transaction("engine") as transaction:
        runs.save(transaction, run.model_copy(update={"steps": tuple(steps)}), "run.parked", {})
    page = visit(roles=TECHNICIAN).get(f"/runs/{run.id}").text
    assert "Waiting at step 4 of 4" in page
    assert "Automation watch is paused: it texted the wrong person" in page


def test_a_run_rests_on_what_it_was_begun_by_and_not_on_what_it_waits_for(desk: Desk, visit: Visit) -> None:
    account_with(desk, TECHNICIAN)
    with desk.records.transaction("technician") as transaction:
        first = approval.request(transaction, flowing(), by="technician")
    run = begun(desk, approval_id=first.id)
    with desk.records.transaction("technician") as transaction:
        way = Way(run_id=run.id, position="2", results_sha256="0" * 64)
        later = approval.request(transaction, flowing(), by="technician", way=way)
    page = visit(roles=TECHNICIAN).get(f"/runs/{run.id}").text
    assert first.id in page
    assert later.id not in page


@pytest.mark.parametrize(
    ("managers", "button"), [((), "Approve and run"), (("mal",), "Approve"), (("approver",), "Approve and run")]
)
def test_whoever_is_asked_sees_that_it_takes_a_manager(
    desk: Desk, visit: Visit, managers: tuple[str, ...], button: str
) -> None:
    account_with(desk, TECHNICIAN)
    with desk.records.transaction("technician") as transaction:
        plans.save(transaction, flowing())
        wanted = approval.request(transaction, flowing(), by="technician", managers=frozenset(managers))
    page = visit(roles=frozenset({Role.APPROVER})).get(f"/approvals/{wanted.id}").text
    assert f"</svg>{button}</button>" in page
    assert ("It takes a manager of this client" in page) is bool(managers)


def test_a_request_on_the_way_names_the_run_and_is_about_the_same_plan(desk: Desk, visit: Visit) -> None:
    run = begun(desk)
    with desk.records.transaction("technician") as transaction:
        way = Way(run_id=run.id, position="2", results_sha256="0" * 64)
        wanted = approval.request(transaction, flowing(), by="technician", way=way)
    page = visit(roles=frozenset({Role.APPROVER})).get(f"/approvals/{wanted.id}").text
    assert f'<a href="/runs/{run.id}">' in page
    assert "Approve going on" in page
    assert flowing().sha256() in page
