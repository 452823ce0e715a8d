"""Runs that take more than one way: conditions, branches, loops, waits and holds, and what is put back."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from deskhand.automation.flow import Delay, Flow
from deskhand.automation.plan import Plan
from deskhand.automation.rules import Retry
from deskhand.governance import approval
from deskhand.governance.approval import ApprovalRefusedError, Verdict
from deskhand.records import accounts, approvals, switches
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.records.audit.verification import verify
from deskhand.records.database import url_of
from deskhand.records.runs import Cause, Run, RunState, WaitKind
from deskhand.records.switches import Level
from deskhand.sdk.errors import RejectedError, UnavailableError
from deskhand.workflow.calls import Observer
from deskhand.workflow.course import moment_of
from deskhand.workflow.engine import RunRefusedError
from tests.core.workflow.desk import Desk
from tests.core.workflow.office import ASKED, NAME, plan, returned, said, step
from tests.core.workflow.vendor import Death

READ = TypeAdapter(Flow)
LIST = step("list_devices", "find")
LOOK = step("look")
JOIN = step("join_group", group=said("vpn"))
EACH = {"for_each": "find.detail.devices", "most": 5, "do": ["tell"]}


def flow(*blocks: object) -> Flow:
    return READ.validate_json(json.dumps(blocks))


def note(step_id: str, text: str = "") -> object:
    return step("add_note", step_id, text=said(text or step_id))


def notes(desk: Desk) -> list[str]:
    return [each["value"] for each in desk.office.effects() if each["field"] == "note"]


def once(where: str, do: Callable[[], object]) -> Callable[[str], None]:
    """Do something at a call of the office's."""

    def on_call(present: str) -> None:
        if present == where:
            do()

    return on_call


def states(run: Run) -> dict[str, str]:
    return {each.id: each.state.value for each in run.steps}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk.open(url_of(tmp_path / "records.db"), tmp_path)
    yield opened
    opened.close()
    assert verify(url_of(tmp_path / "records.db"), signing=tmp_path / "signing").ok


def wanted(*steps: object, flow: Flow = (), number: int = 1, **rest: object) -> Plan:
    return plan(*steps, flow=flow, number=number, **rest)  # type: ignore[arg-type]  # steps, made above


# Conditions


def test_a_run_goes_the_way_a_condition_says_and_leaves_the_other_out(desk: Desk) -> None:
    choice = {"choose": "steps.find.detail.count > 2", "then": ["many"], "otherwise": ["few"]}
    run = desk.run(wanted(LIST, note("many"), note("few"), note("after"), flow=flow("find", choice, "after")))
    assert run.state is RunState.DONE
    assert notes(desk) == ["many", "after"]
    assert states(run) == {"find": "done", "many": "done", "few": "left out", "after": "done"}

    desk.office.devices = []
    run = desk.run(wanted(LIST, note("many"), note("few"), flow=flow("find", choice), number=2))
    assert notes(desk) == ["many", "after", "few"]
    assert "run.went_on" in desk.kinds()


def test_a_step_whose_condition_does_not_hold_is_left_out_and_the_run_goes_on(desk: Desk) -> None:
    some = note("some").model_copy(update={"only_if": "steps.find.detail.count == 0"})  # type: ignore[attr-defined]  # a step
    run = desk.run(wanted(LIST, some, note("after")))
    assert run.state is RunState.DONE
    assert states(run) == {"find": "done", "some": "left out", "after": "done"}


@pytest.mark.parametrize("condition", ["steps.find.detail.size > 2", "steps.find.detail.count", "steps.after.is_done"])
def test_a_condition_nobody_can_decide_fails_the_run_and_is_never_guessed(desk: Desk, condition: str) -> None:
    choice = {"choose": condition, "then": ["many"], "otherwise": ["few"]}
    run = desk.run(wanted(LIST, note("many"), note("few"), note("after"), flow=flow("find", choice, "after")))
    assert run.state is RunState.FAILED
    assert notes(desk) == []
    assert run.step("many").cause is Cause.CONFIGURATION
    assert condition in run.step("many").error


# Loops


