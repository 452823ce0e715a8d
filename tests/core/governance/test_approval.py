import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from deskhand.automation.plan import Plan
from deskhand.governance import approval
from deskhand.governance.approval import ApprovalRefusedError, RefusedBecause, Verdict
from deskhand.records import accounts, approvals
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.records.database import Records, url_of
from deskhand.records.schema import automation_versions
from deskhand.sdk.clock import utc_now
from tests.core.governance.conftest import HeldClock
from tests.core.governance.plan_examples import PIN, account, check, plan, reset

PLAN = plan()


def asked(records: Records, what: Plan = PLAN, by: str = "ann", approvers: frozenset[str] = frozenset()) -> Approval:
    with records.transaction(by) as transaction:
        return approval.request(transaction, what, by=by, approvers=approvers)


def decided(
    records: Records, request: Approval, by: str | Account = "eve", verdict: Verdict = Verdict.APPROVE
) -> Approval:
    who = account(records, by) if isinstance(by, str) else by
    with records.transaction(who.name) as transaction:
        return approval.decide(
            transaction, request.id, by=who, plan_sha256=request.plan_sha256, verdict=verdict, comment="looked at it"
        )


def redeemed(records: Records, request: Approval, what: Plan = PLAN) -> Approval:
    with records.transaction("gate") as transaction:
        return approval.redeem(transaction, request.id, what)


def kinds(records: Records) -> list[str]:
    return [entry.kind for entry in records.audit_entries() if entry.kind.startswith("approval.")]


def refused(error: pytest.ExceptionInfo[ApprovalRefusedError]) -> RefusedBecause:
    return error.value.because


def test_an_approval_serves_its_plan_once(records_on_both: Records) -> None:
    records = records_on_both
    request = asked(records)
    given = decided(records, request)
    assert (given.state, given.decided_by, given.comment) == (ApprovalState.APPROVED, "eve", "looked at it")
    assert redeemed(records, request).state is ApprovalState.USED
    with pytest.raises(ApprovalRefusedError, match="serves once") as error:
        redeemed(records, request)
    assert refused(error) is RefusedBecause.USED
    assert kinds(records) == ["approval.requested", "approval.approved", "approval.used"]


def test_what_was_not_approved_serves_nothing(records: Records) -> None:
    pending, denied = asked(records), asked(records)
    decided(records, denied, verdict=Verdict.DENY)
    for request, because in ((pending, RefusedBecause.NOT_APPROVED), (denied, RefusedBecause.DENIED)):
        with pytest.raises(ApprovalRefusedError) as error:
            redeemed(records, request)
        assert refused(error) is because


CHANGES = [
    plan(check(), reset("Give a cloud user a temporary passwore")),
    plan(check()),
    plan(reset(), check()),
    plan(requested_by="tom"),
    plan(sentence="verify the user, then reset the passworD"),
    plan(number=2),
    plan(automation=PIN),
]


@pytest.mark.parametrize("other", CHANGES)
def test_a_plan_changed_by_one_byte_is_another_plan(records: Records, other: Plan) -> None:
    request = asked(records)
    decided(records, request)
    with pytest.raises(ApprovalRefusedError, match="to the byte") as error:
        redeemed(records, request, other)
    assert refused(error) is RefusedBecause.OTHER_PLAN
    assert redeemed(records, request).state is ApprovalState.USED


@pytest.mark.parametrize("other", [plan(ticket_id="101"), plan(tenant="20")])
def test_an_approval_for_another_ticket_or_client_is_refused(records: Records, other: Plan) -> None:
    request = asked(records)
    decided(records, request)
    with pytest.raises(ApprovalRefusedError, match="another ticket or client"):
        redeemed(records, request, other)


def test_who_decides_names_the_plan_they_read(records: Records) -> None:
    request, eve = asked(records), account(records, "eve")
    with pytest.raises(ApprovalRefusedError, match="read it again"), records.transaction("eve") as transaction:
        approval.decide(
            transaction,
            request.id,
            by=eve,
            plan_sha256=plan(number=2).sha256(),
            verdict=Verdict.APPROVE,
        )
    assert [each.state for each in approvals.listing(records)] == [ApprovalState.PENDING]


