from collections.abc import Iterator
from pathlib import Path

import pytest

from deskhand.automation import plans
from deskhand.automation.plan import Argument, Named, Plan, PlannedStep, SourceKind
from deskhand.records.database import Records
from deskhand.sdk.actions import Effect
from deskhand.sdk.clock import utc_now


@pytest.fixture
def records(database_url: str, tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(database_url, clock=utc_now, signing=tmp_path / "signing")
    yield opened
    opened.close()


def plan(number: int = 1, text: str = "Hällo\0\ud800") -> Plan:
    step = PlannedStep(
        id="note",
        action="psa_x.add_note",
        title="Add a note",
        tier=1,
        effect=Effect.ONCE,
        arguments={"text": Argument(source=SourceKind.TECHNICIAN, value=text, origin="the sentence")},
    )
    tenant = Named(id="7", name="Client")
    return Plan(id=f"p-{number:016x}", ticket_id="100", tenant=tenant, requested_by="ann", steps=(step,))


def save(records: Records, wanted: Plan) -> None:
    with records.transaction("ann") as transaction:
        plans.save(transaction, wanted)


def test_a_plan_is_read_back_with_the_hash_it_was_kept_under(records: Records) -> None:
    save(records, plan())
    found = plans.find(records, plan().id)
    assert found is not None
    assert (found.sha256(), found.written()) == (plan().sha256(), plan().written())
    (entry,) = records.audit_entries(ticket="100")
    assert (entry.kind, entry.detail["sha256"]) == ("plan.saved", plan().sha256())


def test_a_plan_never_changes(records: Records) -> None:
    save(records, plan())
    for other in (plan(), plan(text="else")):
        with pytest.raises(LookupError, match="never changes"):
            save(records, other)
    with records.transaction("ann") as transaction:
        assert plans.is_kept(transaction, plan())
        assert not plans.is_kept(transaction, plan(2))
        with pytest.raises(LookupError, match="not the one that was kept"):
            plans.is_kept(transaction, plan(text="else"))


def test_a_tickets_plans_come_oldest_first(records: Records) -> None:
    save(records, plan(2))
    save(records, plan(1))
    assert [each.id for each in plans.of_ticket(records, "100")] == [plan(2).id, plan(1).id]
    assert plans.of_ticket(records, "101") == []
    assert plans.find(records, "p-none") is None
