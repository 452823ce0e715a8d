from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deskhand.records import runs
from deskhand.records.database import Records
from deskhand.records.runs import RecordedChange, Run, RunState, StepRecord, StepState, Wait, WaitKind

BEGUN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def run(number: int = 1, **parts: Any) -> Run:  # noqa: ANN401  # fields of a run
    made = Run(
        id=f"r-{number:016x}",
        plan_id=f"p-{number:016x}",
        plan_sha256="0" * 64,
        ticket_id="100",
        tenant_id="7",
        steps=(StepRecord(id="one", action="psa_x.note"), StepRecord(id="two", action="psa_x.note")),
        requested_by="ann",
        started_at=BEGUN + timedelta(minutes=number),
    )
    return made.model_copy(update=parts)


def start(records: Records, *started: Run) -> None:
    for each in started:
        with records.transaction("ann") as transaction:
            runs.start(transaction, each)


def test_a_run_is_read_back_as_it_was_written(records: Records) -> None:
    whole = run(
        automation="unlock",
        approval_id="a-1",
        approved_by="bob",
        waits_for=Wait(kind=WaitKind.PAUSE, step_id="one", text="busy", until=BEGUN),
        undoing=("two",),
        ended_at=BEGUN,
    ).with_step(
        "one",
        state=StepState.DONE,
        reference="42",
        detail={"list": [1, {"a": None}]},
        prior_state={"enabled": True},
        changes=(RecordedChange(field="enabled", current="yes", desired="no"),),
        claimed_at=BEGUN,
    )
    start(records, whole)
    assert runs.find(records, whole.id) == whole
    assert runs.find(records, "r-none") is None


def test_that_a_run_began_and_by_whose_leave_is_on_the_record(records: Records) -> None:
    start(records, run(approval_id="a-1", approved_by="bob"))
    (entry,) = records.audit_entries(tenant="7", ticket="100")
    assert (entry.kind, entry.actor) == ("run.submitted", "ann")
    assert entry.detail == {
        "run": run().id,
        "plan": run().plan_id,
        "sha256": "0" * 64,
        "requested_by": "ann",
        "approval": "a-1",
        "approved_by": "bob",
        "is_shadow": False,
    }


def test_a_plan_runs_once_however_often_it_was_looked_at(records: Records) -> None:
    start(records, run(1, is_shadow=True), run(2, plan_id=run(1).plan_id))
    with pytest.raises(LookupError, match="has run already"):
        start(records, run(3, plan_id=run(1).plan_id))
    start(records, run(4, plan_id=run(1).plan_id, is_shadow=True))


def test_a_change_is_one_entry_and_the_columns_follow_the_document(records: Records) -> None:
    start(records, run())
    with records.transaction("engine") as transaction:
        present = runs.current(transaction, run().id)
        changed = present.with_step("one", state=StepState.DONE).model_copy(update={"state": RunState.RUNNING})
        runs.save(transaction, changed, "step.done", {"step": "one"})
    assert runs.find(records, run().id) == changed
    assert runs.recent(records, 5, state=RunState.RUNNING) == [changed]
    assert runs.recent(records, 5, state=RunState.QUEUED) == []
    assert records.audit_entries()[-1].detail == {"run": run().id, "state": "running", "segment": 0, "step": "one"}


def test_nobody_knows_a_run_that_was_not(records: Records) -> None:
    with pytest.raises(LookupError, match="there is no run"), records.transaction("engine") as transaction:
        runs.current(transaction, "r-none")
    with pytest.raises(LookupError), records.transaction("engine") as transaction:
        runs.save(transaction, run(), "run.begun")


def test_runs_are_found_by_ticket_state_automation_and_client(records: Records) -> None:
    one, two = run(1), run(2, ticket_id="101", automation="unlock", state=RunState.DONE)
    three = run(3, tenant_id="8", state=RunState.WAITING)
    start(records, one, two, three)
    assert runs.of_ticket(records, "100") == [one, three]
    assert runs.recent(records, 2) == [three, two]
    assert runs.recent(records, 9, automation="unlock") == [two]
    assert runs.recent(records, 9, tenant="8") == [three]
    assert runs.recent(records, 9, tenant="7", state=RunState.DONE) == [two]
    assert runs.under_way(records) == [one, three]


def test_runs_that_wait_are_found_by_what_they_wait_for(records: Records) -> None:
    def waiting(number: int, kind: WaitKind, text: str = "") -> Run:
        return run(number, state=RunState.WAITING, waits_for=Wait(kind=kind, step_id="one", text=text))

    stopped = waiting(1, WaitKind.SWITCH)
    start(records, stopped, waiting(2, WaitKind.PROMPT, '"kind":"switch"'), run(3))
    assert runs.waiting_for(records, WaitKind.SWITCH) == [stopped]


def test_a_step_that_is_not_there_is_said(records: Records) -> None:
    assert records
    assert run().having(StepState.PLANNED) == ("one", "two")
    with pytest.raises(LookupError, match="no step three"):
        run().step("three")


@pytest.mark.parametrize("state", list(RunState))
def test_a_run_is_over_or_under_way(state: RunState) -> None:
    assert state.is_over is (state not in {RunState.QUEUED, RunState.RUNNING, RunState.WAITING})
