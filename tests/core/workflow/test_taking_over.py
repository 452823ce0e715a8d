"""Several processes over one server: what is private of DBOS, or promised by nobody, and everything rests on.

``_recover_pending_workflows`` queues again what executors have begun, once, and in its place; ``owner_xid`` says who
owns what was begun; whoever lost it writes nothing more.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deskhand.records.database import Records
from deskhand.sdk.clock import utc_now
from deskhand.workflow.durable import Durable
from deskhand.workflow.executors import listing
from deskhand.workflow.watch import Fate
from tests.core.workflow.carrier_app import AT_DESK
from tests.core.workflow.test_durable import enqueue, until
from tests.repository import ROOT


@dataclass
class Floor:
    """Processes that carry segments out of one store, and what they have written."""

    records: Records
    durable: Durable
    url: str
    folder: Path
    server: "subprocess.Popen[str]"
    processes: dict[str, int] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        assert self.server.stdin
        assert self.server.stdout
        for name in names:
            kind = "desk" if name.startswith("desk") else "hand"
            self.server.stdin.write(json.dumps([self.url, str(self.folder), kind, name]) + "\n")
            self.server.stdin.flush()
            self.processes[name] = int(self.server.stdout.readline())
        until(lambda: all((self.folder / name).exists() for name in names))

    def send(self, name: str, number: signal.Signals) -> None:
        os.kill(self.processes[name], number)

    def is_there(self, name: str) -> bool:
        try:
            self.send(name, signal.SIGCONT)
        except ProcessLookupError:
            return False
        return True

    def go(self) -> None:
        (self.folder / "go").touch()

    def acts(self, act: str) -> list[dict[str, Any]]:
        file = self.folder / "acts"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [each for each in lines if each["act"] == act]

    def whoever(self, act: str) -> str:
        """Wait for the first of these acts and say who it was."""
        until(lambda: bool(self.acts(act)))
        return str(self.acts(act)[0]["who"])

    def is_over(self, *runs: str) -> Callable[[], bool]:
        expected = {(run, 0): Fate.OVER for run in runs}
        return lambda: self.durable.fates([(run, 0) for run in runs]) == expected

    def end(self) -> None:
        for name in self.processes:
            with suppress(ProcessLookupError):
                self.send(name, signal.SIGKILL)


@pytest.fixture(scope="module")
def server() -> Iterator["subprocess.Popen[str]"]:
    """Run what the processes are forked from: importing takes longer than most of these tests."""
    command = [sys.executable, "-m", "tests.core.workflow.carrier_app"]
    with subprocess.Popen(  # noqa: S603  # our own module
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


@pytest.fixture
def floor(postgresql_url: str, tmp_path: Path, server: "subprocess.Popen[str]") -> Iterator[Floor]:
    records = Records.open(postgresql_url, clock=utc_now, signing=tmp_path / "signing")
    Durable.migrate(postgresql_url)
    durable = Durable(postgresql_url)
    made = Floor(records, durable, postgresql_url, tmp_path, server)
    yield made
    made.end()
    durable.close()
    records.close()


def test_what_a_dead_executor_has_begun_is_finished_by_one_of_the_others(floor: Floor) -> None:
    floor.start("a", "b", "c")
    enqueue(floor.records, floor.durable, "r", partition="7")
    first = floor.whoever("two")
    floor.send(first, signal.SIGKILL)
    until(lambda: len(floor.acts("two")) == 2)
    floor.go()
    until(floor.is_over("r"))
    time.sleep(0.5)
    assert [len(floor.acts(each)) for each in ("one", "two", "two ended", "three")] == [1, 2, 1, 1]
    assert {each["who"] for each in floor.acts("three")} <= {"a", "b", "c"} - {first}


def test_whoever_was_only_frozen_learns_that_it_lost_what_it_had_begun(floor: Floor) -> None:
    floor.start("a", "b")
    enqueue(floor.records, floor.durable, "r", partition="7")
    frozen = floor.whoever("two")
    floor.send(frozen, signal.SIGSTOP)
    until(lambda: len(floor.acts("two")) == 2)
    floor.send(frozen, signal.SIGCONT)
    floor.go()
    until(floor.is_over("r"))
    until(lambda: len(floor.acts("two ended")) == 2)
    time.sleep(0.5)
    assert {each["who"]: each["is_ours"] for each in floor.acts("two ended")} == {
        frozen: False,
        ({"a", "b"} - {frozen}).pop(): True,
    }
    assert [each["who"] != frozen for each in floor.acts("three")] == [True]


def test_whoever_was_frozen_works_on_once_it_is_awake(floor: Floor) -> None:
    floor.start("a", "b")
    floor.go()
    floor.send("a", signal.SIGSTOP)
    time.sleep(1.5)
    with floor.records.reading() as connection:
        silent = {each.executor.name: each.silent_for.total_seconds() > 1 for each in listing(connection)}
    assert silent == {"a": True, "b": False}
    floor.send("a", signal.SIGCONT)
    floor.send("b", signal.SIGKILL)
    enqueue(floor.records, floor.durable, "r", partition="7")
    until(floor.is_over("r"))
    assert floor.whoever("three") == "a"


def test_a_partition_is_worked_through_by_one_process_at_a_time_also_after_a_death(floor: Floor) -> None:
    floor.start("a", "b", "c")
    floor.go()
    runs = [f"r{number}" for number in range(8)]
    for number, run in enumerate(runs):
        enqueue(floor.records, floor.durable, run, partition=str(number % 2))
    floor.whoever("one")
    floor.send("a", signal.SIGKILL)
    until(floor.is_over(*runs))
    for partition in (0, 1):
        spans = sorted(span(floor, run) for number, run in enumerate(runs) if number % 2 == partition)
        assert all(former[1] <= latter[0] for former, latter in pairwise(spans)), spans
    assert set(Counter(each["run"] for each in floor.acts("three")).values()) == {1}


def span(floor: Floor, run: str) -> tuple[float, float]:
    times = [
        each["at"] for act in ("one", "two", "two ended", "three") for each in floor.acts(act) if each["run"] == run
    ]
    return min(times), max(times)


def test_what_only_the_desk_may_do_is_done_there_whoever_carries_the_segment_out(floor: Floor) -> None:
    floor.start("hand")
    enqueue(floor.records, floor.durable, f"{AT_DESK} 1", partition="7")
    assert floor.whoever("one") == "hand"
    time.sleep(0.5)
    assert floor.acts("two") == []
    floor.start("desk")
    until(floor.is_over(f"{AT_DESK} 1"))
    assert [(each["act"], each["who"]) for act in ("two", "three") for each in floor.acts(act)] == [
        ("two", "desk"),
        ("three", "hand"),
    ]


def test_a_hand_that_dies_while_the_desk_works_for_it_has_nothing_done_twice(floor: Floor) -> None:
    floor.start("a", "b")
    enqueue(floor.records, floor.durable, f"{AT_DESK} 1", partition="7")
    first = floor.whoever("one")
    time.sleep(0.5)  # until it waits for the desk
    floor.send(first, signal.SIGKILL)
    floor.start("desk")
    until(floor.is_over(f"{AT_DESK} 1"))
    assert [len(floor.acts(each)) for each in ("one", "two", "three")] == [1, 1, 1]


def test_an_orderly_end_leaves_no_row_behind(floor: Floor) -> None:
    floor.start("a")
    floor.send("a", signal.SIGTERM)
    until(lambda: not floor.is_there("a"))
    with floor.records.reading() as connection:
        assert listing(connection) == ()