def test_a_decision_is_taken_once(records: Records) -> None:
    request = asked(records)
    decided(records, request, verdict=Verdict.DENY)
    for verdict in Verdict:
        with pytest.raises(ApprovalRefusedError, match="it is denied already"):
            decided(records, request, "mal", verdict)


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1), timedelta(days=9)])
def test_an_approval_expires_before_it_is_given_and_after(records: Records, clock: HeldClock, late: timedelta) -> None:
    waiting, given = asked(records), asked(records)
    decided(records, given)
    clock.now = given.expires_at + late
    for act in (partial(decided, records, waiting), partial(redeemed, records, given)):
        with pytest.raises(ApprovalRefusedError, match="ask again") as error:
            act()
        assert refused(error) is RefusedBecause.EXPIRED


def test_it_lasts_until_just_before_that(records: Records, clock: HeldClock) -> None:
    request = asked(records)
    clock.now = request.expires_at - timedelta(microseconds=1)
    decided(records, request)
    assert redeemed(records, request).state is ApprovalState.USED


def test_what_waited_too_long_is_ended_and_told(records: Records, clock: HeldClock) -> None:
    waiting, given, used, denied = (asked(records) for _ in range(4))
    decided(records, given)
    decided(records, used)
    redeemed(records, used)
    decided(records, denied, verdict=Verdict.DENY)
    clock.pass_(hours=24)
    with records.transaction("desk") as transaction:
        assert [each.id for each in approval.expire(transaction)] == [waiting.id, given.id]
    with records.transaction("desk") as transaction:
        assert approval.expire(transaction) == ()
    with pytest.raises(ApprovalRefusedError, match="expired"):
        redeemed(records, given)


@pytest.mark.parametrize("spelling", ["ann", "ANN", " Ann ", "ａｎｎ", "Ａnn"])
def test_nobody_approves_what_they_asked_for_however_they_spell_their_name(records: Records, spelling: str) -> None:
    myself = replace(account(records, "ann"), name=spelling)
    for request in (
        asked(records),
        asked(records, plan(requested_by=spelling), by="tom"),
        asked(records, plan(requested_by="tom"), by=spelling),
    ):
        for verdict in Verdict:
            with pytest.raises(ApprovalRefusedError, match="someone else has to") as error:
                decided(records, request, myself, verdict)
            assert refused(error) is RefusedBecause.OWN


@pytest.mark.parametrize("name", ["tom", "ada", "aud", "zed", "ev", "operator", ""])
def test_only_an_approver_decides(records: Records, name: str) -> None:
    request = asked(records)
    pretender = Account(name, "Somebody", frozenset(Role))
    with pytest.raises(ApprovalRefusedError) as error:
        decided(records, request, pretender)
    assert refused(error) is RefusedBecause.NOT_ENTITLED


def test_who_may_decide_is_looked_up_when_they_decide_and_again_when_it_is_used(records: Records) -> None:
    first, second, eve = asked(records), asked(records), account(records, "eve")
    decided(records, first)
    with records.transaction("ada") as transaction:
        accounts.change(transaction, replace(eve, roles=frozenset({Role.TECHNICIAN})))
    for act in (partial(decided, records, second, eve), partial(redeemed, records, first)):
        with pytest.raises(ApprovalRefusedError, match="not the role approver"):
            act()
    with records.transaction("ada") as transaction:
        accounts.change(transaction, replace(eve, is_active=False))
    with pytest.raises(ApprovalRefusedError, match="not the role approver"):
        redeemed(records, first)


def test_where_approvers_are_named_no_other_decides(records: Records) -> None:
    request = asked(records, approvers=frozenset({"MAL"}))
    with pytest.raises(ApprovalRefusedError, match="only mal may decide"):
        decided(records, request, "eve")
    assert decided(records, request, "mal").decided_by == "mal"


