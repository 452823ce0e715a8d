"""Whose votes on a request hold: who may vote, in whose place, and how many different people have.

Everything is judged by the accounts and delegations as they are now, when a vote is given and each time it counts.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from sqlalchemy import Connection

from deskhand.governance.request import ApprovalFacts, seconds_since
from deskhand.records import accounts, delegations
from deskhand.records.accounts import Account, Role, account_name
from deskhand.records.approvals import Approval, Vote
from deskhand.records.delegations import Delegation

WORKING = frozenset({Role.TECHNICIAN, Role.APPROVER, Role.ADMIN})
"""Who may vote as somebody's delegate: whoever does not only read."""


class RefusedBecause(StrEnum):
    """Why an approval was not taken or not honoured, in a word for machines."""

    UNKNOWN = "unknown"
    OTHER_PLAN = "other plan"
    OTHER_TICKET = "other ticket"
    OWN = "own"
    NOT_ENTITLED = "not entitled"
    VOTED_ALREADY = "voted already"
    TOO_FEW = "too few"
    EXPIRED = "expired"
    NOT_PENDING = "not pending"
    NOT_APPROVED = "not approved"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a vote does not count, in a word and in a sentence."""

    because: RefusedBecause
    words: str


@dataclass(frozen=True, slots=True)
class Electorate:
    """The accounts there are and the delegations that may be exercised, at one moment."""

    people: Mapping[str, Account]
    delegations: tuple[Delegation, ...]

    @classmethod
    def of(cls, connection: Connection, now: datetime) -> Self:
        """Read them."""
        people = {account.name: account for account in accounts.everyone_on(connection)}
        return cls(people, tuple(each for each in delegations.open_on(connection) if each.covers(now)))

    def objection(self, approval: Approval, by: str, on_behalf_of: str | None = None) -> Objection | None:
        """Say why an account may not vote on a request, for itself or as a delegate; None where it may."""
        own = self.marks(approval.own)
        if self.marks([by]) & own:
            return Objection(RefusedBecause.OWN, "nobody approves what they asked for: someone else has to")
        if on_behalf_of is not None and self.marks([on_behalf_of]) & own:
            words = f"{on_behalf_of} asked for it, so no delegate of theirs decides: someone else has to"
            return Objection(RefusedBecause.OWN, words)
        obstacle = self._obstacle(approval, by, on_behalf_of)
        return None if obstacle is None else Objection(RefusedBecause.NOT_ENTITLED, obstacle)

    def right_of(self, approval: Approval, by: str) -> str | None:
        """Say in whose place an account votes where it does not say so itself: its own, if it may, else the one it can.

        None stands for its own. Raises LookupError where there are several.
        """
        if self.objection(approval, by) is None:
            return None
        able = [each for each in self.delegators(by) if self.objection(approval, by, each) is None]
        if len(able) > 1:
            raise LookupError(f"{by} is a delegate of {' and of '.join(able)}: say whose vote this is")
        return able[0] if able else None

    def rights(self, approval: Approval, by: str) -> tuple[str, ...]:
        """Name the accounts in whose place, their own included, an account could approve a request now."""
        name = account_name(by)
        places: tuple[str | None, ...] = (None, *self.delegators(name))
        able = [each for each in places if self.objection(approval, name, each) is None]
        return tuple(each or name for each in able if self.has_voted(approval, name, each) is None)

    def delegators(self, delegate: str) -> tuple[str, ...]:
        """Name the accounts in whose place an account may vote now."""
        return tuple(sorted({each.delegator for each in self.delegations if each.delegate == delegate}))

    def holding(self, approval: Approval) -> tuple[Vote, ...]:
        """Return the approving votes that hold now."""
        return tuple(
            each
            for each in approval.votes
            if each.verdict == "approve" and self.objection(approval, each.by, each.on_behalf_of) is None
        )

    def is_enough(self, approval: Approval, votes: Collection[Vote]) -> bool:
        """Tell whether votes that hold are of as many people as it takes, a manager among them where it takes one."""
        has_manager = not approval.managers or any(each.right_of in approval.managers for each in votes)
        return has_manager and self.count(votes) >= approval.quorum

    def has_voted(self, approval: Approval, by: str, on_behalf_of: str | None) -> str | None:
        """Name who of the two, or which other account of theirs, stands behind a vote that holds; None where nobody."""
        mine = self._behind(by, on_behalf_of)
        for each in self.holding(approval):
            if mine & self._behind(each.by, each.on_behalf_of):
                return each.by
        return None

    def count(self, votes: Iterable[Vote]) -> int:
        """Count the different people behind votes: what one person has a part in counts once."""
        groups: list[frozenset[str]] = []
        for each in votes:
            behind = self._behind(each.by, each.on_behalf_of)
            joined = behind.union(*(group for group in groups if group & behind))
            groups = [*(group for group in groups if not group & behind), joined]
        return len(groups)

    def marks(self, names: Iterable[str]) -> frozenset[str]:
        """Return what tells who stands behind these names; a name without an account stands for itself."""
        found: set[str] = set()
        for name in names:
            account = self.people.get(account_name(name))
            found |= account.marks if account is not None else {f"account {account_name(name)}"}
        return frozenset(found)

    def _behind(self, by: str, on_behalf_of: str | None) -> frozenset[str]:
        return self.marks([by, *([on_behalf_of] if on_behalf_of is not None else [])])

    def _obstacle(self, approval: Approval, by: str, on_behalf_of: str | None) -> str | None:
        voter, entitled = self.people.get(by), self.people.get(on_behalf_of or by)
        if entitled is None or not entitled.has(Role.APPROVER):
            return f"{on_behalf_of or by} has not the role approver"
        if not all(each is None or each.serves(approval.tenant_id) for each in (voter, entitled)):
            return f"{by} or whom they stand for is for other clients"
        if approval.approvers and entitled.name not in {*approval.approvers, *approval.managers}:
            return f"for this client only {', '.join(approval.approvers)} may decide"
        if on_behalf_of is None:
            return None
        if voter is None or not voter.is_active or WORKING.isdisjoint(voter.roles):
            return f"{by} is no account that works tickets"
        return None if on_behalf_of in self.delegators(by) else f"{by} is not a delegate of {on_behalf_of} now"


def presented(electorate: Electorate, approval: Approval, now: datetime) -> ApprovalFacts | None:
    """Say what an approval amounts to now, for policy; None where nobody has decided."""
    if approval.decided_at is None:
        return None
    votes = electorate.holding(approval)
    return ApprovalFacts(
        plan_sha256=approval.plan_sha256,
        requester=account_name(approval.requested_by),
        people=frozenset(name for each in votes for name in (each.by, each.right_of)),
        entitled=frozenset(each.right_of for each in votes),
        votes=electorate.count(votes),
        quorum=approval.quorum,
        age=seconds_since(approval.decided_at, now),
    )
