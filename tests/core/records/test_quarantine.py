import pytest

from deskhand.records import quarantine, work
from deskhand.records.database import Records
from deskhand.records.documents import OutcomeKind
from deskhand.records.quarantine import IdentityRule
from deskhand.records.work import WorkItem
from deskhand.sdk.models import EvidenceKind, Reference, TenantEvidence
from tests.core.records.examples import PSA, START, enqueue, why

MARLOW, PELLARD = Reference("19", "Marlow & Tern"), Reference("20", "Pellard")
EVIDENCE = (TenantEvidence(EvidenceKind.VERIFIED_DOMAIN, MARLOW, "marlowtern.example"),)


def hold(records: Records, ticket_id: str, reason: str = "two clients know this address") -> None:
    with records.transaction("desk") as transaction:
        quarantine.hold(
            transaction,
            PSA,
            ticket_id,
            reason=reason,
            candidates=(MARLOW, PELLARD),
            suggestion="Say whose it is.",
            evidence=EVIDENCE,
        )
        work.finish(transaction, WorkItem(PSA, ticket_id, "1"), why(ticket_id, OutcomeKind.QUARANTINED, None))


def test_a_held_ticket_says_why_and_whose_it_might_be(records: Records) -> None:
    enqueue(records, "1", "2")
    hold(records, "2")
    hold(records, "1")
    first, second = quarantine.open_entries(records)
    assert (first.ticket_id, second.ticket_id) == ("2", "1")
    assert first.candidates == (MARLOW, PELLARD)
    assert first.evidence == EVIDENCE
    assert (first.reason, first.suggestion) == ("two clients know this address", "Say whose it is.")
    assert first.held_at > START


def test_holding_a_ticket_again_brings_its_reason_up_to_date(records: Records) -> None:
    enqueue(records, "1")
    hold(records, "1")
    hold(records, "1", "the address is unknown")
    assert [entry.reason for entry in quarantine.open_entries(records)] == ["the address is unknown"]


def test_a_settled_ticket_is_queued_again_and_the_answer_is_remembered(records: Records) -> None:
    enqueue(records, "1", "2")
    hold(records, "1")
    rule = IdentityRule("address", "Scan@Printers.Example ", MARLOW)
    with records.transaction("a technician") as transaction:
        quarantine.resolve(transaction, "1", MARLOW, rule)
    assert quarantine.open_entries(records) == ()
    assert [item.ticket_id for item in work.pending(records, now=START, limit=9)] == ["1", "2"]
    assert quarantine.rules(records) == (IdentityRule("address", "scan@printers.example", MARLOW),)
    assert quarantine.resolution(records, PSA, "1") == MARLOW
    resolved = next(entry for entry in records.audit_entries(ticket="1") if entry.kind == "quarantine.resolved")
    assert (resolved.actor, resolved.tenant) == ("a technician", "19")


def test_a_ticket_can_be_settled_without_a_rule(records: Records) -> None:
    enqueue(records, "1")
    hold(records, "1")
    assert quarantine.resolution(records, PSA, "1") is None
    with records.transaction("a technician") as transaction:
        quarantine.resolve(transaction, "1", PELLARD, None)
    assert quarantine.rules(records) == ()
    assert quarantine.resolution(records, PSA, "1") == PELLARD


def test_a_ticket_that_is_not_held_cannot_be_settled(records: Records) -> None:
    with pytest.raises(LookupError, match="not in quarantine"), records.transaction("a technician") as transaction:
        quarantine.resolve(transaction, "1", MARLOW, IdentityRule("domain", "marlowtern.example", MARLOW))
    assert quarantine.rules(records) == ()


def test_a_later_rule_replaces_an_earlier_one(records: Records) -> None:
    for tenant in (MARLOW, PELLARD):
        with records.transaction("a technician") as transaction:
            quarantine.remember(transaction, IdentityRule("device", "WS-014", tenant))
    assert quarantine.rules(records) == (IdentityRule("device", "ws-014", PELLARD),)