def test_a_loop_does_its_steps_for_each_entry_in_turn(desk: Desk) -> None:
    tell = step("add_note", "tell", text=returned("item.id"))
    again = step("add_note", "again", text=returned("tell.reference"))
    loop = {**EACH, "do": ["tell", "again"]}
    run = desk.run(wanted(LIST, tell, again, note("after"), flow=flow("find", loop, "after")))
    assert run.state is RunState.DONE
    assert notes(desk) == ["d-1", "1", "d-2", "3", "d-3", "5", "after"]
    assert [each.id for each in run.steps] == [
        "find",
        "tell.1",
        "tell.2",
        "tell.3",
        "again.1",
        "again.2",
        "again.3",
        "after",
    ]
    keys = [each["key"] for each in desk.office.effects()]
    assert len(set(keys)) == len(keys)


def test_a_loop_over_more_than_it_may_touch_touches_nothing(desk: Desk) -> None:
    tell = step("add_note", "tell", text=returned("item.id"))
    run = desk.run(wanted(LIST, tell, flow=flow("find", {**EACH, "most": 2})))
    assert run.state is RunState.FAILED
    assert notes(desk) == []
    assert "3 entries, and at most 2 may be touched" in run.step("tell").error


@pytest.mark.parametrize("devices", ["d-1", {"id": "d-1"}, 7, None])
def test_a_loop_over_what_is_no_list_touches_nothing(desk: Desk, devices: object) -> None:
    desk.office.devices = devices  # type: ignore[assignment]  # on purpose
    tell = step("add_note", "tell", text=returned("item.id"))
    run = desk.run(wanted(LIST, tell, flow=flow("find", EACH)))
    assert run.state is RunState.FAILED
    assert "is no list" in run.step("tell").error


def test_a_loop_over_nothing_is_passed(desk: Desk) -> None:
    desk.office.devices = []
    tell = step("add_note", "tell", text=returned("item.id"))
    run = desk.run(wanted(LIST, tell, note("after"), flow=flow("find", EACH, "after")))
    assert (run.state, states(run)["tell"], notes(desk)) == (RunState.DONE, "left out", ["after"])


def test_a_loop_may_choose_for_each_entry_and_plain_values_are_items_too(desk: Desk) -> None:
    desk.office.devices = ["red", "blue", "red"]
    tell = step("add_note", "tell", text=returned("item.value"))
    loop = {**EACH, "do": [{"choose": "item == 'red'", "then": ["tell"]}]}
    run = desk.run(wanted(LIST, tell, flow=flow("find", loop)))
    assert (run.state, notes(desk)) == (RunState.DONE, ["red", "red"])
    assert states(run) == {"find": "done", "tell.1": "done", "tell.2": "left out", "tell.3": "done"}


def test_an_entry_without_what_a_step_needs_fails_the_run_there(desk: Desk) -> None:
    desk.office.devices = [{"id": "d-1"}, {"name": "d-2"}]
    tell = step("add_note", "tell", text=returned("item.id"))
    run = desk.run(wanted(LIST, tell, flow=flow("find", EACH)))
    assert run.state is RunState.FAILED
    assert states(run) == {"find": "done", "tell.1": "done", "tell.2": "failed"}
    assert "item.id, which is not there" in run.step("tell.2").error


# Branches


SIDE = {"parallel": [["a", "b"], ["c"], ["d"]]}


def test_branches_are_carried_out_by_segments_of_their_own_and_what_follows_waits_for_all(desk: Desk) -> None:
    steps = [note(each) for each in ("first", "a", "b", "c", "d", "last")]
    run = desk.submit(wanted(*steps, flow=flow("first", SIDE, "last")))
    desk.inline.run(1)
    forked = desk.look(run)
    assert forked.state is RunState.RUNNING
    assert [each.lane for each in forked.branches] == ["1.b0", "1.b1", "1.b2"]
    assert len(desk.inline.queued) == 3
    desk.inline.queued.reverse()
    run = desk.go_on(run)
    assert run.state is RunState.DONE
    assert run.branches == ()
    assert notes(desk) == ["first", "d", "c", "a", "b", "last"]


