"""DBOS, as far as we rely on it: on both databases, and launched again and again in one process."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue, SecretStr

from deskhand.records import runs
from deskhand.records.database import Records, url_of
from deskhand.records.runs import Run, RunState
from deskhand.sdk.clock import utc_now
from deskhand.workflow.durable import Durable
from deskhand.workflow.engine import Patience, RunEngine
from deskhand.workflow.executors import Executor
from deskhand.workflow.gate import Gate
from deskhand.workflow.governed import governed
from deskhand.workflow.pulse import Company
from deskhand.workflow.watch import Fate
from tests.core.workflow.desk import Desk
from tests.core.workflow.office import ACTIONS, ASKED, NAME, RIGHT_CODE, plan, said, step

LONG = 15.0
HERE = Executor(place="this process, whose predecessors are dead")
QUICK = Company(every=0.1, silence=timedelta(seconds=0.5))


@pytest.fixture
def records(database_url: str, tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(database_url, clock=utc_now, signing=tmp_path / "signing")
    Durable.migrate(database_url)
    yield opened
    opened.close()


@pytest.fixture
def durable(records: Records, database_url: str) -> Iterator[Durable]:
    assert records
    opened = Durable(database_url, company=QUICK)
    yield opened
    opened.close()


def no_attempt(run: str, _segment: int, step: str) -> dict[str, JsonValue]:
    raise AssertionError(f"nobody left {step} of {run} to the desk")


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def enqueue(records: Records, durable: Durable, run: str, segment: int = 0, *, partition: str = "7") -> None:
    with records.transaction("test") as transaction:
        durable.enqueue(transaction.connection, run, segment, partition=partition)
        transaction.audit("test.queued")


def test_a_segment_is_queued_if_and_only_if_the_transaction_commits(records: Records, durable: Durable) -> None:
    with suppress(ZeroDivisionError), records.transaction("test") as transaction:
        durable.enqueue(transaction.connection, "lost", 0, partition="7")
        raise ZeroDivisionError
    enqueue(records, durable, "kept")
    assert durable.fates([("lost", 0), ("kept", 0), ("kept", 1)]) == {("kept", 0): Fate.UNDER_WAY}


def test_queued_segments_are_carried_out_one_after_another_within_a_partition(
    records: Records, durable: Durable
) -> None:
    under_way: set[str] = set()
    together: set[frozenset[str]] = set()
    done: list[tuple[str, int]] = []

    def segment(run: str, number: int) -> None:
        under_way.add(run)
        time.sleep(0.1)
        together.add(frozenset(under_way))
        under_way.discard(run)
        done.append((run, number))

    for run, partition in (("a", "7"), ("b", "7"), ("c", "8"), ("d", "8")):
        enqueue(records, durable, run, partition=partition)
    durable.launch(segment, no_attempt)
    until(lambda: len(done) == 4)
    assert all(not {"a", "b"} <= each and not {"c", "d"} <= each for each in together)
    assert any(len(each) == 2 for each in together), "partitions wait for each other"
    until(lambda: durable.fates([("a", 0)]) == {("a", 0): Fate.OVER})


def test_what_was_being_carried_out_at_a_death_is_carried_out_again_by_the_next(
    records: Records, database_url: str
) -> None:
    """A process that dies is played by one that is closed while its segment hangs."""
    begun: list[str] = []
    first = Durable(database_url, me=HERE, company=QUICK)
    second = Durable(database_url, me=replace(HERE, id="the next"), company=QUICK)

    def dying(run: str, _number: int) -> None:
        begun.append(f"{run} dying")
        time.sleep(1.0)

    def living(run: str, _number: int) -> None:
        second.pause(0.01)
        begun.append(f"{run} living")

    enqueue(records, first, "a")
    first.launch(dying, no_attempt)
    until(lambda: begun == ["a dying"])
    first.close(patience=0.0)
    time.sleep(1.1)
    second.launch(living, no_attempt)
    with closing(second):
        until(lambda: second.fates([("a", 0)]) == {("a", 0): Fate.OVER})
    assert begun == ["a dying", "a living"]


def test_a_segment_that_raises_is_broken_and_said_to_be(records: Records, durable: Durable) -> None:
    def segment(_run: str, _number: int) -> None:
        raise ZeroDivisionError

    enqueue(records, durable, "a")
    durable.launch(segment, no_attempt)
    until(lambda: durable.fates([("a", 0)]) == {("a", 0): Fate.BROKEN})


def test_a_process_carries_out_the_runs_of_one_desk(records: Records, durable: Durable, database_url: str) -> None:
    assert records
    durable.launch(lambda _run, _number: None, no_attempt)
    other = Durable(database_url)
    with pytest.raises(RuntimeError, match="close that one first"):
        other.launch(lambda _run, _number: None, no_attempt)
    other.close()


def test_a_delayed_segment_waits(records: Records, durable: Durable) -> None:
    at: list[float] = []
    durable.launch(lambda _run, _number: at.append(time.monotonic()), no_attempt)
    with records.transaction("test") as transaction:
        durable.enqueue(transaction.connection, "a", 0, partition="7", delay=0.7)
        transaction.audit("test.queued")
    begun = time.monotonic()
    until(lambda: bool(at))
    assert at[0] - begun >= 0.6


# The engine on it


def engine_of(desk: Desk, url: str) -> RunEngine:
    return RunEngine(
        records=desk.records,
        url=url,
        gate=Gate(desk.records, "gate", governing=governed(desk.records, desk.clock)),
        actions=ACTIONS.__getitem__,
        connectors={NAME: desk.office},
        contexts=desk.context_of,
        clock=desk.clock,
        patience=Patience(settling=0.0),
    )


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    opened = Desk.open(database_url, tmp_path)
    opened.die()
    opened.engine = engine_of(opened, database_url)
    yield opened
    opened.engine.close()
    opened.records.close()


def wait_for(desk: Desk, run: Run, *states: RunState) -> Run:
    until(lambda: desk.look(run).state in states)
    return desk.look(run)


def test_a_whole_run_with_its_question_and_its_undoing(desk: Desk) -> None:
    run = desk.submit()
    assert desk.look(run).state is RunState.QUEUED
    desk.engine.launch()
    wait_for(desk, run, RunState.WAITING)
    desk.engine.answer(run.id, "check_code", SecretStr(RIGHT_CODE), by="ann")
    assert wait_for(desk, run, RunState.DONE).state is RunState.DONE
    assert desk.engine.handover.holds(run.id, "reset_password")
    desk.engine.undo(run.id, by="ann")
    wait_for(desk, run, RunState.UNDONE)
    assert desk.office.state("group") == ""


def test_a_closed_engine_leaves_the_rest_to_the_next(desk: Desk, database_url: str) -> None:
    run = desk.submit(plan(step("join_group", group=said("vpn")), step("send_text", text=said("x"))))

    def close(where: str) -> None:
        if where == "join_group before":
            desk.engine._stopping.set()

    desk.office.on_call = close
    desk.engine.launch()
    until(desk.engine._stopping.is_set)
    desk.engine.close()
    assert desk.look(run).state is RunState.QUEUED
    desk.office.on_call = lambda _where: None
    desk.engine = engine_of(desk, database_url)
    desk.engine.launch()
    wait_for(desk, run, RunState.DONE)
    assert [each["field"] for each in desk.office.effects()] == ["group", "text"]


def test_a_run_whose_transaction_fails_never_was(desk: Desk) -> None:
    wanted = plan(step("add_note", text=said("x")))
    with suppress(ZeroDivisionError), desk.records.transaction("ann") as transaction:
        run = desk.engine.submit(transaction, wanted)
        raise ZeroDivisionError
    assert runs.find(desk.records, run.id) is None
    assert desk.engine._queue().fates([(run.id, 0)]) == {}


def test_answering_and_cancelling_from_two_threads_lets_one_of_them_decide(desk: Desk) -> None:
    run = desk.submit(plan(step("check_code", code=ASKED)))
    desk.engine.launch()
    wait_for(desk, run, RunState.WAITING)
    desk.engine.answer(run.id, "check_code", SecretStr(RIGHT_CODE), by="ann")
    with pytest.raises(LookupError, match="does not wait"):
        desk.engine.answer(run.id, "check_code", SecretStr(RIGHT_CODE), by="cleo")
    wait_for(desk, run, RunState.DONE)


def test_importing_the_engine_imports_no_dbos(tmp_path: Path) -> None:
    """It takes a second: a command that carries nothing out must not pay for it."""
    url = url_of(tmp_path / "records.db")
    Records.open(url, clock=utc_now).close()
    Durable.migrate(url)
    script = f"""
import sys
from deskhand.records.database import Records
from deskhand.sdk.clock import utc_now
from deskhand.workflow.engine import RunEngine
from deskhand.workflow.gate import Gate
records = Records.open({url!r}, clock=utc_now)
RunEngine(records=records, url={url!r}, gate=Gate(records, "gate"), actions={{}}.__getitem__, connectors={{}},
          contexts=lambda ticket: None, clock=utc_now)
assert "dbos" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603  # our own words
