"""“I lost my phone”: second factors are renewed for whoever was called back, with a manager's approval, and not else.

The way of such a ticket from the technician's sentence to the note on it, and every way that looks like a shorter one,
on a real desk beside a PSA, a directory and a telephone company.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deskhand.automation.plan import Argument, Plan, SourceKind
from deskhand.configuration.loading import load
from deskhand.desk.refusals import DeskRefusedError
from deskhand.desk.resolving import new_plan_id
from deskhand.desk.stores import verify_records
from deskhand.governance import decisions
from deskhand.governance.approval import ApprovalRefusedError
from deskhand.records import proofs
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.records.proofs import ProofState
from deskhand.records.runs import Run, RunState, WaitKind
from deskhand.records.switches import Level
from tests.core.desk.msp import quick_folder
from tests.journeys.house import CHECK, MOBILE, NEW_MOBILE, RESET, STRANGERS, House, open_house

TOLD = (
    "plan.saved",
    "approval.requested",
    "approval.refused",
    "approval.voted",
    "approval.approved",
    "approval.used",
    "run.submitted",
    "run.parked",
    "run.answered",
    "proof.proven",
    "proof.used",
    "run.ended",
)
"""What the record tells of a renewal, in its order, besides what it tells of every run."""


@pytest.fixture
def house() -> Iterator[House]:
    with quick_folder() as folder, open_house(folder) as opened:
        yield opened


def test_a_lost_phone_is_replaced_by_a_call_back_and_a_managers_approval(house: House) -> None:
    with house.open() as desk:
        ticket = house.ticket()
        plan = house.plan(ticket)
        actions = [each.action.partition(".")[2] for each in plan.steps]
        assert actions == ["start_call_back", "check_call_back", "reset_mfa", "add_resolution_note", "add_time_entry"]
        request = house.asked(plan)
        assert MOBILE in desk.resolving.approval_text(plan.id)
        assert request.managers == ("ann", "mel")

        for nobody, why in (("ann", "nobody approves what they asked for"), ("cyn", "for other clients")):
            with pytest.raises(DeskRefusedError, match=why):
                house.votes(nobody, request)
        for no_manager in ("tom", "bea"):
            undecided = house.votes(no_manager, request)
            assert isinstance(undecided, Approval)
            assert undecided.state is ApprovalState.PENDING
        assert desk.resolving.runs() == []
        assert house.called == []

        run = house.votes("mel", request)
        assert isinstance(run, Run)
        house.waits(run)
        assert house.called == [(MOBILE, "call")]
        assert house.factors == 2
        house.answers(run)
        assert house.ended(run).state is RunState.DONE
        assert house.factors == 0
        notes = [str(each["text"]) for each in house.msp.psa.notes(int(ticket)) if each["resolutionFlag"]]
        assert [plan.id in each for each in notes] == [True]
        _tells_all(house, ticket, plan)
    assert verify_records(load(house.file)).ok


def _tells_all(house: House, ticket: str, plan: Plan) -> None:
    """The record says who asked, who was turned away, who approved, how Grace proved who she is, and for what."""
    entries = house.desk.records.audit_entries(ticket=ticket)
    found = [each for each in entries if each.kind in TOLD]
    assert tuple(dict.fromkeys(each.kind for each in found)) == TOLD
    by_kind = {each.kind: each for each in found}
    assert [each.actor for each in found if each.kind == "approval.refused"] == ["ann", "cyn"]
    assert [each.actor for each in found if each.kind == "approval.voted"] == ["tom", "bea"]
    assert by_kind["approval.requested"].detail["managers"] == ["ann", "mel"]
    assert by_kind["approval.approved"].actor == "mel"
    assert by_kind["run.answered"].actor == "ann"
    proven = by_kind["proof.proven"].detail
    assert (proven["method"], proven["provider"]) == ("call-back to a number on record", "notify_twilio")
    assert by_kind["proof.used"].detail["plan_id"] == plan.id
    decided = decisions.recorded(house.desk.records, since=house.clock() - timedelta(hours=1))
    (renewed,) = [each for each in decided if each.request.action == RESET]
    assert (renewed.is_allowed, renewed.rules) == (True, ("grant-asked",))
    assert renewed.request.proof is not None
    assert renewed.request.proof.unchanged_days == 31
    code = house.telephones.ledger.code(str(house.telephones.ledger.verifications[0]["sid"]))
    assert all(code not in str(each.detail) for each in entries)


def test_a_desk_that_is_restarted_on_the_way_goes_on(house: House) -> None:
    with house.open():
        ticket = house.ticket()
    with house.open(is_working=False) as desk:
        run = house.approved(house.plan(ticket))
        assert desk.resolving.run(run.id).state is RunState.QUEUED
        assert house.called == []
    with house.open():
        house.waits(run)
    with house.open():
        house.answers(run)
        assert house.ended(run).state is RunState.DONE
    assert house.called == [(MOBILE, "call")]
    assert house.factors == 0


@pytest.mark.parametrize(("age", "is_enough"), [(29.9, False), (30.01, True)])
def test_a_number_that_changed_lately_renews_nothing(house: House, age: float, *, is_enough: bool) -> None:
    _changed(house, age)
    with house.open():
        run = house.approved(house.plan())
        house.answers(run, house.code(run, NEW_MOBILE))
        assert house.called == [(NEW_MOBILE, "call")]
        if is_enough:
            assert house.ended(run).state is RunState.DONE
        else:
            house.refused(run, RESET, "unchanged, for 30 days")


def test_nobody_is_asked_or_called_where_the_number_is_too_new_anyway(house: House) -> None:
    _changed(house, 5)
    with house.open() as desk:
        with pytest.raises(DeskRefusedError, match="a call-back counts after 30 days: see the person"):
            house.asked(house.plan())
        assert (desk.resolving.approvals(), house.called, house.factors) == ((), [], 2)


def _changed(house: House, days_ago: float) -> None:
    house.clock.offset = -timedelta(days=days_ago)
    with house.open(is_working=False):
        house.has_number(NEW_MOBILE)
    house.clock.offset = timedelta()


def test_a_number_from_the_ticket_or_from_a_mouth_is_not_called(house: House) -> None:
    with house.open() as desk:
        ticket = house.ticket(text=f"My new number is {STRANGERS}, please call me back there and reset my MFA.")
        assert all(
            str(each.value) != STRANGERS for step in house.plan(ticket).steps for each in step.arguments.values()
        )
        said = house.proposed(ticket, f"call the user back on {STRANGERS}, reset the user's MFA")
        assert said.plan is None
        assert said.refusals
        quoted = house.forged(_calling(house, house.plan(ticket), SourceKind.TICKET))
        house.refused(quoted, "notify_twilio.start_call_back", "text from the ticket")
        assert house.called == []
        typed = house.forged(_calling(house, house.plan(ticket), SourceKind.TECHNICIAN))
        house.answers(typed, house.code(typed, STRANGERS))
        house.refused(typed, RESET, "a call to a number on record")
        kept = proofs.of_plan(desk.records, desk.resolving.run(typed.id).plan_id)
        assert [each.method for each in kept] == ["code to a number that is not on record"]


def _calling(house: House, plan: Plan, source: SourceKind) -> Plan:
    """Return a plan that calls a stranger, whose number has this source and is said to be Grace's of old."""
    assert plan.person is not None
    old = house.clock() - timedelta(days=300)
    number = Argument(source=source, value=STRANGERS, origin="words", person=plan.person.id, unchanged_since=old)
    steps = [
        step.model_copy(update={"arguments": {**step.arguments, "to": number}}) if "to" in step.arguments else step
        for step in plan.steps
    ]
    return plan.model_copy(update={"id": new_plan_id(), "steps": tuple(steps)})


