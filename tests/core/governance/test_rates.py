from datetime import timedelta

from deskhand.governance.rates import last_hour
from deskhand.governance.request import Rates
from deskhand.records import effects, runs
from deskhand.records.audit.recent import entries_since
from deskhand.records.database import Records
from deskhand.records.runs import Run, StepRecord
from tests.core.governance.conftest import HeldClock

RESET = "identity_entra.reset_password"


def begin(records: Records, number: int, *, tenant: str = "19", automation: str = "") -> None:
    with records.transaction("gate") as transaction:
        runs.start(
            transaction,
            Run(
                id=f"r-{number:016x}",
                plan_id=f"p-{number:016x}",
                plan_sha256="ab" * 32,
                ticket_id="100",
                tenant_id=tenant,
                automation=automation,
                steps=(StepRecord(id="reset", action=RESET),),
                requested_by="ann",
                started_at=transaction.clock(),
            ),
        )


def claim(records: Records, number: int, *, tenant: str = "19", action: str = RESET) -> None:
    with records.transaction("gate") as transaction:
        effects.claim(
            transaction, f"k-{number}", action=action, tenant=tenant, ticket="100", arguments_sha256="ab" * 32
        )


def test_an_hours_work_is_counted_for_client_automation_and_action(records_on_both: Records, clock: HeldClock) -> None:
    records = records_on_both
    for number in range(5):
        begin(records, number, automation="unlock" if number % 2 else "")
    begin(records, 9, tenant="20", automation="unlock")
    for number in range(3):
        claim(records, number)
    claim(records, 7, tenant="20")
    claim(records, 8, action="identity_entra.revoke_sessions")
    asked = last_hour(records, now=clock(), tenant="19", automation="unlock", action=RESET, run_id=f"r-{1:016x}")
    assert asked == Rates(at_tenant=4, of_automation=1, of_action=3)
    assert last_hour(records, now=clock(), tenant="19") == Rates(at_tenant=5)
    assert last_hour(records, now=clock(), tenant="21", automation="unlock", action=RESET) == Rates()


def test_what_is_an_hour_old_no_longer_counts(records: Records, clock: HeldClock) -> None:
    begin(records, 1, automation="unlock")
    claim(records, 1)
    clock.pass_(seconds=3_599)
    assert last_hour(records, now=clock(), tenant="19", automation="unlock", action=RESET) == Rates(
        at_tenant=1, of_automation=1, of_action=1
    )
    clock.pass_(seconds=2)
    assert last_hour(records, now=clock(), tenant="19", automation="unlock", action=RESET) == Rates()


def test_looking_back_finds_everything_however_much_lies_between(records: Records, clock: HeldClock) -> None:
    since = clock()
    with records.transaction("test") as transaction:
        for number in range(1_203):
            transaction.audit("marked" if number % 100 == 0 else "other", tenant="19", detail={"kind": "marked"})
    with records.reading() as connection:
        found = [entry.seq for entry in entries_since(connection, since, kind="marked", tenant="19")]
        assert len(found) == 13
        assert found == sorted(found, reverse=True)
        assert list(entries_since(connection, since + timedelta(seconds=1), kind="marked")) == []
        assert list(entries_since(connection, since, kind="marked", tenant="20")) == []
