"""A desk's lives, alone or with two hands, for tests that kill it: a server that imports once, and forks each process.

Each line on stdin is a story: the store's URL, a folder, how many processes, the boundary at which something befalls
whoever reaches it (empty: nothing does), what (it dies, or it stands still until the others have given it up), and
which course the run takes: through a list of steps of every kind, or through a flow. The desk submits a plan, answers
what it is asked, approves on the way, has the run undone when it is over, and exits. A desk that dies is started again,
a hand is not. The answer is how often something befell somebody, and the desk's exit status.
"""

import fcntl
import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr, TypeAdapter

from deskhand.automation.flow import Flow
from deskhand.automation.plan import Plan
from deskhand.governance import approval
from deskhand.governance.approval import Verdict
from deskhand.records import accounts, approvals, runs
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import ApprovalState
from deskhand.records.database import Records, RecordsUnavailableError
from deskhand.records.runs import Run, RunState, WaitKind
from deskhand.sdk.models import Reference, TenantContext
from deskhand.workflow.durable import Durable
from deskhand.workflow.engine import Patience, RunEngine
from deskhand.workflow.executors import Executor, Kind
from deskhand.workflow.gate import Gate
from deskhand.workflow.governed import governed
from deskhand.workflow.pulse import Company
from deskhand.workflow.watch import Fate
from tests.core.workflow.office import ACTIONS, NAME, RIGHT_CODE, TENANT, Office, plan, returned, said, step

RUN = "r-00000000000000aa"
KILLED = 137
TOO_LONG = 99
FAILED = 98
DIES, FREEZES = "dies", "freezes"
LONGEST_STORY = 300.0
SILENCE = 5.0
SENDS_FOR = 4.0
"""Less than the silence: whoever stands still until it is given up sends nothing more."""
FROZEN_FOR = SILENCE + 2.0
FROZEN_WRITING_FOR = 18.0
"""Until the server has ended the transaction of whoever stands still in one, and the others have gone on."""
COMPANY = Company(every=0.2, silence=timedelta(seconds=SILENCE))
ALONE = Patience(settling=0.0, first_pause=0.01)
TOGETHER = replace(ALONE, settling=SENDS_FOR, store_pause=0.2)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Reaper:
    """Has something befall the process that is the first at a boundary; writes down each boundary all of them cross."""

    folder: Path
    point: str
    fate: str = DIES

    def __call__(self, boundary: str, subject: str) -> None:
        name = f"{'run' if subject == RUN else subject}: {boundary}"
        if self._crossed(name) != self.point:
            return
        with (self.folder / "befell").open("a") as file:
            file.write(f"{name}\n")
        if self.fate == DIES:
            os._exit(KILLED)
        os.kill(os.getpid(), signal.SIGSTOP)

    def _crossed(self, name: str) -> str:
        """Count a crossing, and name it with its number."""
        with (self.folder / "crossed").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            here = f"{name} ({Counter(line.rpartition(' ')[0] for line in file)[name] + 1})"
            file.write(f"{here}\n")
        return here


def open_store(url: str, folder: Path) -> Records:
    return Records.open(url, clock=now, signing=folder / "signing")


def prepare(url: str, folder: Path) -> None:
    """Make a store with its accounts and every table, to be copied for each life."""
    records = open_store(url, folder)
    with records.transaction("test") as transaction:
        for name, role in (("ann", Role.TECHNICIAN), ("bob", Role.APPROVER)):
            accounts.add(transaction, Account(name, name, frozenset({role})), password_hash="")
    Durable.migrate(url)
    records.close()


def open_engine(
    url: str, records: Records, folder: Path, reaper: Reaper, me: Executor, patience: Patience
) -> RunEngine:
    return RunEngine(
        records=records,
        url=url,
        gate=Gate(records, "gate", governing=governed(records, now), sends_for=SENDS_FOR, at=reaper),
        actions=ACTIONS.__getitem__,
        connectors={NAME: Office(folder / "office.jsonl")},
        contexts=lambda ticket: TenantContext(Reference(TENANT, "Client 7"), ticket, None, ()),
        clock=now,
        patience=patience,
        me=me,
        company=COMPANY,
        new_id=lambda: RUN,
        at=reaper,
    )


def be_the_desk(url: str, folder: Path, reaper: Reaper, patience: Patience, wanted: Plan) -> int:
    """Live until the run is over and undone, or until death; nobody says goodbye either way."""
    records = open_store(url, folder)
    engine = open_engine(url, records, folder, reaper, Executor(Kind.DESK, "desk", place="the desk"), patience)
    engine.launch()
    end = time.monotonic() + LONGEST_STORY
    while time.monotonic() < end:
        try:
            if is_over(records, engine, reaper, wanted):
                return 0
        except RecordsUnavailableError:
            pass  # somebody stands still in a transaction
        time.sleep(0.02)
    return TOO_LONG


def be_a_hand(url: str, folder: Path, reaper: Reaper, name: str) -> int:
    """Carry out whatever there is, until death."""
    records = Records.join(url, clock=now)
    engine = open_engine(url, records, folder, reaper, Executor(Kind.HAND, name, place=name), TOGETHER)
    engine.launch()
    time.sleep(10 * LONGEST_STORY)
    return TOO_LONG