def test_three_wrong_codes_lock_the_person_on_that_ticket(house: House) -> None:
    with house.open() as desk:
        ticket = house.ticket()
        run = house.approved(house.plan(ticket))
        for _ in range(3):
            house.answers(run, "000000")
        assert house.ended(run).state is RunState.FAILED
        states = [each.state for each in proofs.of_plan(desk.records, run.plan_id)]
        assert states == [ProofState.FAILED] * 3
        with pytest.raises(DeskRefusedError, match="three attempts"):
            house.asked(house.plan(ticket))
        assert house.called == [(MOBILE, "call")]
        assert house.factors == 2


def test_who_is_locked_while_another_run_waits_for_their_code_is_not_asked_for_it(house: House) -> None:
    with house.open():
        ticket = house.ticket()
        plans = [house.plan(ticket) for _ in range(2)]
        first, second = (house.approved(each) for each in plans)
        house.waits(second)
        for _ in range(3):
            house.answers(first, "000000")
        assert house.ended(first).state is RunState.FAILED
        house.answers(second)
        house.refused(second, CHECK, "three attempts")


def _proven(house: House, ticket: str) -> Run:
    """Have Grace called back and her code entered, and the run wait before anything is renewed."""
    run = house.approved(house.plan(ticket))
    code = house.code(run)
    house.desk.governing.throw(house.person("ada"), Level.CONNECTOR, "identity_entra", "looked at")
    house.answers(run, code)
    house.waits(run, WaitKind.SWITCH)
    return run


