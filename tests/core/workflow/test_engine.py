"""Runs from their beginning to their end: what is done, what is said when it is not, and who is asked."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue, SecretStr
from structlog.testing import capture_logs

from deskhand.automation import plans
from deskhand.automation.plan import Plan, PlannedStep
from deskhand.governance import proof
from deskhand.governance.approval import ApprovalRefusedError
from deskhand.records import effects, grants, proofs, runs, switches
from deskhand.records.audit.verification import verify
from deskhand.records.database import url_of
from deskhand.records.effects import EffectState
from deskhand.records.grants import Grant, Mode
from deskhand.records.proofs import ProofState
from deskhand.records.runs import Cause, Run, RunState, StepState, Wait, WaitKind
from deskhand.records.switches import Level
from deskhand.sdk.actions import Receipt
from deskhand.sdk.errors import (
    AuthorizationError,
    ConnectorError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from deskhand.workflow.calls import unobserved
from deskhand.workflow.engine import RunRefusedError
from deskhand.workflow.handover import Handover
from deskhand.workflow.journal import Failure, OvertakenError
from deskhand.workflow.turn import key_of
from deskhand.workflow.undoing import undoing
from tests.core.workflow.desk import Desk
from tests.core.workflow.office import (
    ACTIONS,
    ASKED,
    NAME,
    PERSON,
    RIGHT_CODE,
    TICKET,
    Membership,
    plan,
    returned,
    said,
    step,
)
from tests.core.workflow.vendor import Death

JOIN = step("join_group", group=said("vpn"))
NOTE = step("add_note", text=said("Done."))
TEXT = step("send_text", text=said("Hello"))
RESET = step("reset_password")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk.open(url_of(tmp_path / "records.db"), tmp_path)
    yield opened
    opened.close()


def states(run: Run) -> dict[str, str]:
    return {each.id: each.state.value for each in run.steps}


def happened(desk: Desk) -> list[str]:
    return [each["field"] for each in desk.office.effects()]


def state_of(desk: Desk, run: Run, step_id: str) -> EffectState | None:
    effect = effects.find(desk.records, key_of(run.id, step_id))
    return None if effect is None else effect.state


# From beginning to end


def test_a_run_carries_out_every_step_once_in_the_plans_order_and_is_done(desk: Desk) -> None:
    run = desk.run()
    assert run.state is RunState.DONE
    assert set(states(run).values()) == {"done"}
    assert happened(desk) == ["group", "code", "approved", "password", "enabled", "text", "note"]
    assert run.step("send_text").reference == "6"
    assert desk.office.effects()[5]["value"] == "+441632960001", "what the first step returned"
    assert (run.requested_by, run.approved_by) == ("ann", "bob")
    assert run.started_at < (run.ended_at or run.started_at)


def test_intent_and_outcome_of_each_step_are_on_the_record_in_the_same_commits_as_the_runs_own(desk: Desk) -> None:
    desk.run(plan(NOTE))
    assert desk.kinds()[3:] == [
        "plan.saved",
        "run.submitted",
        "run.begun",
        "effect.claimed",
        "policy.decided",
        "step.begun",
        "effect.done",
        "step.done",
        "run.ended",
    ]


def test_the_diff_and_the_prior_state_are_captured_before_the_change(desk: Desk) -> None:
    desk.office.write("group", "old", "")
    run = desk.run(plan(JOIN))
    record = run.step("join_group")
    assert [(each.field, each.current, each.desired) for each in record.changes] == [("group", "old", "vpn")]
    assert record.prior_state == {"group": "old"}


def test_the_plan_is_kept_when_it_is_submitted_and_runs_once(desk: Desk) -> None:
    desk.run(plan(NOTE))
    assert plans.find(desk.records, plan(NOTE).id) == plan(NOTE)
    with pytest.raises(LookupError, match="has run already"):
        desk.submit(plan(NOTE))
    assert happened(desk) == ["note"]


def test_another_plan_under_the_same_name_is_refused(desk: Desk) -> None:
    desk.run(plan(NOTE))
    with pytest.raises(LookupError, match="is not the one that was kept"):
        desk.submit(plan(step("add_note", text=said("Else."))))


def test_a_plan_of_the_hard_gate_does_not_begin_without_an_approval(desk: Desk) -> None:
    with pytest.raises(RunRefusedError, match="needs an approval"), desk.records.transaction("ann") as transaction:
        desk.engine.submit(transaction, plan(RESET))
    assert runs.recent(desk.records, 10) == []


def test_a_plan_beyond_the_psa_changes_nothing_without_an_approval_or_a_grant(desk: Desk) -> None:
    with desk.records.transaction("ann") as transaction:
        run = desk.engine.submit(transaction, plan(JOIN))
    ended = desk.go_on(run)
    assert (ended.state, ended.step("join_group").ring) == (RunState.FAILED, "policy")
    assert happened(desk) == []


def test_an_approval_begins_one_run(desk: Desk) -> None:
    given = desk.approved(plan(JOIN))
    with desk.records.transaction("ann") as transaction:
        desk.engine.submit(transaction, plan(JOIN), approval_id=given.id)
    with pytest.raises(ApprovalRefusedError, match="used already"), desk.records.transaction("ann") as transaction:
        desk.engine.submit(transaction, plan(JOIN), approval_id=given.id)


@pytest.mark.parametrize("changed", [plan(TEXT), plan(JOIN, number=2), plan(JOIN, ticket="101")])
def test_an_approval_begins_no_other_plan(desk: Desk, changed: Plan) -> None:
    given = desk.approved(plan(JOIN))
    with pytest.raises(ApprovalRefusedError), desk.records.transaction("ann") as transaction:
        desk.engine.submit(transaction, changed, approval_id=given.id)
    assert runs.recent(desk.records, 10) == []
    assert desk.inline.queued == []


def test_a_step_that_asks_two_questions_is_refused(desk: Desk) -> None:
    with pytest.raises(RunRefusedError, match="asks for 2 answers"):
        desk.submit(plan(step("check_code", code=ASKED, user_id=ASKED)))


# Answers


def test_a_run_waits_for_what_a_person_types_and_holds_nothing_meanwhile(desk: Desk) -> None:
    run = desk.submit(plan(step("check_code", code=ASKED)))
    desk.inline.run()
    waiting = desk.look(run)
    assert (waiting.state, waiting.step("check_code").state) == (RunState.WAITING, StepState.WAITING)
    assert waiting.waits_for is not None
    assert (waiting.waits_for.kind, waiting.waits_for.text) == (WaitKind.PROMPT, "Which code do they read out?")
    assert desk.inline.queued == []
    assert desk.go_on(run).state is RunState.DONE


def test_a_typed_code_and_a_made_password_are_nowhere_in_the_store(desk: Desk, tmp_path: Path) -> None:
    desk.run()
    desk.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("records.db*"))
    assert b"join_group" in stored
    assert RIGHT_CODE.encode() not in stored
    assert b"Tulip" not in stored


def test_the_code_shows_neither_in_the_diff_nor_in_an_error(desk: Desk) -> None:
    run = desk.run(plan(step("check_code", code=ASKED)), answer="999999")
    assert "999999" not in run.model_dump_json()
    assert run.step("check_code").error == "not the right code: •••"
    assert run.step("check_code").changes[0].desired == "•••"


def test_three_wrong_answers_end_the_run_and_lock_the_person(desk: Desk) -> None:
    run = desk.submit(plan(step("check_code", code=ASKED)))
    desk.inline.run()
    for left in (2, 1):
        desk.engine.answer(run.id, "check_code", SecretStr("999999"), by="ann")
        desk.inline.run()
        wait = desk.look(run).waits_for
        assert wait is not None
        assert f"{left} left" in wait.text
    desk.engine.answer(run.id, "check_code", SecretStr("999999"), by="ann")
    desk.inline.run()
    ended = desk.look(run)
    assert (ended.state, ended.step("check_code").cause) == (RunState.FAILED, Cause.REJECTED)
    assert [each.state for each in proofs.of_plan(desk.records, run.plan_id)] == [ProofState.FAILED] * 3
    assert state_of(desk, run, "check_code") is EffectState.FAILED


def test_a_person_who_failed_before_on_this_ticket_has_fewer_attempts_left(desk: Desk) -> None:
    with desk.records.transaction("test") as transaction:
        for _ in range(2):
            proof.failed(transaction, proof.Shown(PERSON, TICKET, "7", "p-other", proof.ProofMethod.CODE))
    run = desk.submit(plan(step("check_code", code=ASKED)))
    desk.inline.run()
    desk.engine.answer(run.id, "check_code", SecretStr("999999"), by="ann")
    desk.inline.run()
    assert desk.look(run).state is RunState.FAILED


def test_after_a_wrong_answer_the_right_one_still_counts(desk: Desk) -> None:
    run = desk.submit(plan(step("check_code", code=ASKED), RESET))
    desk.inline.run()
    desk.engine.answer(run.id, "check_code", SecretStr("999999"), by="ann")
    assert desk.go_on(run).state is RunState.DONE
    assert happened(desk) == ["approved", "password"]


def test_an_answer_that_died_with_the_process_is_asked_for_again(desk: Desk) -> None:
    run = desk.submit(plan(step("check_code", code=ASKED)))
    desk.inline.run()
    desk.engine.answer(run.id, "check_code", SecretStr(RIGHT_CODE), by="ann")
    desk.start()
    desk.inline.run()
    assert desk.look(run).state is RunState.WAITING
    assert happened(desk) == []
    assert desk.go_on(run).state is RunState.DONE


def test_only_the_step_that_waits_takes_an_answer(desk: Desk) -> None:
    run = desk.run(plan(NOTE))
    for run_id, step_id in ((run.id, "add_note"), (run.id, "other"), ("r-none", "x")):
        with pytest.raises(LookupError):
            desk.engine.answer(run_id, step_id, SecretStr("1"), by="ann")
        assert desk.engine.handover.answered(run_id, step_id) is None


def test_an_answer_given_where_nothing_is_carried_out_is_refused(desk: Desk) -> None:
    run = desk.submit(plan(step("check_code", code=ASKED)))
    desk.inline.run()
    desk.engine._watch = None
    with pytest.raises(RunRefusedError, match="in memory alone"):
        desk.engine.answer(run.id, "check_code", SecretStr(RIGHT_CODE), by="ann")


# Identity


def test_a_right_code_proves_who_they_are_and_lets_the_next_step_pass(desk: Desk) -> None:
    run = desk.run(plan(step("send_code"), step("check_code", code=ASKED), RESET))
    assert run.state is RunState.DONE
    (kept,) = proofs.of_plan(desk.records, run.plan_id)
    assert (kept.person_id, kept.method, kept.state) == ("31", proof.ProofMethod.CODE, ProofState.USED)


def test_without_a_proof_nobody_gets_a_password(desk: Desk) -> None:
    run = desk.run(plan(RESET))
    assert (run.state, run.step("reset_password").cause) == (RunState.FAILED, Cause.REFUSED)
    assert run.step("reset_password").ring == "policy"
    assert happened(desk) == []


def test_a_made_password_is_handed_over_once_and_forgotten_with_the_process(desk: Desk) -> None:
    run = desk.run()
    taken = desk.engine.handover.take(run.id, "reset_password")
    assert {name: value.get_secret_value() for name, value in taken.items()} == {
        "temporary_password": "Tulip-Anchor-41"
    }
    assert desk.engine.handover.take(run.id, "reset_password") == {}
    desk.start()
    assert desk.engine.handover.take(run.id, "reset_password") == {}


# Failures


def fail(desk: Desk, where: str, *errors: ConnectorError) -> None:
    desk.office.trouble[where] = list(errors)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (RejectedError("no"), Cause.REJECTED),
        (NotFoundError("gone"), Cause.NOT_FOUND),
        (AuthorizationError("401"), Cause.AUTHORIZATION),
    ],
)
@pytest.mark.parametrize("where", ["send_text inspect", "send_text before"])
def test_a_step_that_surely_failed_ends_the_run_and_is_taken_up_again_from_there(
    desk: Desk, where: str, error: ConnectorError, cause: Cause
) -> None:
    fail(desk, where, error)
    run = desk.run(plan(JOIN, TEXT, NOTE))
    assert run.state is RunState.FAILED
    assert states(run) == {"join_group": "done", "send_text": "failed", "add_note": "skipped"}
    assert (run.step("send_text").cause, run.step("send_text").error) == (cause, str(error))
    assert state_of(desk, run, "send_text") in {None, EffectState.FAILED}
    desk.engine.retry(run.id, by="ann")
    again = desk.go_on(run)
    assert (again.state, set(states(again).values())) == (RunState.DONE, {"done"})
    assert happened(desk) == ["group", "text", "note"]


def test_what_passes_by_itself_is_tried_again_with_longer_and_longer_pauses(desk: Desk) -> None:
    fail(desk, "send_text before", *[UnavailableError("503")] * 4)
    desk.clock.move(seconds=1)
    run = desk.submit(plan(TEXT))
    desk.patience = replace(desk.patience, settling=0.0)
    desk.start()
    desk.inline.run()
    assert desk.look(run).state is RunState.DONE
    assert desk.inline.pauses == [1.0, 2.0, 4.0, 8.0]
    assert happened(desk) == ["text"]


@pytest.mark.parametrize("verb", ["send_text", "join_group"])
def test_after_five_attempts_in_vain_the_run_fails_or_says_that_nobody_knows(desk: Desk, verb: str) -> None:
    desk.patience = replace(desk.patience, settling=0.0, longest_nap=100)
    desk.start()
    fail(desk, f"{verb} before", *[UnavailableError("503")] * 5)
    run = desk.run(plan(TEXT if verb == "send_text" else JOIN))
    assert desk.inline.pauses == [1.0, 2.0, 4.0, 8.0]
    assert (run.steps[0].cause, run.steps[0].attempts) == (Cause.OUTAGE, 5)
    assert run.state is (RunState.NEEDS_REVIEW if verb == "send_text" else RunState.FAILED)
    desk.engine.retry(run.id, by="ann")
    assert desk.go_on(run).state is RunState.DONE


def test_a_step_that_leaves_no_key_is_not_stuck_where_the_vendor_was_never_reached(desk: Desk) -> None:
    proven = step("check_code", code=ASKED)
    fail(desk, "reset_password before", *[UnavailableError("503")] * 2)
    run = desk.run(plan(proven, RESET))
    assert run.state is RunState.DONE
    assert happened(desk) == ["approved", "password"]


def test_a_pause_the_vendor_asks_for_parks_the_run_until_it_is_over(desk: Desk) -> None:
    fail(desk, "send_text before", RateLimitedError("429", retry_after=300))
    run = desk.submit(plan(TEXT))
    desk.inline.run(1)
    parked = desk.look(run)
    assert parked.state is RunState.WAITING
    assert parked.waits_for is not None
    assert parked.waits_for.kind is WaitKind.PAUSE
    assert desk.inline.delays == {(run.id, 1): pytest.approx(300, abs=0.1)}
    assert desk.go_on(run).state is RunState.DONE


def test_a_lost_answer_is_read_only_after_the_vendor_had_time_and_nothing_is_repeated(desk: Desk) -> None:
    fail(desk, "send_text after", UncertainError("the answer was lost"))
    run = desk.submit(plan(TEXT))
    asked: list[str] = []
    desk.office.on_call = asked.append
    desk.inline.run(1)
    assert desk.look(run).state is RunState.WAITING
    assert desk.inline.delays[(run.id, 1)] > 25
    assert "text probe" not in asked
    desk.clock.move(seconds=31)
    assert desk.go_on(run).state is RunState.DONE
    assert "text probe" in asked
    assert happened(desk) == ["text"]


def unknown(desk: Desk) -> Run:
    """Bring a run to where nobody knows whether a password was set."""
    fail(desk, "reset_password after", UncertainError("the answer was lost"))
    run = desk.run(plan(step("check_code", code=ASKED), RESET, NOTE))
    assert run.state is RunState.NEEDS_REVIEW
    assert states(run) == {"check_code": "done", "reset_password": "unknown", "add_note": "skipped"}
    assert state_of(desk, run, "reset_password") is EffectState.NEEDS_REVIEW
    return run


def test_what_cannot_be_read_back_waits_for_a_person_and_is_never_repeated(desk: Desk) -> None:
    run = unknown(desk)
    desk.engine.retry(run.id, by="ann")
    assert desk.go_on(run).state is RunState.NEEDS_REVIEW
    assert happened(desk) == ["approved", "password"]


@pytest.mark.parametrize("is_done", [True, False])
def test_once_a_person_has_looked_the_run_goes_on_as_they_found(desk: Desk, *, is_done: bool) -> None:
    run = unknown(desk)
    settled = desk.engine.settle(run.id, "reset_password", by="ann", is_done=is_done)
    assert settled.state is RunState.FAILED
    desk.engine.retry(run.id, by="ann")
    ended = desk.go_on(run)
    assert (ended.state, set(states(ended).values())) == (RunState.DONE, {"done"})
    assert happened(desk) == ["approved", "password", *([] if is_done else ["password"]), "note"]
    with pytest.raises(RunRefusedError, match="nothing is unknown"):
        desk.engine.settle(run.id, "reset_password", by="ann", is_done=is_done)


def test_a_bug_in_an_action_ends_the_run_and_not_the_desk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> Receipt:
        raise ZeroDivisionError

    monkeypatch.setitem(ACTIONS, f"{NAME}.look", replace(ACTIONS[f"{NAME}.look"], apply=broken))
    with capture_logs():
        run = desk.run(plan(step("look"), NOTE))
    assert (run.state, run.step("look").cause) == (RunState.FAILED, Cause.BUG)
    assert "ZeroDivisionError" in run.step("look").error


def test_an_action_that_is_no_longer_there_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run = desk.submit(plan(NOTE))
    monkeypatch.delitem(ACTIONS, f"{NAME}.add_note")
    desk.inline.run()
    assert desk.look(run).step("add_note").cause is Cause.CONFIGURATION


# Rings


def test_a_ticket_that_moved_to_another_client_since_is_touched_no_more(desk: Desk) -> None:
    run = desk.submit(plan(NOTE))
    desk.tenant = "8"
    desk.inline.run()
    ended = desk.look(run)
    assert (ended.state, ended.step("add_note").ring) == (RunState.FAILED, "ticket")
    assert happened(desk) == []


def test_a_target_of_another_client_is_refused(desk: Desk) -> None:
    desk.office.owner = "8"
    run = desk.run(plan(JOIN))
    assert (run.state, run.step("join_group").ring) == (RunState.FAILED, "tenant")


def test_a_privileged_target_takes_an_approval_even_in_the_psa(desk: Desk) -> None:
    desk.office.privileged = frozenset({"u-1"})
    run = desk.run(plan(NOTE))
    assert (run.state, run.step("add_note").ring) == (RunState.FAILED, "policy")
    assert happened(desk) == []


def test_a_thrown_switch_parks_the_run_and_its_release_lets_it_go_on(desk: Desk) -> None:
    run = desk.submit(plan(JOIN, NOTE))
    with desk.records.transaction("cleo") as transaction:
        switches.throw(transaction, Level.TENANT, "7", by="cleo", reason="wrong client")
    desk.inline.run()
    parked = desk.look(run)
    assert parked.state is RunState.WAITING
    assert parked.waits_for is not None
    assert parked.waits_for.kind is WaitKind.SWITCH
    assert "wrong client" in parked.waits_for.text
    watch = desk.engine._watch
    assert watch is not None
    watch.look()
    assert desk.look(run).state is RunState.WAITING
    with desk.records.transaction("cleo") as transaction:
        switches.release(transaction, Level.TENANT, "7", by="cleo", reason="right client")
    watch.look()
    assert desk.go_on(run).state is RunState.DONE
    assert happened(desk) == ["group", "note"]


def test_a_client_that_allows_an_action_once_an_hour_gets_it_once_an_hour(desk: Desk) -> None:
    row = Grant(tenant_id="7", subject=f"action:{JOIN.action}", mode=Mode.AUTO, per_hour=1)
    with desk.records.transaction("admin") as transaction:
        proposed = grants.propose(transaction, (row,), author="ann")
        grants.approve(transaction, proposed.version, by="bob")
    assert desk.run(plan(JOIN)).state is RunState.DONE
    again = desk.run(plan(JOIN, number=2))
    assert (again.state, again.step("join_group").ring) == (RunState.FAILED, "policy")
    assert "as often this hour" in again.step("join_group").error
    desk.clock.move(hours=1)
    assert desk.run(plan(JOIN, number=3)).state is RunState.DONE


# Stopping, handing on, taking up


def test_a_waiting_run_that_is_cancelled_ends_and_keeps_what_it_did(desk: Desk) -> None:
    run = desk.submit(plan(JOIN, step("check_code", code=ASKED), NOTE))
    desk.inline.run()
    desk.engine.cancel(run.id, by="cleo")
    desk.inline.run()
    ended = desk.look(run)
    assert (ended.state, ended.cancelled_by) == (RunState.CANCELLED, "cleo")
    assert states(ended) == {"join_group": "done", "check_code": "skipped", "add_note": "skipped"}
    with pytest.raises(RunRefusedError, match="is over"):
        desk.engine.cancel(run.id, by="cleo")


@pytest.mark.parametrize("moment", ["join_group inspect", "join_group before"])
def test_a_run_that_is_cancelled_in_the_midst_of_a_step_stops_before_the_next_effect(desk: Desk, moment: str) -> None:
    run = desk.submit(plan(JOIN, NOTE))

    def cancel(where: str) -> None:
        if where == moment:
            desk.engine.cancel(run.id, by="cleo")

    desk.office.on_call = cancel
    desk.inline.run()
    assert desk.look(run).state is RunState.CANCELLED
    assert happened(desk) == ([] if "inspect" in moment else ["group"])


def test_a_cancelled_run_can_be_taken_up_again(desk: Desk) -> None:
    run = desk.submit(plan(JOIN, NOTE))
    desk.engine.cancel(run.id, by="cleo")
    desk.inline.run()
    desk.engine.retry(run.id, by="ann")
    assert desk.go_on(run).state is RunState.DONE


def test_a_done_run_is_not_repeated(desk: Desk) -> None:
    run = desk.run(plan(NOTE))
    with pytest.raises(RunRefusedError, match="only what failed or was stopped"):
        desk.engine.retry(run.id, by="ann")


def test_a_desk_that_closes_hands_the_rest_of_a_run_to_the_next(desk: Desk) -> None:
    run = desk.submit(plan(JOIN, NOTE))
    desk.office.on_call = lambda where: desk.engine._stopping.set() if where == "join_group before" else None
    desk.inline.run(1)
    assert desk.look(run).state is RunState.QUEUED
    assert happened(desk) == ["group"]
    desk.office.on_call = lambda _where: None
    desk.start()
    assert desk.go_on(run).state is RunState.DONE
    assert happened(desk) == ["group", "note"]


def test_a_run_nobody_carries_on_is_taken_up_at_the_next_start(desk: Desk) -> None:
    run = desk.submit(plan(NOTE))
    desk.inline.queued.clear()
    desk.start()
    assert desk.go_on(run).state is RunState.DONE
    assert "run.taken_up" in desk.kinds()


def test_a_run_that_cannot_be_carried_on_is_left_to_a_person_at_last(desk: Desk) -> None:
    run = desk.submit(plan(NOTE))
    for _ in range(6):
        desk.inline.broken |= set(desk.inline.queued)
        desk.inline.queued.clear()
        desk.start()
    ended = desk.look(run)
    assert (ended.state, ended.taken_up) == (RunState.NEEDS_REVIEW, 5)
    assert desk.inline.queued == []


def test_an_older_segment_that_comes_back_changes_nothing(desk: Desk) -> None:
    run = desk.submit(plan(step("check_code", code=ASKED), NOTE))
    desk.inline.run()
    desk.engine.answer(run.id, "check_code", SecretStr(RIGHT_CODE), by="ann")
    desk.inline.queued.insert(0, (run.id, 0))
    desk.inline.run(1)
    assert (desk.look(run).state, happened(desk)) == (RunState.QUEUED, [])
    desk.engine._journal.begin(run.id, 1)
    assert desk.engine._attempts().make(run.id, 0, "check_code") == {"next": "stop"}
    assert happened(desk) == []
    assert desk.go_on(run).state is RunState.DONE


def begun(desk: Desk, *steps: PlannedStep) -> Run:
    """A run whose first segment has just begun."""
    run = desk.submit(plan(*steps))
    desk.inline.queued.clear()
    return desk.engine._journal.begin(run.id, 0)


@pytest.mark.parametrize("written", ["a question", "a failed attempt", "its end"])
def test_what_an_attempt_taken_for_lost_has_carried_out_stays_carried_out(desk: Desk, written: str) -> None:
    run, journal = begun(desk, JOIN, NOTE), desk.engine._journal
    with desk.records.transaction("test") as transaction:
        runs.save(transaction, run.with_step("join_group", state=StepState.DONE), "step.done")
    failure, question = (
        Failure(Cause.OUTAGE, "no answer"),
        Wait(kind=WaitKind.PROMPT, step_id="join_group", text="Which?"),
    )
    write = {
        "a question": lambda: journal.park(run.id, 0, question),
        "a failed attempt": lambda: journal.note(run.id, 0, "join_group", failure, 1.0),
        "its end": lambda: journal.stop(run.id, 0, "join_group", failure, RunState.FAILED),
    }
    with pytest.raises(OvertakenError):
        write[written]()
    assert (desk.look(run).state, desk.look(run).step("join_group").state) == (RunState.RUNNING, StepState.DONE)
    assert desk.look(run).step("join_group").error == ""


def test_an_attempt_that_comes_too_late_with_its_question_goes_on_behind_it(desk: Desk) -> None:
    run = begun(desk, step("check_code", code=ASKED), NOTE)

    class Overtaken(Handover):
        """The code was used up by the attempt that was taken for lost, just after this one had looked at the run."""

        def answered(self, run_id: str, step_id: str) -> SecretStr | None:
            with desk.records.transaction("test") as transaction:
                runs.save(transaction, run.with_step(step_id, state=StepState.DONE), "step.done")
            return super().answered(run_id, step_id)

    late = replace(desk.engine._attempts(), handover=Overtaken(desk.clock))
    assert late.make(run.id, 0, "check_code") == {"next": "on", "step": "add_note", "is_at_desk": False}
    assert desk.look(run).state is RunState.RUNNING


def test_a_run_says_what_the_ledger_says_before_it_goes_on(desk: Desk) -> None:
    run, attempts = begun(desk, JOIN, NOTE), desk.engine._attempts()
    attempts.make(run.id, 0, "join_group")
    with desk.records.transaction("test") as transaction:
        present = runs.current(transaction, run.id).with_step("join_group", state=StepState.PLANNED)
        runs.save(transaction, present, "test.overwritten")
    assert attempts.make(run.id, 0, "join_group")["step"] == "add_note"
    assert desk.look(run).step("join_group").state is StepState.DONE
    assert happened(desk) == ["group"]


def test_a_run_that_changed_since_it_was_looked_at_is_not_taken_up(desk: Desk) -> None:
    run = desk.submit(plan(NOTE))
    seen = desk.look(run)
    desk.inline.run()
    watch = desk.engine._watch
    assert watch is not None
    watch._adopt([seen])
    assert (desk.look(run).state, desk.inline.queued) == (RunState.DONE, [])


def test_nobody_is_asked_again_for_a_step_that_a_dead_process_finished(tmp_path: Path) -> None:
    desk = Desk.open(url_of(tmp_path / "dying.db"), tmp_path)

    def die(boundary: str, subject: str) -> None:
        if (boundary, subject) == ("recorded", "check_code") and not happened(desk)[1:]:
            raise Death

    desk.at = die
    desk.start()
    run = desk.submit(plan(step("check_code", code=ASKED), NOTE))
    desk.inline.run()
    desk.engine.answer(run.id, "check_code", SecretStr(RIGHT_CODE), by="ann")
    with pytest.raises(Death):
        desk.inline.run()
    desk.at = unobserved
    desk.start()
    desk.inline.run()
    assert desk.look(run).state is RunState.DONE
    desk.close()


def test_a_segment_that_is_not_the_runs_own_any_more_does_nothing(desk: Desk) -> None:
    run = desk.submit(plan(NOTE))
    desk.engine.cancel(run.id, by="cleo")
    desk.inline.queued.append((run.id, 7))
    desk.inline.run()
    assert desk.look(run).state is RunState.CANCELLED
    desk.inline.queued.append((run.id, 0))
    desk.inline.run()
    assert happened(desk) == []


# Undoing


def test_what_a_run_changed_is_put_back_newest_first_from_the_captured_state(desk: Desk) -> None:
    desk.office.write("group", "old", "")
    run = desk.run(plan(JOIN, TEXT, step("check_code", code=ASKED), step("enable"), NOTE))
    desk.engine.undo(run.id, by="cleo")
    ended = desk.go_on(run)
    assert (ended.state, ended.undone_by) == (RunState.UNDONE, "cleo")
    assert [ended.step(name).state.value for name in ("join_group", "send_text", "enable", "add_note")] == [
        "undone",
        "done",
        "undone",
        "undone",
    ]
    back = [(each["field"], each["value"]) for each in desk.office.effects()][-3:]
    assert back == [("note 6 removed", "yes"), ("enabled", ""), ("group", "old")]


def test_one_step_is_put_back_and_the_run_stays_what_it_was(desk: Desk) -> None:
    run = desk.run(plan(JOIN, NOTE))
    desk.engine.undo(run.id, by="ann", step_id="join_group")
    ended = desk.go_on(run)
    assert (ended.state, states(ended)) == (RunState.DONE, {"join_group": "undone", "add_note": "done"})
    desk.engine.undo(run.id, by="ann", step_id="add_note")
    assert desk.go_on(run).state is RunState.UNDONE


@pytest.mark.parametrize(
    ("steps", "step_id", "reason"),
    [
        ((TEXT,), "send_text", "what was sent was sent"),
        ((TEXT,), None, "nothing of run"),
        ((step("look"), NOTE), "look", "it only read"),
        ((NOTE,), "other", "no step other"),
    ],
)
def test_what_has_no_way_back_says_so(
    desk: Desk, steps: tuple[PlannedStep, ...], step_id: str | None, reason: str
) -> None:
    run = desk.run(plan(*steps))
    with pytest.raises(LookupError, match=reason):
        desk.engine.undo(run.id, by="ann", step_id=step_id)
    assert desk.look(run).state is RunState.DONE


def test_what_was_so_before_is_not_put_back(desk: Desk) -> None:
    desk.office.write("group", "vpn", "")
    run = desk.run(plan(JOIN))
    with pytest.raises(RunRefusedError, match="it changed nothing"):
        desk.engine.undo(run.id, by="ann", step_id="join_group")


def test_nothing_is_put_back_twice_or_while_the_run_goes_on(desk: Desk) -> None:
    run = desk.submit(plan(NOTE))
    with pytest.raises(RunRefusedError, match="is not over"):
        desk.engine.undo(run.id, by="ann")
    desk.inline.run()
    desk.engine.undo(run.id, by="ann")
    desk.inline.run()
    with pytest.raises(RunRefusedError, match="is undone, not done"):
        desk.engine.undo(run.id, by="ann", step_id="add_note")


def test_an_undo_that_fails_leaves_the_step_done_and_can_be_repeated(desk: Desk) -> None:
    run = desk.run(plan(JOIN, NOTE))
    fail(desk, "leave_group before", RejectedError("the group is protected"))
    desk.engine.undo(run.id, by="ann")
    failed = desk.go_on(run)
    assert (failed.state, states(failed)) == (RunState.FAILED, {"join_group": "done", "add_note": "undone"})
    assert failed.step("join_group").error == "the group is protected"
    desk.engine.retry(run.id, by="ann")
    assert desk.go_on(run).state is RunState.UNDONE


def test_an_undo_that_is_not_there_when_read_back_is_not_reported_as_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskhand.workflow.undoing._PAUSE", 0.0)
    desk.patience = replace(desk.patience, settling=0.0)
    desk.start()
    run = desk.run(plan(JOIN))
    desk.office.deaf = frozenset({"leave_group"})
    desk.engine.undo(run.id, by="ann")
    ended = desk.go_on(run)
    assert (ended.state, states(ended)) == (RunState.NEEDS_REVIEW, {"join_group": "unknown"})
    desk.office.deaf = frozenset()
    desk.engine.retry(run.id, by="ann")
    assert desk.go_on(run).state is RunState.UNDONE
    assert desk.office.state("group") == ""


@pytest.mark.parametrize("prior", [{}, {"group": "old"}])
def test_what_is_gone_by_itself_counts_as_undone_where_nothing_else_was_to_be_restored(
    desk: Desk, prior: dict[str, JsonValue]
) -> None:
    def gone(*_arguments: object) -> None:
        raise NotFoundError("gone")

    action = replace(ACTIONS[f"{NAME}.join_group"], undo=gone)
    undo = undoing(action, prior, Receipt("vpn"))
    values = Membership(company_id="7", user_id="u-1", group="vpn")
    if prior:
        with pytest.raises(NotFoundError):
            undo.apply(desk.office, values, "key")
    else:
        assert undo.apply(desk.office, values, "key").detail == {"was_gone": True}


def test_an_undo_passes_the_gate_as_everything_does(desk: Desk) -> None:
    run = desk.run(plan(JOIN))
    with desk.records.transaction("cleo") as transaction:
        switches.throw(transaction, Level.GLOBAL, "", by="cleo", reason="stop")
    desk.engine.undo(run.id, by="ann")
    assert desk.go_on(run).state is RunState.WAITING
    assert desk.office.state("group") == "vpn"


def test_what_was_undone_is_not_taken_up_again(desk: Desk) -> None:
    fail(desk, "send_text before", RejectedError("no"))
    run = desk.run(plan(JOIN, TEXT))
    desk.engine.undo(run.id, by="ann")
    ended = desk.go_on(run)
    assert ended.state is RunState.UNDONE
    with pytest.raises(RunRefusedError):
        desk.engine.retry(run.id, by="ann")


def test_a_failed_run_of_which_a_step_was_undone_is_not_taken_up_again_either(desk: Desk) -> None:
    fail(desk, "send_text before", RejectedError("no"))
    run = desk.run(plan(JOIN, NOTE, TEXT))
    desk.engine.undo(run.id, by="ann", step_id="join_group")
    assert desk.go_on(run).state is RunState.FAILED
    with pytest.raises(RunRefusedError, match="was undone"):
        desk.engine.retry(run.id, by="ann")


# Shadow runs


def test_a_shadow_run_says_what_it_would_change_and_changes_nothing(desk: Desk) -> None:
    wanted = plan(JOIN, step("look"), step("send_text", text=returned("look.detail.phone")), RESET)
    run = desk.submit(wanted, is_shadow=True)
    desk.inline.run()
    ended = desk.look(run)
    assert (ended.state, set(states(ended).values())) == (RunState.DONE, {"skipped"})
    assert [each.desired for each in ended.step("join_group").changes] == ["vpn"]
    assert "while the plan runs" in ended.step("send_text").error
    assert desk.office.effects() == []
    assert desk.submit(wanted).is_shadow is False


# The record


def test_the_record_of_runs_verifies(desk: Desk, tmp_path: Path) -> None:
    desk.run()
    desk.engine.undo(runs.recent(desk.records, 1)[0].id, by="ann")
    desk.inline.run()
    assert verify(url_of(tmp_path / "records.db"), signing=tmp_path / "signing").ok
