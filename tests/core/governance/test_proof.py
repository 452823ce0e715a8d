from datetime import timedelta

import pytest

from deskhand.automation.plan import Argument, Plan, SourceKind
from deskhand.governance import proof
from deskhand.governance.proof import Proof, ProofMethod, ProofRefusedError, ProofState
from deskhand.records.database import Records
from tests.core.governance.conftest import HeldClock
from tests.core.governance.plan_examples import check, on_record, plan

PLAN = plan()


def proven(records: Records, what: Plan = PLAN, person: str = "17") -> Proof:
    with records.transaction("gate") as transaction:
        return proof.record(
            transaction, person, what.ticket_id, tenant_id=what.tenant.id, plan_id=what.id, method=ProofMethod.CODE
        )


def failed(records: Records, what: Plan = PLAN, person: str = "17") -> int:
    with records.transaction("gate") as transaction:
        return proof.failed(
            transaction, person, what.ticket_id, tenant_id=what.tenant.id, plan_id=what.id, method=ProofMethod.CODE
        )


def used(records: Records, given: Proof) -> Proof:
    with records.transaction("gate") as transaction:
        return proof.use(transaction, given)


def test_a_proof_serves_its_plan_for_ten_minutes(records_on_both: Records, clock: HeldClock) -> None:
    given = proven(records_on_both)
    clock.pass_(minutes=10)
    assert proof.usable(records_on_both, PLAN, clock()) == given
    assert used(records_on_both, given).state is ProofState.USED
    clock.pass_(microseconds=1)
    assert proof.usable(records_on_both, PLAN, clock()) is None
    with pytest.raises(ProofRefusedError, match="older than ten minutes"):
        used(records_on_both, given)


@pytest.mark.parametrize(
    "other", [plan(number=2), plan(ticket_id="101"), plan(tenant="20"), plan().model_copy(update={"person": None})]
)
def test_a_proof_serves_no_other_plan(records: Records, clock: HeldClock, other: Plan) -> None:
    proven(records)
    assert proof.usable(records, PLAN, clock()) is not None
    assert proof.usable(records, other, clock()) is None


def test_somebody_elses_proof_does_not_serve(records: Records, clock: HeldClock) -> None:
    proven(records, person="18")
    assert proof.usable(records, PLAN, clock()) is None


def test_the_plan_that_uses_a_proof_may_go_on_using_it(records: Records, clock: HeldClock) -> None:
    given = proven(records)
    for _ in range(2):
        used(records, given)
        found = proof.usable(records, PLAN, clock())
        assert found is not None
        assert found.state is ProofState.USED
    assert [entry.kind for entry in records.audit_entries()].count("proof.used") == 1


def test_a_proof_from_the_future_does_not_serve(records: Records, clock: HeldClock) -> None:
    given = proven(records)
    clock.pass_(seconds=-1)
    assert proof.usable(records, PLAN, clock()) is None
    with pytest.raises(ProofRefusedError):
        used(records, given)


def test_three_failures_lock_the_person_on_that_ticket_whatever_the_plan(records: Records, clock: HeldClock) -> None:
    early = proven(records)
    assert [failed(records), failed(records, plan(number=2)), failed(records)] == [2, 1, 0]
    with pytest.raises(ProofRefusedError, match="three attempts of person 17"):
        proven(records, plan(number=3))
    with pytest.raises(ProofRefusedError, match="three attempts"):
        used(records, early)
    assert proven(records, person="18").state is ProofState.PROVEN
    assert proof.usable(records, PLAN, clock() + timedelta(seconds=1)) is None
    assert proven(records, plan(ticket_id="101")).state is ProofState.PROVEN
    assert failed(records) == 0


def test_two_failures_do_not_lock(records: Records) -> None:
    failed(records)
    failed(records)
    assert proven(records).state is ProofState.PROVEN


def test_a_failure_proves_nothing(records: Records, clock: HeldClock) -> None:
    failed(records)
    assert proof.usable(records, PLAN, clock()) is None


TYPED = Argument(source=SourceKind.TECHNICIAN, value="+44 1632 960002", origin="typed", person="17")
TICKETS = Argument(source=SourceKind.TICKET, value="+44 1632 960002", origin="the ticket", person="17")


@pytest.mark.parametrize(
    ("to", "method"),
    [
        (on_record("+44 1632 960001"), ProofMethod.CODE),
        (on_record("+44 1632 960001", person="18"), ProofMethod.OTHER_NUMBER),
        (on_record("+44 1632 960001", person=None), ProofMethod.OTHER_NUMBER),
        (TYPED, ProofMethod.OTHER_NUMBER),
        (TICKETS, ProofMethod.OTHER_NUMBER),
    ],
)
def test_only_a_number_on_record_for_that_person_proves_anything(to: Argument, method: ProofMethod) -> None:
    what = plan(check(to))
    assert proof.method_of(what, what.step("check")) is method


def test_one_number_that_is_not_on_record_spoils_the_step() -> None:
    step = check().model_copy(update={"arguments": {"to": on_record("1"), "also": TYPED}})
    assert proof.method_of(plan(step), step) is ProofMethod.OTHER_NUMBER


def begun_with(to: Argument) -> Plan:
    start = check(to).model_copy(update={"id": "start", "proves_identity": False})
    sid = Argument(source=SourceKind.STEP, origin="start.reference")
    to_check = on_record("+44 1632 960001")
    return plan(start, check().model_copy(update={"arguments": {"to": to_check, "verification_sid": sid}}))


@pytest.mark.parametrize(
    ("to", "method"),
    [
        (on_record("+44 1632 960001"), ProofMethod.CODE),
        (on_record("+44 1632 960001", person="18"), ProofMethod.OTHER_NUMBER),
        (TYPED, ProofMethod.OTHER_NUMBER),
        (TYPED.model_copy(update={"person": None}), ProofMethod.OTHER_NUMBER),
    ],
)
def test_a_code_counts_as_what_its_verification_was_begun_with(to: Argument, method: ProofMethod) -> None:
    what = begun_with(to)
    assert proof.method_of(what, what.step("check")) is method
