"""Who may lend their approving, to whom, for how long, and when that is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deskhand.desk.governing import Governing
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance import delegation
from deskhand.governance.delegation import LONGEST, DelegationRefusedError
from deskhand.records import delegations
from deskhand.records.accounts import Account, Role
from deskhand.records.database import Records
from deskhand.records.delegations import Delegation, DelegationState
from tests.core.governance.conftest import NOON, HeldClock
from tests.core.governance.plan_examples import account

DAY = timedelta(days=1)


def given(
    records: Records,
    by: str = "eve",
    to: str = "tom",
    *,
    starts: timedelta = timedelta(),
    ends: timedelta = DAY,
    reason: str = "on holiday",
) -> Delegation:
    with records.transaction(by) as transaction:
        who = Account(by, by, frozenset(Role))
        return delegation.delegate(transaction, who, to, starts_at=NOON + starts, ends_at=NOON + ends, reason=reason)


def test_an_approver_lends_their_vote_for_a_while_and_it_is_on_the_record(records_on_both: Records) -> None:
    made = given(records_on_both, reason=" on  holiday\n")
    assert delegations.listing(records_on_both) == (made,)
    assert (made.delegator, made.delegate, made.reason) == ("eve", "tom", "on holiday")
    entry = records_on_both.audit_entries()[-1]
    said = {name: entry.detail[name] for name in ("of", "to", "reason")}
    assert (entry.kind, entry.actor, said) == (
        "delegation.added",
        "eve",
        {"of": "eve", "to": "tom", "reason": "on holiday"},
    )


@pytest.mark.parametrize("by", ["tom", "ada", "aud", "zed", "operator"])
def test_only_an_approver_has_something_to_lend(records: Records, by: str) -> None:
    with pytest.raises(DelegationRefusedError, match="not the role approver"):
        given(records, by, "eve")


@pytest.mark.parametrize("to", ["aud", "zed", ""])
def test_only_somebody_who_works_tickets_votes_for_another(records: Records, to: str) -> None:
    with pytest.raises(DelegationRefusedError, match="no account that works tickets"):
        given(records, to=to)


@pytest.mark.parametrize("to", ["eve", " EVE", "ｅｖｅ"])
def test_nobody_is_their_own_delegate(records: Records, to: str) -> None:
    with pytest.raises(DelegationRefusedError, match="name somebody else"):
        given(records, to=to)


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        (timedelta(), timedelta(), "over before it began"),
        (-2 * DAY, -DAY, "over before it began"),
        (2 * DAY, DAY, "over before it began"),
        (timedelta(), LONGEST + timedelta(seconds=1), "92 days at most"),
        (DAY, DAY + LONGEST + timedelta(seconds=1), "92 days at most"),
    ],
)
def test_it_lasts_a_while_and_not_for_ever(records: Records, starts: timedelta, ends: timedelta, expected: str) -> None:
    with pytest.raises(DelegationRefusedError, match=expected):
        given(records, starts=starts, ends=ends)
    assert given(records, ends=LONGEST).ends_at == NOON + LONGEST


def test_it_has_a_reason(records: Records) -> None:
    with pytest.raises(DelegationRefusedError, match="say why"):
        given(records, reason=" \n ")


@pytest.mark.parametrize(("by", "may"), [("eve", True), ("tom", True), ("ada", True), ("ann", False), ("aud", False)])
def test_either_of_the_two_and_an_admin_end_it(records: Records, by: str, *, may: bool) -> None:
    made = given(records)
    who = account(records, by)
    if not may:
        with pytest.raises(DelegationRefusedError, match="or an admin ends it"), records.transaction(by) as transaction:
            delegation.withdraw(transaction, made.id, by=who)
        return
    with records.transaction(by) as transaction:
        ended = delegation.withdraw(transaction, made.id, by=who)
    assert (ended.state, ended.ended_by) == (DelegationState.ENDED, by)
    with pytest.raises(DelegationRefusedError, match="over already"), records.transaction(by) as transaction:
        delegation.withdraw(transaction, made.id, by=who)


def test_a_delegation_there_is_not_is_told(records: Records) -> None:
    with pytest.raises(DelegationRefusedError, match="no delegation d-0"), records.transaction("eve") as transaction:
        delegation.withdraw(transaction, "d-0", by=account(records, "eve"))


@pytest.mark.parametrize("change", [{"roles": frozenset({Role.TECHNICIAN})}, {"is_active": False}])
def test_it_ends_for_good_when_the_delegator_may_not_approve_any_more(
    records: Records, clock: HeldClock, change: dict[str, object]
) -> None:
    governing = Governing(records, clock)
    ada, eve = account(records, "ada"), account(records, "eve")
    governing.delegate(eve, "tom", ends_at=NOON + DAY, reason="away")
    kept = governing.delegate(account(records, "mal"), "tom", ends_at=NOON + DAY, reason="away")
    governing.change_account(ada, replace(eve, display_name="Eve E"))
    assert all(each.covers(NOON) for each in governing.delegations())
    governing.change_account(ada, replace(eve, **change))  # type: ignore[arg-type]  # an account's own fields
    governing.change_account(ada, eve)
    assert [each.id for each in governing.delegations() if each.covers(NOON)] == [kept.id]
    assert "may not approve any more" in str(records.audit_entries()[-2].detail)


def test_the_desk_says_what_is_refused(records: Records, clock: HeldClock) -> None:
    governing = Governing(records, clock)
    tom = account(records, "tom")
    with pytest.raises(DeskRefusedError, match="not the role approver"):
        governing.delegate(tom, "eve", ends_at=NOON + DAY, reason="away")
    with pytest.raises(DeskRefusedError, match="no delegation"):
        governing.end_delegation(tom, "d-0")
