"""Prints what a run costs: steps through the gate and the durable engine, beside bare DBOS making the same steps.

    uv run python benchmarks/engine.py [--runs 48] [--steps 10] [--postgresql postgresql+psycopg://…/an_empty_database]

A step asks a vendor that answers at once, so that what is measured is ours: kill switch, tenant, plan, policy, claim,
verify, outcome, audit, and what carries the run on. Bare DBOS makes the same steps, as many at once, through a queue
like ours. What the gate costs by itself, with policy, ledger and audit, is measured beside steps of DBOS's, one after
another. Times depend on the disk and on who else uses the machine; the ratios carry over.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions, WorkflowHandle

from deskhand.automation.plan import Argument, Named, Plan, PlannedStep, SourceKind
from deskhand.records import accounts, runs
from deskhand.records.accounts import Account, Role
from deskhand.records.database import Records, url_of
from deskhand.records.runs import RunState
from deskhand.sdk.actions import Action, AnyAction, Arguments, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.clock import utc_now
from deskhand.sdk.models import Reference, TenantContext
from deskhand.workflow.calls import Call, Mandate
from deskhand.workflow.engine import RunEngine
from deskhand.workflow.gate import Gate
from deskhand.workflow.governed import governed

TENANTS = 8
CALLS = 300
NAME = "psa_instant"
PATIENCE = 300.0


@dataclass
class Instant:
    """A vendor that answers at once and remembers how often it was asked."""

    name: str = NAME
    made: list[str] = field(default_factory=list)

    def check(self) -> str:
        """Say that it is there."""
        return "at once"

    def close(self) -> None:
        """Do nothing."""


class Target(Arguments):
    """Where the change is made."""

    company_id: str
    ticket_id: str


def make(vendor: Instant, _arguments: Target, key: str) -> Receipt:
    """Make the change."""
    vendor.made.append(key)
    return Receipt(str(len(vendor.made)))


ACTION: AnyAction = Action(
    name=f"{NAME}.make_change",
    title="Make a change",
    arguments=Target,
    tier=Tier.PSA_REVERSIBLE,
    effect=Effect.IDEMPOTENT,
    permission="changes",
    documentation="https://vendor.example/changes",
    inspect=lambda _vendor, arguments: Inspection(arguments.company_id, (Change("field", "old", "new"),), {"x": "old"}),
    apply=make,
    verify=lambda *_arguments: True,
    undo=lambda *_arguments: None,
)


def main() -> None:
    """Measure on SQLite, and on PostgreSQL where one is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=48, help="how many runs")
    parser.add_argument("--steps", type=int, default=10, help="how many steps each has")
    parser.add_argument("--postgresql", help="the URL of an empty database")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="deskhand-engine-") as folder:
        stores = {"SQLite": url_of(Path(folder) / "records.db")}
        if arguments.postgresql:
            stores["PostgreSQL"] = arguments.postgresql
        for name, url in stores.items():
            measure(name, url, Path(folder) / f"signing-{name}", arguments.runs, arguments.steps)


def measure(name: str, url: str, signing: Path, number: int, steps: int) -> None:
    """Print every figure of one database."""
    total = number * steps
    records = Records.open(url, clock=utc_now, signing=signing)
    with records.transaction("benchmark") as transaction:
        accounts.add(transaction, Account("ann", "Ann", frozenset({Role.TECHNICIAN})), password_hash="")
    ours = seconds_of_runs(records, url, number, steps)
    gate = seconds_of_calls(records) / CALLS
    bare, alone = seconds_of_bare_workflows(url, number, steps)
    records.close()
    print(f"{name}: {number} runs of {steps} steps, {TENANTS} clients at once")
    print(f"  bare DBOS           {total / bare:8,.0f} steps/s   {number / bare:6.1f} runs/s")
    print(f"  deskhand            {total / ours:8,.0f} steps/s   {number / ours:6.1f} runs/s")
    print(f"  a step of a run, all in all, costs {ours / bare:.1f} times a bare durable step")
    print(f"  gate, policy, ledger and audit of a step cost {gate / (alone / CALLS):.1f} times a bare durable step")
    print(f"  (one after another, {gate * 1e3:.1f} ms beside {alone / CALLS * 1e3:.1f} ms)")


