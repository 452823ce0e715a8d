"""A run with branches, a loop and an approval on the way, on the real engine: side by side, once each, to its end."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from deskhand.automation.flow import Flow
from deskhand.governance import approval
from deskhand.governance.approval import Verdict
from deskhand.records import accounts, approvals, runs
from deskhand.records.accounts import Account, Role
from deskhand.records.audit.verification import verify
from deskhand.records.database import Records
from deskhand.records.runs import Run, RunState, WaitKind
from deskhand.sdk.models import Reference, TenantContext
from deskhand.workflow.engine import Patience, RunEngine
from deskhand.workflow.gate import Gate
from deskhand.workflow.governed import governed
from deskhand.workflow.watch import Fate
from tests.core.workflow.office import ACTIONS, NAME, TENANT, Office, plan, returned, said, step

BLOCKS = [
    "find",
    {"for_each": "find.detail.devices", "most": 5, "do": ["tell"]},
    {"parallel": [["a", "b"], ["c"]]},
    {"ask_approval": {"role": "approver", "expires_minutes": 60}},
    {"parallel": [["d"], ["e"]]},
    "last",
]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def records(database_url: str, tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(database_url, clock=now, signing=tmp_path / "signing")
    with opened.transaction("test") as transaction:
        for name, role in (("ann", Role.TECHNICIAN), ("bob", Role.APPROVER)):
            accounts.add(transaction, Account(name, name, frozenset({role})), password_hash="")
    yield opened
    opened.close()


def until(found: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def test_branches_run_side_by_side_and_everything_once_on_the_real_engine(
    records: Records, database_url: str, tmp_path: Path
) -> None:
    office = Office(tmp_path / "office.jsonl")
    together: list[str] = []
    meeting = threading.Barrier(2)

    def meet(where: str) -> None:
        """In the first fork, a branch goes on once another one is at its first step too."""
        notes = [each["value"] for each in office.effects()]
        if where == "add_note before" and len(notes) == 3 and not together:
            meeting.wait(30)
            together.append(where)

    office.on_call = meet
    engine = RunEngine(
        records=records,
        url=database_url,
        gate=Gate(records, "gate", governing=governed(records, now)),
        actions=ACTIONS.__getitem__,
        connectors={NAME: office},
        contexts=lambda ticket: TenantContext(Reference(TENANT, "Client 7"), ticket, None, ()),
        clock=now,
        patience=Patience(settling=0.0, first_pause=0.01),
    )
    steps = [step("list_devices", "find"), step("add_note", "tell", text=returned("item.id"))]
    steps += [step("add_note", each, text=said(each)) for each in ("a", "b", "c", "d", "e", "last")]
    wanted = plan(*steps, flow=TypeAdapter(Flow).validate_json(json.dumps(BLOCKS)))
    with engine:
        engine.launch()
        with records.transaction("ann") as transaction:
            run = engine.submit(transaction, wanted)
        until(lambda: look(records, run).state is RunState.WAITING)
        waits = look(records, run).waits_for
        assert waits is not None
        assert waits.kind is WaitKind.APPROVAL
        notes = [each["value"] for each in office.effects()]
        assert notes[:3] == ["d-1", "d-2", "d-3"]
        assert sorted(notes[3:]) == ["a", "b", "c"]
        assert together, "branches wait for each other"

        bob = accounts.find(records, "bob")
        assert bob is not None
        with records.transaction("bob") as transaction:
            decided = approval.decide(
                transaction, waits.approval_id, by=bob, plan_sha256=wanted.sha256(), verdict=Verdict.APPROVE
            )
            engine.go_on(transaction, decided)
        until(lambda: look(records, run).state.is_over)
        ended = look(records, run)
        until(lambda: set(fates(engine, ended).values()) == {Fate.OVER})
    assert ended.state is RunState.DONE
    done = [each["value"] for each in office.effects()]
    assert sorted(done[6:8]) == ["d", "e"]
    assert done[8:] == ["last"]
    assert len({each["key"] for each in office.effects()}) == len(done)
    assert [each.state.value for each in approvals.of_plan(records, wanted.id)] == ["used"]
    assert verify(database_url, signing=tmp_path / "signing").ok


def look(records: Records, run: Run) -> Run:
    found = runs.find(records, run.id)
    assert found is not None
    return found


def fates(engine: RunEngine, run: Run) -> dict[tuple[str, int], Fate]:
    """What became of every segment there was."""
    return dict(engine._queue().fates([(run.id, number) for number in range(run.segments + 1)]))
