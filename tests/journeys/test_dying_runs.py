"""Promises 2 and 4 of a run: whichever boundary a process dies at, each effect happens at most once and it ends.

``DESKHAND_WHOLE_MATRIX=1`` has something befall somebody at every boundary there is; else some are drawn, others each
day.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from queue import SimpleQueue

import pytest

from deskhand.records import effects, runs
from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, url_of
from deskhand.records.effects import EffectState
from deskhand.records.runs import Run, RunState, StepState
from deskhand.workflow.durable import Durable
from deskhand.workflow.turn import key_of
from tests.core.workflow.office import Office
from tests.journeys.dying_app import DIES, FREEZES, RUN, held_by, open_store, prepare
from tests.postgresql import Server
from tests.repository import ROOT

MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108  # a folder of ours is made inside
AT_ONCE = 3
"""A life mostly waits."""
WHOLE = os.environ.get("DESKHAND_WHOLE_MATRIX") == "1"
UNREADABLE = "reset_password"
"""The one step whose effect cannot be read back."""
INSIDE = {f"{UNREADABLE}: {boundary}" for boundary in ("claimed", "applied", "verified", "recording")}
"""Where a death leaves it unknown whether that step was carried out."""
EFFECTS = {"group": 2, "code": 1, "approved": 1, "password": 1, "enabled": 2, "text": 1, "note": 1}
"""How often each field changes at most: those that are undone, once back."""


@dataclass
class Stores:
    """Fresh stores, each a copy of one that was prepared."""

    folder: Path
    server: Server | None
    numbers: Iterator[int]

    def prepare(self) -> None:
        (self.folder / "model").mkdir()
        if self.server is not None:
            self.server.run("CREATE DATABASE model")
        prepare(self.url("model"), self.folder / "model")

    def url(self, name: str) -> str:
        return url_of(self.folder / name / "records.db") if self.server is None else self.server.url(name)

    @contextmanager
    def fresh(self) -> Iterator[tuple[str, Path]]:
        name = f"life_{next(self.numbers)}"
        folder = self.folder / name
        shutil.copytree(self.folder / "model", folder)
        if self.server is not None:
            self.server.run(f"CREATE DATABASE {name} TEMPLATE model")
        yield self.url(name), folder
        if self.server is not None:
            self.server.run(f"DROP DATABASE {name} WITH (FORCE)")
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class How:
    """What befalls a process, and which course the run takes."""

    fate: str = DIES
    course: str = "list"


HOW = How()


@contextmanager
def prepared(server: Server | None) -> Iterator[Stores]:
    folder = Path(tempfile.mkdtemp(prefix="deskhand-dying-", dir=MEMORY))
    made = Stores(folder, server, count())
    made.prepare()
    yield made
    shutil.rmtree(folder)
    if server is not None:
        server.run("DROP DATABASE model WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else None
    with prepared(server) as made:
        yield made


@pytest.fixture
def stores_on_server(postgresql_server: Server) -> Iterator[Stores]:
    with prepared(postgresql_server) as made:
        yield made


class Stories:
    """A server of stories, in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.journeys.dying_app"]
        self._process = subprocess.Popen(  # noqa: S603  # our own module
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def play(self, url: str, folder: Path, processes: int, point: str = "", how: How = HOW) -> tuple[int, int]:
        """Play one, and return how often something befell somebody, and the desk's exit status."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([url, str(folder), processes, point, how.fate, how.course]) + "\n")
        self._process.stdin.flush()
        befell, status = json.loads(self._process.stdout.readline())
        return int(befell), int(status)

    def end(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture(scope="module")
def servers() -> Iterator["SimpleQueue[Stories]"]:
    queue: SimpleQueue[Stories] = SimpleQueue()
    started = [Stories() for _ in range(AT_ONCE)]
    for each in started:
        queue.put(each)
    yield queue
    for each in started:
        each.end()


def test_a_run_that_dies_anywhere_repeats_nothing_and_comes_to_its_end(
    stores: Stores, servers: "SimpleQueue[Stories]"
) -> None:
    points = every_boundary(stores, servers, processes=1)
    assert len(points) >= 100
    most = len(points) if stores.server is None else 35  # what differs on a server are transactions, not boundaries
    assert play_all(stores, servers, chosen(points, most), processes=1) == []


def test_three_processes_do_nothing_twice_whichever_of_them_dies_and_wherever(
    stores_on_server: Stores, servers: "SimpleQueue[Stories]"
) -> None:
    points = every_boundary(stores_on_server, servers, processes=3)
    assert len(points) >= 100
    assert play_all(stores_on_server, servers, chosen(points, 6), processes=3) == []


def test_whoever_stood_still_between_intent_and_call_until_it_was_given_up_sends_nothing(
    stores_on_server: Stores, servers: "SimpleQueue[Stories]"
) -> None:
    points = every_boundary(stores_on_server, servers, processes=3) if WHOLE else ["send_code: claimed (1)"]
    assert play_all(stores_on_server, servers, points, processes=3, how=How(FREEZES)) == []


def test_a_flow_whose_process_dies_anywhere_repeats_nothing_and_comes_to_its_end(
    stores: Stores, servers: "SimpleQueue[Stories]"
) -> None:
    how = How(course="flow")
    points = every_boundary(stores, servers, processes=1, how=how)
    assert any("fork" in point for point in points)
    assert play_all(stores, servers, chosen(points, 24 if stores.server is None else 10), processes=1, how=how) == []


def test_a_flow_three_processes_carry_out_repeats_nothing_whichever_of_them_dies(
    stores_on_server: Stores, servers: "SimpleQueue[Stories]"
) -> None:
    how = How(course="flow")
    points = every_boundary(stores_on_server, servers, processes=3, how=how)
    assert play_all(stores_on_server, servers, chosen(points, 4), processes=3, how=how) == []


def chosen(points: list[str], most: int) -> list[str]:
    """Return so many of the boundaries, others each day; all of them where the whole matrix is asked for."""
    if WHOLE:
        return points
    day = datetime.now(UTC).date().toordinal()
    return sorted(random.Random(day).sample(points, min(most, len(points))))


def every_boundary(stores: Stores, servers: "SimpleQueue[Stories]", *, processes: int, how: How = HOW) -> list[str]:
    """Play one story undisturbed, and name each boundary that was crossed."""
    server = servers.get()
    try:
        with stores.fresh() as (url, folder):
            assert server.play(url, folder, processes, how=how) == (0, 0)
            assert complaints("", url, folder, how) == []
            crossed = (folder / "crossed").read_text().splitlines()
    finally:
        servers.put(server)
    assert len(crossed) == len(set(crossed))
    return crossed


def play_all(
    stores: Stores, servers: "SimpleQueue[Stories]", points: list[str], *, processes: int, how: How = HOW
) -> list[str]:
    """Play a story for each boundary, several at once, and say what is wrong with their ends."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda point: play(point, stores, servers, processes, how), points))
    return [each for each in found if each]


def play(point: str, stores: Stores, servers: "SimpleQueue[Stories]", processes: int, how: How) -> str:
    """Have something befall somebody once at a boundary, and say what is wrong with the end."""
    server = servers.get()
    try:
        with stores.fresh() as (url, folder):
            befell, ended = server.play(url, folder, processes, point, how)
            if befell != 1:
                return f"{point}: it {how.fate} {befell} times"
            wrong = complaints(point, url, folder, how) if ended == 0 else [f"the desk exited with {ended}"]
            return f"{point}: {'; '.join(wrong)}" if wrong else ""
    finally:
        servers.put(server)


def complaints(point: str, url: str, folder: Path, how: How) -> list[str]:
    """List every promise that the end breaks."""
    records = open_store(url, folder)
    run = runs.find(records, RUN)
    assert run is not None
    wrong = of_the_list(point, records, run, folder, how) if how.course == "list" else of_the_flow(run, folder)
    wrong += orphans(url)
    records.close()
    if not verify(url, signing=folder / "signing").ok:
        wrong.append("the record does not verify")
    return wrong


def of_the_flow(run: Run, folder: Path) -> list[str]:
    """Every step once, in an order the flow allows, and once back."""
    wrong = [] if run.state is RunState.UNDONE else [f"it is {run.state}: {run.steps}"]
    made = Office(folder / "office.jsonl").effects()
    notes = [each["value"] for each in made if each["field"] == "note"]
    if notes[:4] != ["d-1", "d-2", "d-3", "many"] or sorted(notes[4:6]) != ["a", "b"] or notes[6:] != ["last"]:
        wrong.append(f"it wrote {notes}")
    removed = Counter(each["field"] for each in made if each["field"].endswith("removed"))
    if len(removed) != len(notes) or set(removed.values()) != {1}:
        wrong.append(f"it took back {removed}")
    groups = [each["value"] for each in made if each["field"] == "group"]
    return wrong if groups == ["vpn", ""] else [*wrong, f"the group was {groups}"]


def of_the_list(point: str, records: Records, run: Run, folder: Path, how: How) -> list[str]:
    """Every kind of step once, and once back where that can be."""
    is_inside = point.partition(" (")[0] in INSIDE
    is_unknown = is_inside and (how.fate == DIES or run.state is RunState.NEEDS_REVIEW)  # who wakes may know after all
    wrong = []
    expected = RunState.NEEDS_REVIEW if is_unknown else RunState.UNDONE
    if run.state is not expected:
        wrong.append(f"it is {run.state}, not {expected}: {[(each.id, each.state, each.error) for each in run.steps]}")
    happened = Counter(each["field"] for each in Office(folder / "office.jsonl").effects())
    repeated = {name: times for name, times in happened.items() if times > EFFECTS.get(name, 1)}
    if repeated:
        wrong.append(f"happened too often: {repeated}")
    if not is_unknown and set(happened) < set(EFFECTS):
        wrong.append(f"never happened: {set(EFFECTS) - set(happened)}")
    reset = effects.find(records, key_of(RUN, UNREADABLE))
    if reset and (reset.state is EffectState.DONE) != (run.step(UNREADABLE).state is StepState.DONE):
        wrong.append("the ledger and the run differ")
    if Office(folder / "office.jsonl").state("enabled") == "yes" and not is_unknown:
        wrong.append("it was not undone")
    return wrong


def orphans(url: str) -> list[str]:
    """Name the segments and attempts the durable engine still holds."""
    durable = Durable(url)
    held = held_by(durable)
    durable.close()
    return held
