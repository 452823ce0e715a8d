"""Calls the desk itself holds back: the run waits, no attempt is counted, nothing fails, and nothing is done twice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deskhand.governance.switches import Level
from deskhand.governance.traffic.budget import Budget
from deskhand.governance.traffic.control import Controls
from deskhand.governance.traffic.settings import LimitSettings
from deskhand.records import effects, switches
from deskhand.records.database import url_of
from deskhand.records.effects import EffectState
from deskhand.records.runs import RunState, WaitKind
from deskhand.sdk import traffic
from deskhand.sdk.errors import HeldBackError, HeldBy
from deskhand.sdk.traffic import Errand, Purpose
from deskhand.workflow.governed import governed
from deskhand.workflow.turn import key_of
from tests.core.workflow.desk import Desk
from tests.core.workflow.office import NAME, plan, said, step

NOTE, TEXT = step("add_note", text=said("Done.")), step("send_text", text=said("Hello"))
BUDGET = HeldBackError("office_file: used up", retry_after=600, by=HeldBy.BUDGET, connector=NAME)
SWITCH = HeldBackError("Everything is stopped", retry_after=1, by=HeldBy.SWITCH, connector=NAME)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk.open(url_of(tmp_path / "records.db"), tmp_path)
    yield opened
    opened.close()


@pytest.mark.parametrize("where", ["add_note inspect", "add_note before"])
def test_a_budget_that_is_used_up_parks_the_run_and_counts_no_attempt(desk: Desk, where: str) -> None:
    desk.office.trouble[where] = [BUDGET] * 20
    run = desk.submit(plan(NOTE))
    for _ in range(20):
        desk.inline.run(1)
        parked = desk.look(run)
        assert (parked.state, parked.steps[0].attempts) == (RunState.WAITING, 0)
        assert parked.waits_for is not None
        assert parked.waits_for.kind is WaitKind.PAUSE
        assert "used up" in parked.waits_for.text
        desk.clock.move(seconds=600)
    assert list(desk.inline.delays.values()) == [pytest.approx(600, abs=0.1)] * 20
    assert desk.go_on(run).state is RunState.DONE
    assert len(desk.office.effects()) == 1


def test_a_switch_met_at_the_wire_parks_the_run_until_it_is_released(desk: Desk) -> None:
    run = desk.submit(plan(NOTE))

    def throw(where: str) -> None:
        if where == "add_note inspect":
            desk.office.on_call = lambda _where: None
            with desk.records.transaction("ann") as transaction:
                switches.throw(transaction, Level.GLOBAL, "", by="ann", reason="fire")
            raise SWITCH

    desk.office.on_call = throw
    desk.inline.run()
    parked = desk.look(run)
    assert parked.waits_for is not None
    assert (parked.state, parked.waits_for.kind) == (RunState.WAITING, WaitKind.SWITCH)
    desk.engine._watch.look()  # type: ignore[union-attr]  # it was launched
    assert desk.look(run).state is RunState.WAITING
    with desk.records.transaction("ada") as transaction:
        switches.release(transaction, Level.GLOBAL, "", by="ada", reason="over")
    desk.engine._watch.look()  # type: ignore[union-attr]  # it was launched
    assert desk.go_on(run).state is RunState.DONE


def test_a_switch_for_another_connector_is_looked_at_now_and_then(desk: Desk) -> None:
    """A run reads its ticket at the PSA also where its step is elsewhere: that switch is not the step's own."""
    elsewhere = HeldBackError("psa is stopped", retry_after=1, by=HeldBy.SWITCH, connector="psa_other")
    desk.office.trouble["add_note inspect"] = [elsewhere] * 2
    run = desk.submit(plan(NOTE))
    desk.inline.run(1)
    parked = desk.look(run)
    assert parked.waits_for is not None
    assert (parked.waits_for.kind, parked.steps[0].attempts) == (WaitKind.PAUSE, 0)
    assert desk.inline.delays == {(run.id, 1): pytest.approx(30, abs=0.1)}
    assert desk.go_on(run).state is RunState.DONE


@pytest.mark.parametrize(("sent", "state"), [(0, EffectState.FAILED), (1, EffectState.CLAIMED)])
def test_a_change_stopped_before_its_first_request_is_begun_anew_and_one_stopped_after_it_is_read_first(
    desk: Desk, sent: int, state: EffectState
) -> None:
    def stop(where: str) -> None:
        if where == "send_text before":
            desk.office.on_call = lambda _where: None
            for _ in range(sent):
                traffic.enter("nobodys_package", "")
            raise BUDGET

    desk.office.on_call = stop
    run = desk.submit(plan(TEXT))
    desk.inline.run(1)
    effect = effects.find(desk.records, key_of(run.id, "send_text"))
    assert effect is not None
    assert effect.state is state
    desk.patience = replace(desk.patience, settling=0.0)
    desk.start()
    assert desk.go_on(run).state is RunState.DONE
    assert len(desk.office.effects()) == 1


@pytest.mark.parametrize(("by", "purpose"), [("ann", Purpose.PEOPLE), ("automation:unlock", Purpose.AUTOMATIONS)])
def test_calls_are_made_for_whoever_asked_and_for_the_runs_client(desk: Desk, by: str, purpose: Purpose) -> None:
    seen: list[Errand] = []
    desk.office.on_call = lambda _where: seen.append(traffic.errand())
    run = desk.submit(plan(NOTE, requested_by=by))
    desk.inline.run(1)
    assert desk.look(run).state.is_over
    assert {each.purpose for each in seen} == {purpose}
    assert {each.tenant for each in seen} == {"7"}
    assert traffic.errand() == Errand()


def test_the_gate_begins_no_change_it_could_not_finish(desk: Desk) -> None:
    controls = Controls(LimitSettings(), desk.clock)
    with controls.over(NAME, "nobodys_package", Budget(30, 0)):
        controls.keep_in(desk.records)
        desk.engine.gate = replace(desk.engine.gate, governing=governed(desk.records, desk.clock, controls=controls))
        desk.engine._watch = None  # launched again, through that gate
        desk.engine.launch()
        control = controls.of(NAME)
        assert control is not None
        for _ in range(21):
            control.enter("", Errand())
        run = desk.submit(plan(NOTE))
        desk.inline.run(1)
        parked = desk.look(run)
        assert parked.waits_for is not None
        assert (parked.state, parked.waits_for.kind) == (RunState.WAITING, WaitKind.PAUSE)
        assert desk.office.effects() == []
        desk.clock.move(minutes=62)
        assert desk.go_on(run).state is RunState.DONE
