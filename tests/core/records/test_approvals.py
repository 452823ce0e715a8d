from datetime import timedelta
from typing import Literal

import pytest

from deskhand.records import approvals
from deskhand.records.approvals import Approval, ApprovalState, Vote
from deskhand.records.database import Records
from tests.core.records.examples import START


def add(records: Records, number: int = 1) -> Approval:
    asked = Approval(
        id=f"a-{number:016x}",
        plan_id="p-1",
        plan_sha256="ab" * 32,
        ticket_id="100",
        tenant_id="19",
        requested_by="ann",
        state=ApprovalState.PENDING,
        requested_at=START,
        expires_at=START + timedelta(hours=number),
        approvers=("eve",),
        own=("ann",),
    )
    with records.transaction("ann") as transaction:
        approvals.add(transaction, asked)
    return asked


def test_what_was_asked_is_read_as_it_was_written(records: Records) -> None:
    first, second = add(records), add(records, 2)
    assert approvals.find(records, first.id) == first
    assert approvals.listing(records) == (second, first)
    assert approvals.of_plan(records, "p-1") == (second, first)
    assert approvals.find(records, "a-0") is None


def cast(by: str, verdict: Literal["approve", "deny"] = "approve") -> Vote:
    return Vote(by=by, verdict=verdict, at=START, comment="looked at it")


def test_a_request_that_has_moved_on_is_not_moved_again(records: Records) -> None:
    asked = add(records)
    with records.transaction("eve") as transaction:
        denied = approvals.vote(transaction, asked, cast("eve", "deny"), ApprovalState.DENIED)
    assert (denied.state, denied.decided_by, denied.comment) == (ApprovalState.DENIED, "eve", "looked at it")
    with pytest.raises(LookupError, match="no longer pending"), records.transaction("mal") as transaction:
        approvals.vote(transaction, asked, cast("mal"), ApprovalState.APPROVED)
    with pytest.raises(LookupError, match="no longer pending"), records.transaction("mal") as transaction:
        approvals.move(transaction, asked, ApprovalState.WITHDRAWN)
    assert approvals.find(records, asked.id) == denied


def test_no_vote_takes_the_place_of_another(records: Records) -> None:
    asked = add(records)
    with records.transaction("eve") as transaction:
        once = approvals.vote(transaction, asked, cast("eve"), ApprovalState.PENDING)
    assert (once.state, once.decided_by, once.votes) == (ApprovalState.PENDING, None, (cast("eve"),))
    with pytest.raises(LookupError, match="somebody has voted since"), records.transaction("mal") as transaction:
        approvals.vote(transaction, asked, cast("mal"), ApprovalState.PENDING)
    with records.transaction("mal") as transaction:
        twice = approvals.vote(transaction, once, cast("mal"), ApprovalState.APPROVED)
    assert (twice.decided_by, twice.votes) == ("mal", (cast("eve"), cast("mal")))
    assert approvals.find(records, asked.id) == twice
    said = [(each.kind, each.detail["by"], each.detail["votes"]) for each in records.audit_entries()[-2:]]
    assert said == [("approval.voted", "eve", 1), ("approval.approved", "mal", 2)]


def test_only_open_requests_are_ever_overdue(records: Records) -> None:
    first, second = add(records), add(records, 2)
    with records.transaction("desk") as transaction:
        assert approvals.overdue(transaction, now=START + timedelta(hours=1)) == (first,)
        assert approvals.overdue(transaction, now=START + timedelta(hours=2)) == (first, second)
        approvals.move(transaction, first, ApprovalState.WITHDRAWN)
        assert approvals.overdue(transaction, now=START + timedelta(hours=2)) == (second,)