def test_an_automations_author_does_not_approve_what_it_begins_by_itself(records: Records) -> None:
    with records.transaction("eve") as transaction:
        transaction.insert(
            automation_versions,
            {
                "name": "unlock",
                "version": 3,
                "state": "approved",
                "sha256": PIN.sha256,
                "author": "Eve",
                "approver": "mal",
                "created_at": "2026-01-01T00:00:00.000000+00:00",
                "document": "",
                "evidence": "{}",
            },
        )
        transaction.audit("automation.saved")
    begun = asked(records, plan(requested_by="automation:unlock", automation=PIN), by="automation:unlock")
    with pytest.raises(ApprovalRefusedError, match="someone else has to"):
        decided(records, begun, "eve")
    assert decided(records, begun, "mal").state is ApprovalState.APPROVED
    chosen = asked(records, plan(automation=PIN))
    assert decided(records, chosen, "eve").state is ApprovalState.APPROVED


def test_a_request_can_be_taken_back_and_an_approval_too(records: Records) -> None:
    waiting, given = asked(records), asked(records)
    decided(records, given)
    ann, mal, tom = (account(records, name) for name in ("ann", "mal", "tom"))
    for who in (tom, account(records, "ada")):
        with pytest.raises(ApprovalRefusedError, match="not the role"), records.transaction(who.name) as transaction:
            approval.withdraw(transaction, given.id, by=who)
    with records.transaction("ann") as transaction:
        assert approval.withdraw(transaction, waiting.id, by=ann).state is ApprovalState.WITHDRAWN
    with records.transaction("mal") as transaction:
        approval.withdraw(transaction, given.id, by=mal)
    with pytest.raises(ApprovalRefusedError, match="it is withdrawn"):
        redeemed(records, given)
    with pytest.raises(ApprovalRefusedError, match="withdrawn already"), records.transaction("ann") as transaction:
        approval.withdraw(transaction, waiting.id, by=ann)


def test_what_was_never_asked_is_told(records: Records) -> None:
    nothing = replace(asked(records), id="a-0000000000000000")
    for act in (partial(decided, records, nothing), partial(redeemed, records, nothing)):
        with pytest.raises(ApprovalRefusedError, match="no such request"):
            act()


def test_a_refusal_changes_nothing_and_can_be_put_on_the_record(records: Records) -> None:
    request = asked(records)
    with pytest.raises(ApprovalRefusedError) as error:
        decided(records, request, "ann")
    assert approvals.find(records, request.id) == request
    with records.transaction("ann") as transaction:
        approval.note_refusal(transaction, error.value)
    entry = records.audit_entries()[-1]
    assert (entry.kind, entry.ticket, entry.tenant, entry.detail["because"]) == ("approval.refused", "100", "19", "own")


def test_of_many_who_decide_at_once_one_does(records_on_both: Records) -> None:
    records = records_on_both
    request = asked(records)
    done: list[str] = []
    start = threading.Barrier(6)

    def try_it(verdict: Verdict, by: str) -> None:
        start.wait()
        try:
            done.append(decided(records, request, by, verdict).state.value)
        except ApprovalRefusedError as error:
            done.append(error.because.value)

    who = [(verdict, by) for verdict in Verdict for by in ("eve", "mal", "eve")]
    threads = [threading.Thread(target=try_it, args=each) for each in who]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done.count(RefusedBecause.NOT_PENDING) == 5
    assert len(kinds(records)) == 2


REDEEMER = """
import sys
from deskhand.automation.plan import Plan
from deskhand.governance import approval
from deskhand.records.database import Records
from deskhand.sdk.clock import utc_now
url, plan, ident = sys.argv[1:]
records = Records.open(url, clock=utc_now)
print("ready", flush=True)
sys.stdin.readline()
try:
    with records.transaction("gate") as transaction:
        approval.redeem(transaction, ident, Plan.model_validate_json(plan))
    print("it is mine")
except approval.ApprovalRefusedError as error:
    print(error.because)
"""


def test_of_two_processes_that_use_an_approval_one_does(tmp_path: Path) -> None:
    url = url_of(tmp_path / "records.db")
    records = Records.open(url, clock=utc_now)
    with records.transaction("test") as transaction:
        accounts.add(transaction, Account("eve", "Eve", frozenset({Role.APPROVER})))
    request = asked(records)
    decided(records, request)
    processes = [
        subprocess.Popen(  # noqa: S603  # our own words
            [sys.executable, "-c", REDEEMER, url, PLAN.written(), request.id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    said = sorted(each.communicate("go\n")[0].strip() for each in processes)
    records.close()
    assert said == ["it is mine", "used"]