def seconds_of_runs(records: Records, url: str, number: int, steps: int) -> float:
    """Submit runs, then carry them all out, and return how long that took without the submitting."""
    vendor = Instant()
    engine = RunEngine(
        records=records,
        url=url,
        gate=gate_of(records),
        actions={ACTION.name: ACTION}.__getitem__,
        connectors={NAME: vendor},
        contexts=lambda ticket: TenantContext(Reference(ticket, "Client"), ticket, requester=None, evidence=()),
        clock=utc_now,
    )
    for each in range(number):
        with records.transaction("ann") as transaction:
            engine.submit(transaction, plan(each, steps))
    start = time.perf_counter()
    engine.launch()
    wait(lambda: len(vendor.made) == number * steps)
    wait(lambda: not runs.under_way(records))
    seconds = time.perf_counter() - start
    engine.close()
    assert len(vendor.made) == number * steps  # noqa: S101  # else the figure means nothing
    assert not runs.recent(records, 1, state=RunState.FAILED)  # noqa: S101  # likewise
    return seconds


def seconds_of_calls(records: Records) -> float:
    """Make calls through the gate, one after another, with no durable engine around it."""
    gate, vendor, whole = gate_of(records), Instant(), plan(TENANTS * 1000, 1)
    start = time.perf_counter()
    for number in range(CALLS):
        context = TenantContext(Reference(whole.tenant.id, "Client"), whole.ticket_id, requester=None, evidence=())
        arguments = Target(company_id=whole.tenant.id, ticket_id=whole.ticket_id)
        mandate = Mandate(whole, whole.steps[0], "r-none", None)
        gate.perform(Call(ACTION, vendor, context, arguments, f"call-{number}", mandate))
    return time.perf_counter() - start


def seconds_of_bare_workflows(url: str, number: int, steps: int) -> tuple[float, float]:
    """Let DBOS alone make the same steps, and then as many as there are calls, one after another.

    The first through a queue of the same shape, filled beforehand as ours was.
    """
    config: DBOSConfig = {
        "name": "bare",
        "system_database_url": url,
        "application_version": "bare",
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "ERROR",
    }
    DBOS.migrate(url)
    client = DBOSClient(system_database_url=url, serializer=DBOSPortableJSONSerializer(), application_name="bare")
    client.register_queue("bare", partition_concurrency=1, worker_concurrency=TENANTS, polling_interval_sec=0.1)
    vendor = Instant()

    @DBOS.workflow(name="bare")
    def bare(run: int, steps: int) -> float:
        begun = time.perf_counter()
        for step in range(steps):
            DBOS.run_step({"name": f"step-{step}"}, lambda key: make(vendor, TARGET, key).reference, f"{run}-{step}")
        return time.perf_counter() - begun

    def queued(run: int, steps: int) -> WorkflowHandle[float]:
        options: EnqueueOptions = {"workflow_name": "bare", "queue_name": "bare", "app_version": "bare"}
        return client.enqueue({**options, "queue_partition_key": str(run % TENANTS)}, run, steps)

    handles = [queued(each, steps) for each in range(number)]
    DBOS(config=config)
    start = time.perf_counter()
    DBOS.launch()
    wait(lambda: len(vendor.made) == number * steps)
    for handle in handles:
        handle.get_result(polling_interval_sec=0.02)
    together = time.perf_counter() - start
    alone = queued(number, CALLS).get_result(polling_interval_sec=0.02)
    DBOS.destroy(destroy_registry=True)
    client.destroy()
    return together, alone


TARGET = Target(company_id="0", ticket_id="0")


def gate_of(records: Records) -> Gate:
    """Return a gate with every ring."""
    return Gate(records, "gate", governing=governed(records, utc_now))


def plan(number: int, steps: int) -> Plan:
    """Return a plan on the ticket of one of the clients."""
    tenant = str(number % TENANTS)
    values = {"company_id": tenant, "ticket_id": tenant}
    arguments = {
        name: Argument(source=SourceKind.TICKET, value=value, origin="the ticket") for name, value in values.items()
    }
    planned = tuple(
        PlannedStep(
            id=f"step_{each}",
            action=ACTION.name,
            title=ACTION.title,
            tier=ACTION.tier,
            effect=ACTION.effect,
            arguments=arguments,
        )
        for each in range(steps)
    )
    client = Named(id=tenant, name="Client")
    return Plan(id=f"p-{number:016x}", ticket_id=tenant, tenant=client, requested_by="ann", steps=planned)


def wait(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError("the runs did not end")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