def is_over(records: Records, engine: RunEngine, reaper: Reaper, wanted: Plan) -> bool:
    """Do what is to be done next, if anything, and tell whether nothing is any more."""
    submit(records, engine, reaper, wanted)
    run = runs.find(records, RUN)
    assert run is not None
    if run.state.is_over and run.undone_by is not None and is_at_rest(engine, run):
        return True
    push(records, engine, run, wanted)
    return False


def submit(records: Records, engine: RunEngine, reaper: Reaper, wanted: Plan) -> None:
    """Ask, approve and begin, unless an earlier life has."""
    asked = tuple(each for each in approvals.of_plan(records, wanted.id) if each.way is None)
    if not asked:
        with records.transaction("ann") as transaction:
            asked = (approval.request(transaction, wanted, by="ann"),)
    bob = accounts.find(records, "bob")
    assert bob is not None
    if asked[0].state is ApprovalState.PENDING:
        with records.transaction("bob") as transaction:
            approval.decide(transaction, asked[0].id, by=bob, plan_sha256=wanted.sha256(), verdict=Verdict.APPROVE)
            engine.submit(transaction, wanted, approval_id=asked[0].id)
            reaper("submitting", RUN)
        reaper("submitted", RUN)


def is_at_rest(engine: RunEngine, run: Run) -> bool:
    """Tell whether the durable engine too knows that the run is over, and holds nothing of it any more."""
    durable = engine._queue()
    assert isinstance(durable, Durable)
    return durable.fates([(run.id, run.segment)]) == {(run.id, run.segment): Fate.OVER} and not held_by(durable)


def held_by(durable: Durable) -> list[str]:
    """Name the segments and attempts the durable engine still holds."""
    held = durable._ready().list_workflows(status=["ENQUEUED", "PENDING", "DELAYED"], load_input=False)
    return [f"{each.workflow_id} is {each.status}" for each in held]


def flowing() -> Plan:
    """A plan with every block that does not take a minute."""
    blocks = [
        "find",
        {"for_each": "find.detail.devices", "most": 5, "do": ["tell"]},
        {"choose": "steps.find.detail.count > 2", "then": ["many"], "otherwise": ["few"]},
        {"parallel": [["a", "b"], ["join_group"]]},
        {"ask_approval": {"role": "approver"}},
        "last",
    ]
    steps = [step("list_devices", "find"), step("add_note", "tell", text=returned("item.id"))]
    steps += [step("add_note", each, text=said(each)) for each in ("many", "few", "a", "b", "last")]
    flow = TypeAdapter(Flow).validate_json(json.dumps(blocks))
    return plan(*steps, step("join_group", group=said("vpn")), flow=flow)


COURSES = {"list": plan, "flow": flowing}


def push(records: Records, engine: RunEngine, run: Run, wanted: Plan) -> None:
    """Do what people do: answer, approve on the way, and have it undone when it is over."""
    wait = run.waits_for
    if run.state is RunState.WAITING and wait is not None and wait.kind is WaitKind.PROMPT:
        engine.answer(run.id, wait.step_id, SecretStr(RIGHT_CODE), by="ann")
    elif run.state is RunState.WAITING and wait is not None and wait.kind is WaitKind.APPROVAL:
        bob = accounts.find(records, "bob")
        assert bob is not None
        with records.transaction("bob") as transaction:
            decided = approval.decide(
                transaction, wait.approval_id, by=bob, plan_sha256=wanted.sha256(), verdict=Verdict.APPROVE
            )
            engine.go_on(transaction, decided)
    elif run.state.is_over and run.undone_by is None:
        engine.undo(run.id, by="ann")


@dataclass(slots=True)
class Story:
    """The processes of one story, and who looks after them."""

    url: str
    folder: Path
    reaper: Reaper
    processes: int
    wanted: Plan

    def play(self) -> int:
        """Start everybody and wait for the desk's end; whoever is left is killed. Return the desk's exit status."""
        desk = self.start_desk()
        hands = [self.start_hand(f"hand {number}") for number in range(1, self.processes)]
        while True:
            child, status = os.waitpid(-1, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                self.wake_later(child)
            elif child != desk:
                hands.remove(child)
            elif os.waitstatus_to_exitcode(status) == KILLED:
                desk = self.start_desk()
            else:
                break
        for each in hands:
            os.kill(each, signal.SIGKILL)
            os.waitpid(each, 0)
        return os.waitstatus_to_exitcode(status)

    def start_desk(self) -> int:
        patience = ALONE if self.processes == 1 else TOGETHER
        return _forked(lambda: be_the_desk(self.url, self.folder, self.reaper, patience, self.wanted))

    def start_hand(self, name: str) -> int:
        return _forked(lambda: be_a_hand(self.url, self.folder, self.reaper, name))

    def wake_later(self, child: int) -> None:
        is_writing = self.reaper.point.partition(" (")[0].endswith("ing")
        time.sleep(FROZEN_WRITING_FOR if is_writing else FROZEN_FOR)
        os.kill(child, signal.SIGCONT)


def _forked(live: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the log goes elsewhere than the answers
        try:
            os._exit(live())
        finally:
            traceback.print_exc()
            os._exit(FAILED)
    return child


def serve() -> None:
    for line in sys.stdin:
        url, folder, processes, point, fate, course = json.loads(line)
        reaper = Reaper(Path(folder), point, fate)
        status = Story(url, Path(folder), reaper, processes, COURSES[course]()).play()
        befell = Path(folder) / "befell"
        times = len(befell.read_text().splitlines()) if befell.exists() else 0
        sys.stdout.write(json.dumps([times, status]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
