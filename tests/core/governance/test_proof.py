from datetime import datetime, timedelta

import pytest

from deskhand.automation.plan import Argument, Plan, SourceKind
from deskhand.governance import proof
from deskhand.governance.proof import Proof, ProofMethod, ProofRefusedError, ProofState, Shown
from deskhand.records.database import Records
from tests.core.governance.conftest import NOON, HeldClock
from tests.core.governance.plan_examples import check, on_record, plan

PLAN = plan()


def shown(what: Plan, person: str, method: ProofMethod = ProofMethod.CODE, since: datetime | None = None) -> Shown:
    return Shown(person, what.ticket_id, what.tenant.id, what.id, method, "notify_twilio", since)


def proven(records: Records, what: Plan = PLAN, person: str = "17") -> Proof:
    with records.transaction("gate") as transaction:
        return proof.record(transaction, shown(what, person))


def failed(records: Records, what: Plan = PLAN, person: str = "17") -> int:
    with records.transaction("gate") as transaction:
        return proof.failed(transaction, shown(what, person))


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


def called(to: Argument, *, is_call_back: bool = True) -> Plan:
    return plan(check(to).model_copy(update={"is_call_back": is_call_back}))


def seen(since: datetime | None) -> Argument:
    return on_record("+44 1632 960001").model_copy(update={"unchanged_since": since})


def test_what_a_step_shows_follows_from_the_plan_its_provider_and_the_numbers_age_too() -> None:
    what = called(seen(NOON))
    found = proof.shown_by(what, what.step("check"))
    assert found == Shown("17", "100", "19", what.id, ProofMethod.CALL_BACK, "notify_twilio", NOON)
    texted = called(seen(NOON), is_call_back=False)
    assert proof.method_of(texted, texted.step("check")) is ProofMethod.CODE
    nobodys = what.model_copy(update={"person": None})
    assert proof.shown_by(nobodys, nobodys.step("check")) is None


@pytest.mark.parametrize("to", [TYPED, TICKETS, on_record("1", person="18")])
def test_a_call_to_a_number_that_is_not_on_record_is_no_call_back(to: Argument) -> None:
    what = called(to)
    assert proof.method_of(what, what.step("check")) is ProofMethod.OTHER_NUMBER


def test_of_two_values_the_newer_says_since_when_and_one_of_unknown_age_leaves_it_unknown() -> None:
    for since, expected in ((NOON - timedelta(days=9), NOON), (None, None)):
        start = check(seen(since)).model_copy(update={"id": "start", "proves_identity": False})
        arguments = {"to": seen(NOON), "sid": Argument(source=SourceKind.STEP, origin="start.reference", person="17")}
        what = plan(start, check().model_copy(update={"arguments": arguments}))
        assert proof.unchanged_since(what, what.step("check")) == expected


@pytest.mark.parametrize(
    ("method", "age", "is_strong"),
    [
        (ProofMethod.CALL_BACK, timedelta(days=30), True),
        (ProofMethod.CALL_BACK, timedelta(days=30) - timedelta(microseconds=1), False),
        (ProofMethod.CALL_BACK, None, False),
        (ProofMethod.CODE, timedelta(days=300), False),
        (ProofMethod.OTHER_NUMBER, timedelta(days=300), False),
    ],
)
def test_only_a_call_back_to_a_number_of_thirty_days_is_one(
    records_on_both: Records, clock: HeldClock, method: ProofMethod, age: timedelta | None, *, is_strong: bool
) -> None:
    since = None if age is None else clock.now - age
    with records_on_both.transaction("gate") as transaction:
        given = proof.record(transaction, shown(PLAN, "17", method, since))
    assert proof.usable(records_on_both, PLAN, clock()) == given
    assert (given.provider, given.unchanged_since) == ("notify_twilio", since)
    assert proof.is_call_back_to_an_old_number(given) is is_strong
    said = records_on_both.audit_entries()[-1].detail
    assert (said["method"], said["provider"]) == (method, "notify_twilio")


def test_the_better_proof_serves_where_there_are_two(records: Records, clock: HeldClock) -> None:
    with records.transaction("gate") as transaction:
        call = proof.record(transaction, shown(PLAN, "17", ProofMethod.CALL_BACK, NOON - timedelta(days=31)))
    clock.pass_(minutes=1)
    code = proven(records)
    assert proof.usable(records, PLAN, clock()) == call
    clock.pass_(minutes=9.5)
    assert proof.usable(records, PLAN, clock()) == code


def renewing(*calls: Argument) -> Plan:
    """Return a plan that calls a person back on these numbers and renews their factors."""
    steps = [
        check(each).model_copy(update={"id": f"call-{number}", "is_call_back": True})
        for number, each in enumerate(calls)
    ]
    return plan(*steps, check(on_record("1")).model_copy(update={"resets_proof": True, "proves_identity": False}))


@pytest.mark.parametrize(
    ("what", "is_too_new"),
    [
        (renewing(seen(NOON - timedelta(days=30))), False),
        (renewing(seen(NOON - timedelta(days=30) + timedelta(microseconds=1))), True),
        (renewing(seen(None)), True),
        (renewing(seen(NOON), seen(NOON - timedelta(days=31))), False),
        (renewing(seen(NOON), seen(None)), True),
        (renewing(), False),
        (called(seen(NOON)), False),
    ],
)
def test_a_number_that_will_not_be_old_enough_is_told_beforehand(what: Plan, *, is_too_new: bool) -> None:
    told = proof.too_new(what, NOON)
    assert (told is not None) is is_too_new
    assert told is None or "after 30 days" in told


def test_a_plan_says_whether_its_person_is_locked(records: Records) -> None:
    assert proof.lock_on(records, PLAN) is None
    for _ in range(3):
        failed(records)
    assert "person 17" in (proof.lock_on(records, PLAN) or "")
    assert proof.lock_on(records, plan(ticket_id="101")) is None
    assert proof.lock_on(records, PLAN.model_copy(update={"person": None})) is None


def test_every_way_says_what_it_shows() -> None:
    told = {each: each.strength for each in ProofMethod}
    assert "number on record" in told[ProofMethod.CODE]
    assert "answered a call" in told[ProofMethod.CALL_BACK]
    assert {told[each] for each in (ProofMethod.PUSH, ProofMethod.MAIL, ProofMethod.OTHER_NUMBER)} == {
        "counts for nothing"
    }
