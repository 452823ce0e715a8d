"""A desk for tests of runs: people, an office, a gate with every ring, and an engine that runs when it is told to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from deskhand.automation.plan import Plan
from deskhand.governance import approval
from deskhand.governance.approval import Verdict
from deskhand.records import accounts, runs
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval
from deskhand.records.database import Records
from deskhand.records.runs import Run, StepState
from deskhand.sdk.models import Reference, TenantContext
from deskhand.workflow.calls import Observer, unobserved
from deskhand.workflow.engine import Patience, RunEngine
from deskhand.workflow.gate import Gate
from deskhand.workflow.governed import governed
from tests.core.workflow.inline import Inline
from tests.core.workflow.office import ACTIONS, NAME, RIGHT_CODE, TENANT, Office, plan

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PEOPLE = {"ann": Role.TECHNICIAN, "bob": Role.APPROVER, "cleo": Role.TECHNICIAN}


@dataclass
class Clock:
    """Stands still unless it is moved; each look takes a millisecond, so that things have an order."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Desk:
    """Everything, over one store. ``tenant`` is whose the tickets are."""

    records: Records
    clock: Clock
    office: Office
    inline: Inline = field(default_factory=Inline)
    tenant: str = TENANT
    patience: Patience = field(default_factory=Patience)
    at: Observer = unobserved
    context: Callable[[str], TenantContext] | None = None
    engine: RunEngine = field(default=None, init=False)  # type: ignore[assignment]  # until it is started

    def __post_init__(self) -> None:
        self.start()

    @classmethod
    def open(cls, url: str, folder: Path) -> "Desk":
        clock = Clock()
        records = Records.open(url, clock=clock, signing=folder / "signing")
        with records.transaction("test") as transaction:
            for name, role in PEOPLE.items():
                accounts.add(transaction, Account(name, name, frozenset({role})), password_hash="")
        return cls(records, clock, Office(folder / "office.jsonl"))

    def start(self) -> None:
        """Begin a new life over the same store: nothing in memory is left of the one before."""
        self.die()
        self.engine = RunEngine(
            records=self.records,
            url="unused",
            gate=Gate(self.records, "gate", governing=governed(self.records, self.clock), at=self.at),
            actions=ACTIONS.__getitem__,
            connectors={NAME: self.office},
            contexts=self.context or self.context_of,
            clock=self.clock,
            patience=self.patience,
            carrier=lambda: self.inline,
            at=self.at,
        )
        self.engine.launch()

    def context_of(self, ticket: str) -> TenantContext:
        return TenantContext(Reference(self.tenant, f"Client {self.tenant}"), ticket, requester=None, evidence=())

    def die(self) -> None:
        if self.engine is not None and self.engine._watch is not None:
            self.engine._watch.stop()

    def close(self) -> None:
        self.die()
        self.records.close()

    def approved(self, wanted: Plan, *, by: str = "bob") -> Approval:
        """Have a plan approved; nothing runs."""
        account = accounts.find(self.records, by)
        assert account is not None
        with self.records.transaction(by) as transaction:
            asked = approval.request(transaction, wanted, by=wanted.requested_by)
            return approval.decide(
                transaction, asked.id, by=account, plan_sha256=wanted.sha256(), verdict=Verdict.APPROVE
            )

    def submit(self, wanted: Plan | None = None, *, is_shadow: bool = False) -> Run:
        """Begin a run of a plan, approved where that is needed; nothing is carried out yet."""
        wanted = wanted or plan()
        given = self.approved(wanted).id if wanted.tier > 1 and not is_shadow else None
        with self.records.transaction("ann") as transaction:
            return self.engine.submit(transaction, wanted, approval_id=given, is_shadow=is_shadow)

    def run(self, wanted: Plan | None = None, *, answer: str = RIGHT_CODE) -> Run:
        """Submit a plan and carry it out, answering what is asked, until it waits for something else or is over."""
        run = self.submit(wanted)
        return self.go_on(run, answer=answer)

    def go_on(self, run: Run, *, answer: str = RIGHT_CODE) -> Run:
        """Carry on; each question is answered."""
        self.inline.run()
        while (now := self.look(run)).having(StepState.WAITING):
            self.engine.answer(run.id, now.having(StepState.WAITING)[0], SecretStr(answer), by="ann")
            self.inline.run()
        return now

    def look(self, run: Run) -> Run:
        found = runs.find(self.records, run.id)
        assert found is not None
        return found

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.records.audit_entries()]
