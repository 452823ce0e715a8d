"""Caps at the gate: counted in the transaction of the intent, so that nobody who was told yes is one too many."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deskhand.automation.plan import Argument, AutomationPin, Plan, SourceKind
from deskhand.automation.stage import Stage
from deskhand.governance.caps import Caps
from deskhand.governance.permission import LivePermissions
from deskhand.records import effects, grants, places
from deskhand.records.database import url_of
from deskhand.records.grants import Grant, Mode
from deskhand.records.runs import Cause, RunState
from deskhand.sdk.actions import Inspection
from deskhand.workflow.calls import Call, Case, Mandate, RefusedError
from deskhand.workflow.governed import PolicyRing, governed
from tests.core.workflow.desk import Desk
from tests.core.workflow.office import ACTIONS, TENANT, plan, said, step

CONSTANT = Argument(source=SourceKind.CONSTANT, value="Done.", origin="its text")
NOTE, TEXT = step("add_note", text=CONSTANT), step("send_text", text=said("Hello"))
PIN = AutomationPin(name="unlock", version=1, sha256="0" * 64)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk.open(url_of(tmp_path / "records.db"), tmp_path)
    yield opened
    opened.close()


def ring_of(desk: Desk, **caps: int) -> PolicyRing:
    permissions = LivePermissions(desk.records, caps=Caps(**caps))
    ring = governed(desk.records, desk.clock, permissions=permissions, stage=lambda _plan: Stage.AUTO).policy
    assert isinstance(ring, PolicyRing)
    return ring


def asked(desk: Desk, number: int, *, tenant: str = TENANT, by: str = "ann") -> Case:
    whole: Plan = plan(NOTE, number=number, tenant=tenant, requested_by=by, pin=PIN if by != "ann" else None)
    action, values = ACTIONS[NOTE.action], {name: each.value for name, each in whole.steps[0].arguments.items()}
    desk.tenant = tenant
    mandate = Mandate(whole, whole.steps[0], f"r-{number}", None)
    arguments = action.arguments.model_validate(values)
    call = Call(action, desk.office, desk.context_of(whole.ticket_id), arguments, f"key-{number}", mandate)
    return Case(call, Inspection(tenant, ()))


def spent(desk: Desk, ring: PolicyRing, case: Case) -> str | None:
    try:
        with desk.records.transaction("gate") as transaction:
            effects.claim(
                transaction,
                case.call.key,
                action=case.call.action.name,
                tenant=case.call.context.tenant.id,
                ticket=case.call.context.ticket_id,
                arguments_sha256=case.call.digest(),
            )
            ring.spend(transaction, case)
    except RefusedError as error:
        return f"{error.ring.value}: {error}"
    return None


@pytest.mark.parametrize(
    ("cap", "limit", "by", "tenants"),
    [
        ("runs_at_client", 3, "ann", [TENANT]),
        ("automation_runs_at_client", 3, "automation:unlock", [TENANT]),
        ("runs_everywhere", 3, "ann", [TENANT, "8", "9"]),
        ("automation_runs_everywhere", 3, "automation:unlock", [TENANT, "8", "9"]),
    ],
)
def test_of_many_who_were_told_yes_only_as_many_begin_as_there_are_places(
    desk: Desk, cap: str, limit: int, by: str, tenants: list[str]
) -> None:
    ring = ring_of(desk, **{cap: limit})
    cases = [asked(desk, number, tenant=tenants[number % len(tenants)], by=by) for number in range(8)]
    assert [ring.objection(each) for each in cases] == [None] * 8, "nobody has begun yet"
    told = [spent(desk, ring, each) for each in cases]
    assert [each is None for each in told] == [True] * limit + [False] * (8 - limit)
    assert "policy: " in str(told[-1])
    assert "As many runs have begun this hour as the settings allow" in str(told[-1])


def test_the_guard_rails_hold_without_any_setting(desk: Desk) -> None:
    ring = ring_of(desk)
    with desk.records.transaction("gate") as transaction:
        for number in range(59):
            places.take(transaction, f"r-other-{number}", tenant=TENANT, automation="", requested_by="ann")
        transaction.audit("policy.decided")
    assert spent(desk, ring, _judged(ring, asked(desk, 1))) is None
    assert "60 runs in an hour" in str(ring.objection(asked(desk, 2)))


def _judged(ring: PolicyRing, case: Case) -> Case:
    assert ring.objection(case) is None
    return case


def test_a_limit_of_a_grant_is_counted_in_the_transaction_too(desk: Desk) -> None:
    row = Grant(tenant_id=TENANT, subject=f"action:{NOTE.action}", mode=Mode.AUTO, per_hour=2)
    with desk.records.transaction("ada") as transaction:
        version = grants.propose(transaction, [row], author="ann").version
        grants.approve(transaction, version, by="ada")
    ring = ring_of(desk)
    cases = [asked(desk, number) for number in range(4)]
    assert [ring.objection(each) for each in cases] == [None] * 4
    told = [spent(desk, ring, each) for each in cases]
    assert told[:2] == [None, None]
    assert all("as often this hour as this client allows" in str(each) for each in told[2:])


def test_a_run_that_has_begun_is_brought_to_its_end_whoever_begins_meanwhile(desk: Desk) -> None:
    run = desk.submit(plan(NOTE, TEXT))
    done = 0

    def others_begin(where: str) -> None:
        nonlocal done
        if where == "add_note after":
            done += 1
            with desk.records.transaction("gate") as transaction:
                for number in range(100):
                    places.take(transaction, f"r-other-{number}", tenant=TENANT, automation="", requested_by="ann")
                transaction.audit("policy.decided")

    desk.office.on_call = others_begin
    assert desk.go_on(run).state is RunState.DONE
    assert done == 1
    late = desk.run(plan(NOTE, number=2))
    assert (late.steps[0].cause, late.steps[0].ring) == (Cause.REFUSED, "policy")


def test_looking_takes_no_place(desk: Desk) -> None:
    desk.submit(plan(NOTE), is_shadow=True)
    desk.inline.run()
    with desk.records.reading() as connection:
        assert places.begun(connection, desk.clock(), tenant=TENANT, automation="").at_tenant == 0