def test_a_branch_that_fails_lets_the_others_stop_and_nothing_after_them_is_done(desk: Desk) -> None:
    desk.office.trouble["join_group before"] = [RejectedError("no such group")]
    steps = [note("first"), JOIN, note("a"), note("b"), note("last")]
    run = desk.submit(wanted(*steps, flow=flow("first", {"parallel": [["join_group"], ["a", "b"]]}, "last")))
    run = desk.go_on(run)
    assert run.state is RunState.FAILED
    assert states(run) == {"first": "done", "join_group": "failed", "a": "skipped", "b": "skipped", "last": "skipped"}
    assert notes(desk) == ["first"]

    again = desk.engine.retry(run.id, by="ann")
    again = desk.go_on(again)
    assert again.state is RunState.DONE
    assert notes(desk) == ["first", "a", "b", "last"]


def test_a_branch_under_way_ends_its_step_when_another_fails_and_stops_before_the_next(desk: Desk) -> None:
    steps = [note("a"), note("b"), JOIN]
    run = desk.submit(wanted(*steps, flow=flow({"parallel": [["a", "b"], ["join_group"]]})))
    desk.inline.run(1)
    left, right = desk.inline.queued
    desk.office.trouble["join_group before"] = [RejectedError("no such group")]

    def meanwhile(where: str) -> None:
        if where == "add_note after":
            desk.office.on_call = lambda _where: None
            present = desk.inline._present
            desk.inline._present = right
            assert desk.inline.segment is not None
            desk.inline.segment(*right)
            desk.inline._present = present

    desk.office.on_call = meanwhile
    desk.inline.queued[:] = [left]
    desk.inline.run()
    run = desk.look(run)
    assert run.state is RunState.FAILED
    assert states(run) == {"a": "done", "b": "skipped", "join_group": "failed"}
    assert notes(desk) == ["a"]


def test_a_branch_may_wait_while_the_others_go_on(desk: Desk) -> None:
    desk.office.trouble["join_group before"] = [UnavailableError("later")] * 2
    desk.patience = type(desk.patience)(longest_nap=0.5)
    desk.start()
    steps = [JOIN, note("a"), note("b"), note("last")]
    run = desk.submit(wanted(*steps, flow=flow({"parallel": [["join_group"], ["a", "b"]]}, "last")))
    desk.inline.run(2)
    parked = desk.look(run)
    assert [(lane, wait.kind) for lane, wait in parked.waits] == [("0.b0", WaitKind.PAUSE)]
    assert parked.state is RunState.RUNNING
    desk.inline.queued.sort(key=lambda place: place in desk.inline.delays)
    desk.inline.run(1)
    assert desk.look(run).state is RunState.WAITING
    desk.clock.move(minutes=5)
    assert desk.go_on(run).state is RunState.DONE
    assert notes(desk) == ["a", "b", "last"]


def test_a_run_with_branches_can_be_cancelled(desk: Desk) -> None:
    steps = [note("a"), note("b"), note("c"), note("last")]
    run = desk.submit(wanted(*steps, flow=flow({"parallel": [["a"], ["b", "c"]]}, "last")))
    desk.inline.run(1)
    desk.engine.cancel(run.id, by="ann")
    run = desk.go_on(run)
    assert run.state is RunState.CANCELLED
    assert notes(desk) == []


def test_a_thrown_switch_parks_branches_and_they_go_on_once_it_is_released(desk: Desk) -> None:
    steps = [note("a"), note("b"), note("last")]
    run = desk.submit(wanted(*steps, flow=flow({"parallel": [["a"], ["b"]]}, "last")))
    with desk.records.transaction("ann") as transaction:
        switches.throw(transaction, Level.CONNECTOR, NAME, by="ann", reason="a drill")
    desk.inline.run()
    assert {wait.kind for _, wait in desk.look(run).waits} == {WaitKind.SWITCH}
    assert desk.engine._watch is not None
    desk.engine._watch.look()
    assert notes(desk) == []
    with desk.records.transaction("ann") as transaction:
        switches.release(transaction, Level.CONNECTOR, NAME, by="ann", reason="it was a drill")
    desk.engine._watch.look()
    assert desk.go_on(run).state is RunState.DONE
    assert sorted(notes(desk)) == ["a", "b", "last"]


def test_a_branch_nobody_carries_on_is_taken_up(desk: Desk) -> None:
    steps = [note("a"), note("b")]
    run = desk.submit(wanted(*steps, flow=flow({"parallel": [["a"], ["b"]]})))
    desk.inline.run(1)
    desk.inline.broken.add(desk.inline.queued.pop(0))
    assert desk.engine._watch is not None
    desk.engine._watch.look()
    assert desk.go_on(run).state is RunState.DONE
    assert sorted(notes(desk)) == ["a", "b"]


