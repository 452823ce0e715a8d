"""A desk's lives, for tests that kill it: a server that imports once, and forks one process a life.

Each line on stdin is a life: the store's URL, a folder, and the boundary to die at (empty to live to the end). The life
submits a plan, answers what it is asked, undoes the run when it is over, and exits; the answer is its exit status.
"""

import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from deskhand.governance import approval
from deskhand.governance.approval import Verdict
from deskhand.records import accounts, approvals, runs
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import ApprovalState
from deskhand.records.database import Records
from deskhand.records.runs import Run, RunState, WaitKind
from deskhand.sdk.models import Reference, TenantContext
from deskhand.workflow.durable import Durable
from deskhand.workflow.engine import Patience, RunEngine
from deskhand.workflow.gate import Gate
from deskhand.workflow.governed import governed
from deskhand.workflow.watch import Fate
from tests.core.workflow.office import ACTIONS, NAME, RIGHT_CODE, TENANT, Office, plan

RUN = "r-00000000000000aa"
KILLED = 137
TOO_LONG = 99
PATIENCE = Patience(settling=0.0, first_pause=0.01)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Reaper:
    """Ends the process at one boundary, the n-th time it is reached; writes down each boundary otherwise."""

    point: str
    seen: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)

    def __call__(self, boundary: str, subject: str) -> None:
        name = f"{'run' if subject == RUN else subject}: {boundary}"
        self.seen[name] += 1
        here = f"{name} ({self.seen[name]})"
        self.log.append(here)
        if here == self.point:
            os._exit(KILLED)


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


def live(url: str, folder: Path, point: str) -> int:
    """Live until the run is over and undone, or until death; nobody says goodbye either way."""
    reaper = Reaper(point)
    records = open_store(url, folder)
    engine = RunEngine(
        records=records,
        url=url,
        gate=Gate(records, "gate", governing=governed(records, now), at=reaper),
        actions=ACTIONS.__getitem__,
        connectors={NAME: Office(folder / "office.jsonl")},
        contexts=lambda ticket: TenantContext(Reference(TENANT, "Client 7"), ticket, None, ()),
        clock=now,
        patience=PATIENCE,
        new_id=lambda: RUN,
        at=reaper,
    )
    engine.launch()
    submit(records, engine, reaper)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        run = runs.find(records, RUN)
        assert run is not None
        if run.state.is_over and run.undone_by is not None and is_at_rest(engine, run):
            (folder / "boundaries.json").write_text(json.dumps(reaper.log))
            return 0
        push(engine, run)
        time.sleep(0.02)
    return TOO_LONG


def submit(records: Records, engine: RunEngine, reaper: Reaper) -> None:
    """Ask, approve and begin, unless an earlier life has."""
    wanted = plan()
    asked = approvals.of_plan(records, wanted.id)
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
    """Tell whether the durable engine too knows that the run is over."""
    return engine._queue().fates([(run.id, run.segment)]) == {(run.id, run.segment): Fate.OVER}


def push(engine: RunEngine, run: Run) -> None:
    """Do what people do: answer, and have it undone when it is over."""
    if run.state is RunState.WAITING and run.waits_for is not None and run.waits_for.kind is WaitKind.PROMPT:
        engine.answer(run.id, run.waits_for.step_id, SecretStr(RIGHT_CODE), by="ann")
    elif run.state.is_over and run.undone_by is None:
        engine.undo(run.id, by="ann")


def serve() -> None:
    for line in sys.stdin:
        url, folder, point = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(live(url, Path(folder), point))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
