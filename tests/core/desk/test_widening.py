"""A new version goes to one client, then to five, then to the rest; where it fails, each is back where it was."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from deskhand.automation import plans
from deskhand.automation.plan import AutomationPin, Plan
from deskhand.automation.stage import Stage
from deskhand.desk.automating import Automating
from deskhand.desk.desk import Desk
from deskhand.desk.refusals import DeskRefusedError
from deskhand.records import runs
from deskhand.records.canaries import Wave
from deskhand.records.runs import Cause, Run, RunState, StepRecord
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import Hurry, Msp, hurried
from tests.core.desk.test_automating import ADMIN, APPROVER, NAME, TEXT, approved, employ
from tests.core.workflow.office import plan, said, step

CLIENTS = tuple(str(number) for number in range(101, 109))
NUMBERS = count(1)


@pytest.fixture
def hurry() -> Hurry:
    return Hurry()


@pytest.fixture
def desk(configured: Configure, msp: Msp, hurry: Hurry) -> Iterator[Desk]:
    msp.ticket("Something else entirely")
    with hurried(configured(maintenance={"canary_runs": 2, "canary_hours": 24}), hurry) as desk:
        employ(desk)
        desk.intake.backfill(lambda _done, _total: None)
        yield desk


@pytest.fixture
def automating(desk: Desk) -> Automating:
    return desk.automating


def stage(automating: Automating, *tenants: str) -> None:
    for tenant in tenants:
        automating.stage(ADMIN, NAME, tenant, Stage.AUTO.value, "for the test")


def second_version(automating: Automating) -> None:
    """Have version 1 at auto everywhere, as after a roll-out long ago, and version 2 approved."""
    approved(automating)
    stage(automating, *CLIENTS)
    for _ in range(2):
        automating.widening.ahead(ADMIN, NAME, "long ago")
    assert at_auto(automating, 1) == CLIENTS
    approved(automating, TEXT.replace("first.", "please."))


def at_auto(automating: Automating, version: int) -> tuple[str, ...]:
    placed = ((tenant, automating.shelf.placed(NAME, tenant)) for tenant in CLIENTS)
    return tuple(tenant for tenant, each in placed if (each.stage, each.record.version) == (Stage.AUTO, version))


def pinned(automating: Automating, tenant: str, version: int) -> Plan:
    pin = AutomationPin(name=NAME, version=version, sha256=automating.version(NAME, version).sha256)
    by, number = f"automation:{NAME}", next(NUMBERS)
    return plan(step("add_note", text=said("x")), number=number, requested_by=by, tenant=tenant, pin=pin)


def ran(
    automating: Automating, tenant: str, *, version: int = 2, state: RunState = RunState.DONE, **step: object
) -> Run:
    """Put a run of a version on the record that ended so."""
    whole = pinned(automating, tenant, version)
    record = StepRecord(id="add_note", action="office_file.add_note").model_copy(update=step)
    with automating.records.transaction("engine") as transaction:
        plans.save(transaction, whole)
        now = transaction.clock()
        run = Run(
            id=f"r-{next(NUMBERS):016x}",
            plan_id=whole.id,
            plan_sha256=whole.sha256(),
            ticket_id=whole.ticket_id,
            tenant_id=tenant,
            automation=NAME,
            steps=(record,),
            requested_by=whole.requested_by,
            started_at=now,
        )
        runs.start(transaction, run)
        return runs.save(transaction, run.model_copy(update={"state": state, "ended_at": now}), "run.ended")


def wave(automating: Automating) -> Wave:
    found = automating.widening.progress(NAME)
    assert found is not None
    return found.canary.wave


def later(automating: Automating, hurry: Hurry, hours: float) -> None:
    hurry.offset += timedelta(hours=hours)
    automating.widening.look()


def test_a_new_version_leaves_each_client_with_the_one_it_had(automating: Automating) -> None:
    second_version(automating)
    assert at_auto(automating, 1) == CLIENTS
    stage(automating, "103")
    assert at_auto(automating, 2) == ("103",)
    assert len(at_auto(automating, 1)) == 7


def test_it_goes_to_one_then_to_five_then_to_the_rest(automating: Automating, hurry: Hurry) -> None:
    second_version(automating)
    stage(automating, "103")
    for tenant in CLIENTS:
        ran(automating, tenant, version=1)  # the other version proves nothing
    ran(automating, "103")
    later(automating, hurry, 25)
    assert at_auto(automating, 2) == ("103",), "one run is too few"
    found = automating.widening.progress(NAME)
    assert found is not None
    assert found.lines()[1:] == [
        "Has it: 103",
        "Next: 101, 102, 104, 105, 106, 107, 108",
        "Still missing: 1 of 2 runs ended well",
    ]
    ran(automating, "103")
    later(automating, hurry, 0.1)
    assert at_auto(automating, 2) == ("101", "102", "103", "104", "105")
    ran(automating, "101")
    ran(automating, "104")
    later(automating, hurry, 23)
    assert wave(automating) is Wave.FIVE, "not before the time is over"
    later(automating, hurry, 1)
    assert (at_auto(automating, 2), wave(automating)) == (CLIENTS, Wave.ALL)


def test_an_account_for_some_clients_is_told_of_those_and_steers_nothing(automating: Automating) -> None:
    second_version(automating)
    stage(automating, "103")
    theirs = replace(ADMIN, clients=frozenset({"101"}))
    found = automating.widening.progress(NAME)
    assert found is not None
    assert found.lines(theirs)[1:3] == ["Has it: 1 other client", "Next: 101, 6 other clients"]
    names = {"101": "Marlow & Tern", "103": "Babbage"}
    assert found.lines(theirs, names)[1:3] == ["Has it: 1 other client", "Next: Marlow & Tern, 6 other clients"]
    with pytest.raises(DeskRefusedError, match="concerns all clients"):
        automating.widening.ahead(theirs, NAME, "for the test")


def test_runs_of_the_wave_before_do_not_open_the_next(automating: Automating, hurry: Hurry) -> None:
    second_version(automating)
    stage(automating, "103")
    for _ in range(9):
        ran(automating, "103")
    later(automating, hurry, 25)
    later(automating, hurry, 25)
    assert wave(automating) is Wave.FIVE


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.NEEDS_REVIEW, RunState.UNDONE])
def test_a_failure_stops_it_and_each_client_is_back_where_it_was(
    automating: Automating, hurry: Hurry, state: RunState
) -> None:
    second_version(automating)
    stage(automating, "103")
    automating.widening.ahead(ADMIN, NAME, "it is small")
    flying = pinned(automating, "104", 2)
    assert automating.shelf.stage(flying) is Stage.AUTO
    bad = ran(automating, "104", state=state)
    later(automating, hurry, 0)
    assert (wave(automating), at_auto(automating, 1)) == (Wave.STOPPED, CLIENTS)
    assert automating.shelf.stage(flying) is not Stage.AUTO, "what it began does not go on by itself"
    found = automating.widening.progress(NAME)
    assert found is not None
    assert bad.id in found.canary.reason
    kinds = [each.kind for each in automating.records.audit_entries()]
    assert (kinds.count("rollout.fell_back"), kinds.count("canary.stopped")) == (5, 1)


def test_a_first_version_that_fails_goes_no_further_than_ask(automating: Automating, hurry: Hurry) -> None:
    approved(automating)
    stage(automating, "101", "102")
    assert (at_auto(automating, 1), automating.rollout(NAME, "102").stage) == (("101",), "ask")
    ran(automating, "101", version=1, state=RunState.FAILED)
    later(automating, hurry, 0)
    assert at_auto(automating, 1) == ()
    assert automating.rollout(NAME, "101").stage == "ask"


def test_what_the_gate_refused_is_no_failure_of_the_version(automating: Automating, hurry: Hurry) -> None:
    second_version(automating)
    stage(automating, "103")
    ran(automating, "103", state=RunState.FAILED, cause=Cause.REFUSED)
    later(automating, hurry, 0)
    assert wave(automating) is Wave.ONE


def test_a_run_keeps_its_version_when_its_client_gets_another(automating: Automating) -> None:
    second_version(automating)
    flying = pinned(automating, "103", 1)
    stage(automating, "103")
    assert automating.shelf.stage(flying) is Stage.AUTO
    assert automating.shelf.placed(NAME, "103").record.version == 2


def test_an_admin_holds_it_lets_it_go_on_and_goes_ahead_with_a_reason(automating: Automating, hurry: Hurry) -> None:
    second_version(automating)
    stage(automating, "103")
    widening = automating.widening
    widening.hold(ADMIN, NAME, "wait for Monday")
    for _ in range(2):
        ran(automating, "103")
    later(automating, hurry, 48)
    found = widening.progress(NAME)
    assert found is not None
    assert found.lacking == "adam holds it: wait for Monday"
    assert wave(automating) is Wave.ONE
    widening.go_on(ADMIN, NAME, "it is Monday")
    later(automating, hurry, 0)
    assert wave(automating) is Wave.FIVE
    with pytest.raises(DeskRefusedError, match="say why"):
        widening.ahead(ADMIN, NAME, " ")
    with pytest.raises(DeskRefusedError):
        widening.ahead(APPROVER, NAME, "I am no admin")
    widening.ahead(ADMIN, NAME, "tried by hand")
    assert at_auto(automating, 2) == CLIENTS
    with pytest.raises(DeskRefusedError, match="no version of answer-locked is on its way"):
        widening.hold(ADMIN, NAME, "too late")


def test_an_admin_chooses_whose_turn_comes_first(automating: Automating) -> None:
    second_version(automating)
    stage(automating, "103")
    automating.widening.first(ADMIN, NAME, ["108", "107"])
    automating.widening.ahead(ADMIN, NAME, "for the test")
    assert at_auto(automating, 2) == ("101", "102", "103", "107", "108")
    with pytest.raises(DeskRefusedError, match="not staged at auto for 999"):
        automating.widening.first(ADMIN, NAME, ["999"])


def test_a_client_that_is_moved_back_makes_room(automating: Automating) -> None:
    second_version(automating)
    stage(automating, "103")
    automating.stage(ADMIN, NAME, "103", "ask")
    assert at_auto(automating, 2) == ()
    stage(automating, "105")
    assert at_auto(automating, 2) == ("105",)