# Waits


def test_a_pause_parks_the_run_until_its_moment(desk: Desk) -> None:
    run = desk.submit(wanted(note("a"), note("b"), flow=flow("a", {"pause": {"minutes": 30}}, "b")))
    desk.inline.run(1)
    parked = desk.look(run)
    assert (parked.state, notes(desk)) == (RunState.WAITING, ["a"])
    assert parked.waits_for is not None
    assert parked.waits_for.kind is WaitKind.MOMENT
    assert list(desk.inline.delays.values()) == [pytest.approx(1800, abs=1)]
    desk.clock.move(minutes=31)
    assert desk.go_on(run).state is RunState.DONE
    assert notes(desk) == ["a", "b"]


@pytest.mark.parametrize(
    ("now", "until", "zone", "expected"),
    [
        ("2026-03-02T06:00", "07:00", "UTC", "2026-03-02T07:00"),
        ("2026-03-02T07:00", "07:00", "UTC", "2026-03-03T07:00"),
        ("2026-07-01T06:00", "07:00", "Europe/Berlin", "2026-07-02T05:00"),
        ("2026-03-28T12:00", "02:30", "Europe/Berlin", "2026-03-29T01:30"),  # a time those clocks skip
        ("2026-10-24T12:00", "02:30", "Europe/Berlin", "2026-10-25T00:30"),  # a time those clocks show twice
        ("2026-12-31T23:30", "00:15", "America/New_York", "2027-01-01T05:15"),
    ],
)
def test_a_time_of_day_is_the_next_one_on_the_clocks_of_the_place(
    now: str, until: str, zone: str, expected: str
) -> None:
    moment = moment_of(Delay(until=until, zone=zone), datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert moment == datetime.fromisoformat(expected).replace(tzinfo=UTC)


ASK = {"ask_approval": {"role": "approver", "expires_minutes": 60}}


def asked_of(desk: Desk, run: Run) -> Approval:
    wait = desk.look(run).waits_for
    assert wait is not None
    assert wait.kind is WaitKind.APPROVAL
    found = approvals.find(desk.records, wait.approval_id)
    assert found is not None
    return found


def decide(desk: Desk, asked: Approval, wanted: Plan, verdict: Verdict = Verdict.APPROVE, by: str = "bob") -> None:
    account = accounts.find(desk.records, by)
    assert account is not None
    with desk.records.transaction(by) as transaction:
        decided = approval.decide(transaction, asked.id, by=account, plan_sha256=wanted.sha256(), verdict=verdict)
        if decided.state is ApprovalState.APPROVED:
            desk.engine.go_on(transaction, decided)
        else:
            desk.engine.turn_away(transaction, decided)


def test_a_run_goes_on_once_somebody_else_approves_of_it_on_the_way(desk: Desk) -> None:
    known = wanted(note("a"), JOIN, note("b"), flow=flow("a", ASK, "join_group", "b"))
    run = desk.submit(known)
    desk.inline.run()
    assert (desk.look(run).state, notes(desk), desk.inline.queued) == (RunState.WAITING, ["a"], [])
    asked = asked_of(desk, run)
    with pytest.raises(ApprovalRefusedError, match="nobody approves what they asked for"):
        decide(desk, asked, known, by="ann")
    with pytest.raises(ApprovalRefusedError, match="has not the role approver"):
        decide(desk, asked, known, by="cleo")
    decide(desk, asked, known)
    run = desk.go_on(run)
    assert run.state is RunState.DONE
    assert run.approval_id == asked.id
    assert notes(desk) == ["a", "b"]
    with pytest.raises(ApprovalRefusedError, match="used already"):
        decide(desk, asked, known)


def test_an_approval_on_the_way_survives_a_restart_and_branches_before_and_after_it(desk: Desk) -> None:
    side, more = {"parallel": [["a"], ["b"]]}, {"parallel": [["c"], ["d"]]}
    known = wanted(note("a"), note("b"), note("c"), note("d"), note("e"), flow=flow(side, ASK, more, "e"))
    run = desk.submit(known)
    desk.inline.run()
    asked = asked_of(desk, run)
    desk.start()
    desk.inline.run()
    assert sorted(notes(desk)) == ["a", "b"]
    decide(desk, asked, known)
    desk.start()
    run = desk.go_on(run)
    assert run.state is RunState.DONE
    assert sorted(notes(desk)[:4]) == ["a", "b", "c", "d"]
    assert notes(desk)[4:] == ["e"]


def test_what_was_done_meanwhile_is_part_of_what_is_approved(desk: Desk) -> None:
    known = wanted(LOOK, note("a"), flow=flow("look", ASK, "a"))
    run = desk.submit(known)
    desk.inline.run()
    asked = asked_of(desk, run)
    from deskhand.records import runs  # noqa: PLC0415  # somebody who writes past the engine

    with desk.records.transaction("mallory") as transaction:
        runs.save(transaction, desk.look(run).with_step("look", detail={"phone": "+49"}), "run.changed")
    with pytest.raises(RunRefusedError, match="is not what was approved"):
        decide(desk, asked, known)
    assert notes(desk) == []


@pytest.mark.parametrize("ending", ["denied", "expired"])
def test_a_run_takes_its_other_way_where_nobody_approves_of_going_on(desk: Desk, ending: str) -> None:
    ask = {**ASK, "otherwise": ["tell"]}
    known = wanted(note("a"), note("b"), note("tell"), flow=flow("a", ask, "b"))
    run = desk.submit(known)
    desk.inline.run()
    end(desk, run, known, ending)
    run = desk.go_on(run)
    assert run.state is RunState.DONE
    assert notes(desk) == ["a", "tell"]
    assert states(run)["b"] == "skipped"


@pytest.mark.parametrize("ending", ["denied", "expired"])
def test_a_run_without_another_way_ends_where_nobody_approves_of_going_on(desk: Desk, ending: str) -> None:
    known = wanted(note("a"), note("b"), flow=flow("a", ASK, "b"))
    run = desk.submit(known)
    desk.inline.run()
    end(desk, run, known, ending)
    run = desk.go_on(run)
    assert (run.state, notes(desk)) == (RunState.CANCELLED, ["a"])


def end(desk: Desk, run: Run, known: Plan, ending: str) -> None:
    asked = asked_of(desk, run)
    if ending == "denied":
        decide(desk, asked, known, Verdict.DENY)
        return
    desk.clock.move(minutes=61)
    with pytest.raises(ApprovalRefusedError, match="expired"):
        decide(desk, asked, known)
    with desk.records.transaction("desk") as transaction:
        for late in approval.expire(transaction):
            desk.engine.turn_away(transaction, late)


def test_an_approval_on_the_way_that_needs_an_admin_takes_one(desk: Desk) -> None:
    with desk.records.transaction("test") as transaction:
        roles = frozenset({Role.ADMIN, Role.APPROVER})
        accounts.add(transaction, Account("dora", "Dora", roles), password_hash="")
    known = wanted(note("a"), note("b"), flow=flow("a", {"ask_approval": {"role": "admin"}}, "b"))
    run = desk.submit(known)
    desk.inline.run()
    asked = asked_of(desk, run)
    with pytest.raises(ApprovalRefusedError, match="only dora may decide"):
        decide(desk, asked, known)
    decide(desk, asked, known, by="dora")
    assert desk.go_on(run).state is RunState.DONE


# Holding, repeating, putting back


def test_a_run_that_is_held_waits_before_its_next_step_until_it_is_let_go(desk: Desk) -> None:
    run = desk.submit(wanted(note("a"), note("b")))
    desk.office.on_call = once("add_note before", lambda: desk.engine.hold(run.id, by="bob"))
    desk.inline.run()
    desk.office.on_call = lambda _where: None
    held = desk.look(run)
    assert (held.state, held.held_by, notes(desk)) == (RunState.WAITING, "bob", ["a"])
    with pytest.raises(RunRefusedError, match="bob holds run"):
        desk.engine.hold(run.id, by="cleo")
    desk.start()
    desk.inline.run()
    assert notes(desk) == ["a"]
    desk.engine.let_go(run.id, by="bob")
    assert desk.go_on(run).state is RunState.DONE
    assert notes(desk) == ["a", "b"]
    with pytest.raises(RunRefusedError, match="is over"):
        desk.engine.hold(run.id, by="bob")
    with pytest.raises(RunRefusedError, match="nobody holds"):
        desk.engine.let_go(run.id, by="bob")


def test_branches_that_are_held_all_wait_and_all_go_on(desk: Desk) -> None:
    run = desk.submit(wanted(note("a"), note("b"), flow=flow({"parallel": [["a"], ["b"]]})))
    desk.inline.run(1)
    desk.engine.hold(run.id, by="bob")
    desk.inline.run()
    assert desk.look(run).state is RunState.WAITING
    desk.engine.let_go(run.id, by="bob")
    assert desk.go_on(run).state is RunState.DONE
    assert sorted(notes(desk)) == ["a", "b"]


def test_a_run_is_repeated_from_a_step_and_what_was_only_read_is_read_anew(desk: Desk) -> None:
    choice = {"choose": "steps.find.detail.count > 2", "then": ["many"], "otherwise": ["few"]}
    desk.office.trouble["join_group before"] = [RejectedError("no such group")]
    steps = [note("a"), LIST, note("many"), note("few"), JOIN]
    run = desk.run(wanted(*steps, flow=flow("a", "find", "join_group", choice)))
    assert run.state is RunState.FAILED
    desk.office.devices = []
    desk.engine.retry(run.id, by="ann", from_step="find")
    run = desk.go_on(run)
    assert run.state is RunState.DONE
    assert notes(desk) == ["a", "few"]
    with pytest.raises(RunRefusedError):
        desk.engine.retry(run.id, by="ann", from_step="find")


def test_repeating_from_a_step_it_has_not_is_refused(desk: Desk) -> None:
    desk.office.trouble["join_group before"] = [RejectedError("no such group")]
    run = desk.run(wanted(JOIN, note("a")))
    with pytest.raises(RunRefusedError, match="has no step z"):
        desk.engine.retry(run.id, by="ann", from_step="z")


def test_what_was_done_is_put_back_where_the_plan_says_so_and_a_step_fails(desk: Desk) -> None:
    desk.office.trouble["send_text before"] = [RejectedError("no such number")]
    steps = [note("a"), JOIN, step("send_text", text=said("Hello")), note("b")]
    run = desk.run(wanted(*steps, on_failure="undo"))
    assert run.state is RunState.FAILED
    assert states(run) == {"a": "undone", "join_group": "undone", "send_text": "failed", "b": "skipped"}
    assert desk.office.state("group") == ""
    assert "run.compensating" in desk.kinds()
    with pytest.raises(RunRefusedError, match="make a new plan"):
        desk.engine.retry(run.id, by="ann")


def test_what_branches_and_loops_did_is_put_back_too(desk: Desk) -> None:
    tell = step("add_note", "tell", text=returned("item.id"))
    desk.office.trouble["send_text before"] = [RejectedError("no such number")]
    steps = [LIST, tell, note("a"), step("send_text", text=said("Hello"))]
    side = {"parallel": [["a"], ["send_text"]]}
    run = desk.run(wanted(*steps, flow=flow("find", EACH, side), on_failure="undo"))
    assert run.state is RunState.FAILED
    undone = {name for name, state in states(run).items() if state == "undone"}
    assert undone == {"tell.1", "tell.2", "tell.3", "a"}


def test_a_person_who_stops_a_run_stops_it_as_it_is(desk: Desk) -> None:
    run = desk.submit(wanted(note("a"), note("b"), on_failure="undo"))
    desk.office.on_call = once("add_note after", lambda: desk.engine.cancel(run.id, by="ann"))
    run = desk.go_on(run)
    assert run.state is RunState.CANCELLED
    assert states(run)["a"] == "done"


def test_a_run_that_is_turned_away_is_put_back_where_the_plan_says_so(desk: Desk) -> None:
    known = wanted(JOIN, note("b"), flow=flow("join_group", ASK, "b"), on_failure="undo")
    run = desk.submit(known)
    desk.inline.run()
    decide(desk, asked_of(desk, run), known, Verdict.DENY)
    run = desk.go_on(run)
    assert run.state is RunState.CANCELLED
    assert states(run) == {"join_group": "undone", "b": "skipped"}


def test_a_change_can_be_undone_within_its_window_and_not_later(desk: Desk) -> None:
    brief = JOIN.model_copy(update={"undo_hours": 2})
    run = desk.run(wanted(brief, note("a")))
    desk.clock.move(hours=2, minutes=1)
    with pytest.raises(RunRefusedError, match="that could be done until 2026-03-02 10:00 UTC"):
        desk.engine.undo(run.id, by="ann", step_id="join_group")
    desk.engine.undo(run.id, by="ann")
    run = desk.go_on(run)
    assert states(run) == {"join_group": "done", "a": "undone"}

    other = step("join_group", group=said("lan")).model_copy(update={"undo_hours": 2})
    run = desk.run(wanted(other, number=2))
    desk.clock.move(hours=1, minutes=59)
    desk.engine.undo(run.id, by="ann")
    assert desk.go_on(run).state is RunState.UNDONE


def test_a_step_is_tried_as_often_as_it_says(desk: Desk) -> None:
    desk.patience = type(desk.patience)(settling=0.0)
    desk.start()
    desk.office.trouble["join_group before"] = [UnavailableError("later")] * 9
    twice = JOIN.model_copy(update={"retry": Retry(attempts=2, pause_seconds=7)})
    run = desk.run(wanted(twice))
    assert (run.state, run.step("join_group").attempts, desk.inline.pauses) == (RunState.FAILED, 2, [7.0])


def test_a_step_whose_time_is_up_is_not_tried_again(desk: Desk) -> None:
    def slow(where: str) -> None:
        if where == "join_group before":
            desk.clock.move(minutes=3)

    desk.office.on_call = slow
    desk.office.trouble["join_group before"] = [UnavailableError("later")] * 9
    timed = JOIN.model_copy(update={"timeout_minutes": 5})
    run = desk.run(wanted(timed))
    assert run.state is RunState.FAILED
    assert run.step("join_group").attempts == 2


def test_an_undecided_run_can_be_asked_for_a_code_before_it_branches(desk: Desk) -> None:
    send, check = step("send_code"), step("check_code", code=ASKED)
    side = {"parallel": [["a"], ["b"]]}
    run = desk.run(wanted(send, check, note("a"), note("b"), flow=flow("send_code", "check_code", side)))
    assert run.state is RunState.DONE


BOUNDARIES = 400
EVERY = int(os.environ.get("DESKHAND_EVERY_BOUNDARY", "12"))
"""1 has a process die at each boundary, which takes minutes."""


def test_a_death_at_any_boundary_of_any_block_repeats_nothing_and_every_run_ends(tmp_path: Path) -> None:
    """The process dies at the n-th boundary, for every n there is, and another takes over."""
    tell = step("add_note", "tell", text=returned("item.id"))
    choice = {"choose": "steps.find.detail.count > 2", "then": ["many"], "otherwise": ["few"]}
    blocks = flow("find", EACH, choice, {"parallel": [["a", "b"], ["join_group"]]}, {"pause": {"minutes": 5}}, ASK, "z")
    steps = [LIST, tell, note("many"), note("few"), note("a"), note("b"), JOIN, note("z")]
    expected = ["d-1", "d-2", "d-3", "many", "a", "b", "z"]
    for number in range(1, BOUNDARIES, EVERY):
        folder = tmp_path / str(number)
        folder.mkdir()
        desk = Desk.open(url_of(folder / "records.db"), folder)
        known, left = wanted(*steps, flow=blocks), [number]

        run = desk.submit(known)
        desk.at = dying(left)
        desk.start()
        _live(desk, run, known)
        assert desk.look(run).state is RunState.DONE, (number, desk.look(run))
        assert notes(desk) == expected, number
        desk.close()
        if left[0] > 0:
            return
    pytest.fail("there are more boundaries than that")


def dying(left: list[int]) -> Observer:
    """Die when so many boundaries have been crossed."""

    def at(boundary: str, subject: str) -> None:
        del boundary, subject
        left[0] -= 1
        if left[0] == 0:
            raise Death

    return at


def _live(desk: Desk, run: Run, known: Plan) -> None:
    for _ in range(40):
        try:
            desk.inline.run()
            now = desk.look(run)
            if now.state.is_over:
                return
            if now.waits_for is not None and now.waits_for.kind is WaitKind.APPROVAL:
                decide(desk, asked_of(desk, run), known)
            else:
                desk.clock.move(minutes=6)
        except Death:
            desk.clock.move(minutes=6)
            desk.start()
    pytest.fail(f"the run does not end: {desk.look(run)}")