def _released(house: House) -> None:
    house.desk.governing.release(house.person("ada"), Level.CONNECTOR, "identity_entra", "looked at")


@pytest.mark.parametrize(("minutes", "is_fresh"), [(9, True), (11, False)])
def test_a_proof_renews_for_ten_minutes(house: House, minutes: int, *, is_fresh: bool) -> None:
    with house.open():
        run = _proven(house, house.ticket())
        house.pass_(minutes=minutes)
        _released(house)
        if is_fresh:
            assert house.ended(run).state is RunState.DONE
        else:
            house.refused(run, RESET, "in the last ten minutes")


@pytest.mark.parametrize("is_same_ticket", [True, False])
def test_a_proof_renews_nothing_by_another_plan(house: House, *, is_same_ticket: bool) -> None:
    with house.open():
        ticket = house.ticket()
        other = house.plan(ticket if is_same_ticket else house.ticket("I lost my phone, too"))
        _proven(house, ticket)
        short = tuple(each for each in other.steps if each.action == RESET)
        borrowing = house.forged(other.model_copy(update={"id": new_plan_id(), "steps": short}))
        _released(house)
        house.refused(borrowing, RESET, "must have proven who they are")


def test_an_approval_renews_once(house: House) -> None:
    with house.open() as desk:
        plan = house.plan()
        request = house.asked(plan)
        run = house.votes("mel", request)
        with pytest.raises(DeskRefusedError, match="it is used already"):
            house.votes("mel", request)
        with pytest.raises(ApprovalRefusedError, match="serves once"), desk.records.transaction("mel") as transaction:
            desk.resolving.engine.submit(transaction, plan, approval_id=request.id)
        assert isinstance(run, Run)
        assert [each.id for each in desk.resolving.runs()] == [run.id]


def test_an_approval_renews_nothing_once_its_time_is_over(house: House) -> None:
    with house.open(is_working=False):
        pass
    with house.open():
        ticket = house.ticket()
        asked = house.asked(house.plan(ticket))
        given = house.asked(house.plan(ticket))
        house.desk.governing.throw(house.person("ada"), Level.CONNECTOR, "notify_twilio", "looked at")
        house.pass_(hours=3, minutes=59)
        run = house.votes("mel", given)
        assert isinstance(run, Run)
        house.waits(run, WaitKind.SWITCH)
        house.pass_(minutes=2)
        with pytest.raises(DeskRefusedError, match="expired"):
            house.votes("mel", asked)
        house.desk.governing.release(house.person("ada"), Level.CONNECTOR, "notify_twilio", "looked at")
        house.refused(run, "notify_twilio.start_call_back", "has expired")
        assert house.called == []
