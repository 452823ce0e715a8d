"""Delegation: an approver lets somebody else vote in their place, for a span of time and for a reason on the record.

Only one's own right to approve can be lent, so nothing that was lent is passed on. It ends when its time is over, when
it is withdrawn, and for good when the delegator may not approve any more.
"""

from datetime import datetime, timedelta

from deskhand.governance.votes import WORKING
from deskhand.records import accounts, delegations
from deskhand.records.accounts import Account, Role, account_name
from deskhand.records.database import Transaction
from deskhand.records.delegations import Delegation

LONGEST = timedelta(days=92)
"""Whoever is away for longer is no approver for now: an admin gives somebody else the role."""


class DelegationRefusedError(ValueError):
    """A delegation is not taken; the message says why and what would mend it, fit for a person."""


def delegate(
    transaction: Transaction, by: Account, to: str, *, starts_at: datetime, ends_at: datetime, reason: str
) -> Delegation:
    """Let an account vote in the place of ``by``, by who both are now. Raises DelegationRefusedError."""
    delegator, other = accounts.find_in(transaction, by.name), accounts.find_in(transaction, to)
    if delegator is None or not delegator.has(Role.APPROVER):
        raise DelegationRefusedError(f"{by.name} has not the role approver, and only one's own approving can be lent")
    if other is None or not other.is_active or WORKING.isdisjoint(other.roles):
        raise DelegationRefusedError(f"{to} is no account that works tickets: `deskhand account list` names them")
    if delegator.marks & other.marks:
        raise DelegationRefusedError(f"{other.name} is {delegator.name}: name somebody else")
    if not transaction.clock() < ends_at or not starts_at < ends_at:
        raise DelegationRefusedError("it would be over before it began: name a later end")
    if ends_at - max(starts_at, transaction.clock()) > LONGEST:
        raise DelegationRefusedError(f"{LONGEST.days} days at most: for longer, an admin gives {other.name} the role")
    if not reason.strip():
        raise DelegationRefusedError("say why: whoever reads the record wants to know")
    words = " ".join(reason.split())[:300]
    given = Delegation(delegations.new_id(), delegator.name, other.name, starts_at, ends_at, words)
    return delegations.add(transaction, given)


def withdraw(transaction: Transaction, delegation_id: str, *, by: Account) -> Delegation:
    """End a delegation now. Either of the two may, and an admin. Raises DelegationRefusedError."""
    found, who = delegations.find_in(transaction, delegation_id), accounts.find_in(transaction, by.name)
    if found is None:
        raise DelegationRefusedError(f"there is no delegation {delegation_id}: `deskhand approval delegations`")
    is_theirs = account_name(by.name) in {found.delegator, found.delegate}
    if who is None or not (is_theirs or who.has(Role.ADMIN)):
        raise DelegationRefusedError(f"{found.delegator}, {found.delegate} or an admin ends it")
    try:
        return delegations.end(transaction, found, by=who.name, because="it was withdrawn")
    except LookupError as error:
        raise DelegationRefusedError(str(error)) from error


def end_where_nothing_is_left_to_lend(transaction: Transaction, account: Account) -> None:
    """End for good what an account has lent, where it may not approve any more."""
    if account.has(Role.APPROVER):
        return
    for each in delegations.open_on(transaction.connection):
        if each.delegator == account_name(account.name):
            delegations.end(transaction, each, by=transaction.actor, because="the delegator may not approve any more")
