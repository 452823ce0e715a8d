from collections.abc import Callable
from datetime import timedelta

import pytest

from deskhand.records import work
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import OutcomeKind
from deskhand.records.work import WorkItem
from tests.core.records.examples import PSA, START, enqueue, why


def due(records: Records, minutes: float = 0, limit: int = 100) -> list[str]:
    return [item.ticket_id for item in work.pending(records, now=START + timedelta(minutes=minutes), limit=limit)]


def test_a_ticket_enters_the_queue_once(records: Records) -> None:
    with records.transaction("intake") as transaction:
        assert work.enqueue(transaction, PSA, "1", "1", reason="new")
        assert not work.enqueue(transaction, PSA, "1", "2", reason="changed")
        assert work.enqueue(transaction, "psa_other", "1", "1", reason="new")
    assert len(records.audit_entries()) == 2
    assert [item.version for item in work.pending(records, now=START, limit=9)] == ["1", "1"]


def test_a_ticket_that_was_handled_does_not_enter_again(records: Records) -> None:
    enqueue(records, "1")
    with records.transaction("desk") as transaction:
        work.finish(transaction, WorkItem(PSA, "1", "1"), why("1"))
        assert not work.enqueue(transaction, PSA, "1", "2", reason="changed")
    assert due(records) == []


def test_tickets_leave_in_the_order_they_came(records: Records) -> None:
    enqueue(records, "9", "10", "1")
    enqueue(records, "5")
    assert due(records) == ["9", "10", "1", "5"]
    assert due(records, limit=2) == ["9", "10"]


def test_a_postponed_ticket_waits_and_counts_its_attempts(records: Records) -> None:
    enqueue(records, "1", "2")
    item = work.pending(records, now=START, limit=1)[0]
    for _ in range(2):
        with records.transaction("desk") as transaction:
            work.postpone(transaction, item, until=START + timedelta(minutes=5), reason="429")
        item = work.pending(records, now=START + timedelta(minutes=5), limit=1)[0]
    assert due(records, minutes=4.9) == ["2"]
    assert due(records, minutes=5) == ["1", "2"]
    assert item.attempts == 2
    assert item.not_before == START + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (OutcomeKind.TRIAGED, "done"),
        (OutcomeKind.LEFT_ALONE, "done"),
        (OutcomeKind.QUARANTINED, "quarantined"),
        (OutcomeKind.NEEDS_REVIEW, "needs review"),
    ],
)
def test_every_outcome_has_its_place(records: Records, outcome: OutcomeKind, state: str) -> None:
    enqueue(records, "1", "2")
    with records.transaction("desk") as transaction:
        work.finish(transaction, WorkItem(PSA, "1", "1"), why("1", outcome))
    expected = {"pending": 1, "done": 0, "quarantined": 0, "needs review": 0}
    assert work.counts(records) == expected | {state: 1}
    assert due(records) == ["2"]


def test_a_released_ticket_is_pending_with_a_clean_slate_in_its_old_place(records: Records) -> None:
    enqueue(records, "1", "2")
    with records.transaction("desk") as transaction:
        work.postpone(transaction, WorkItem(PSA, "1", "1"), until=START + timedelta(days=1), reason="down")
    with records.transaction("a technician") as transaction:
        work.release(transaction, PSA, "1", "settled")
    assert work.pending(records, now=START, limit=1) == [WorkItem(PSA, "1", "1")]


def test_what_was_never_queued_cannot_be_moved(records: Records) -> None:
    moves: tuple[Callable[[Transaction], None], ...] = (
        lambda transaction: work.finish(transaction, WorkItem(PSA, "1", "1"), why("1")),
        lambda transaction: work.release(transaction, PSA, "1", "settled"),
        lambda transaction: work.postpone(transaction, WorkItem(PSA, "1", "1"), until=START, reason=""),
    )
    for move in moves:
        with pytest.raises(LookupError, match="'ticket_id': '1'"), records.transaction("desk") as transaction:
            move(transaction)
    assert records.audit_entries() == []
