from collections.abc import Callable

import pytest

from deskhand.records import effects
from deskhand.records.database import Records
from deskhand.records.effects import EffectState


def claim(records: Records, key: str = "k") -> None:
    with records.transaction("desk") as transaction:
        effects.claim(transaction, key, action="psa.note", tenant="19", ticket="7", arguments_sha256="abc")


def test_a_key_nobody_claimed_is_unknown(records: Records) -> None:
    assert effects.find(records, "k") is None


def test_an_intent_is_on_the_record_before_its_outcome(records: Records) -> None:
    claim(records)
    found = effects.find(records, "k")
    assert found is not None
    assert (found.state, found.receipt, found.arguments_sha256) == (EffectState.CLAIMED, None, "abc")
    with records.transaction("desk") as transaction:
        effects.record(transaction, "k", {"reference": "42", "detail": {"kind": "internal"}})
    found = effects.find(records, "k")
    assert found is not None
    assert (found.state, found.receipt) == (EffectState.DONE, {"reference": "42", "detail": {"kind": "internal"}})
    entries = records.audit_entries(ticket="7")
    assert [(entry.kind, entry.tenant, entry.detail["key"]) for entry in entries] == [
        ("effect.claimed", "19", "k"),
        ("effect.done", "19", "k"),
    ]


def test_a_key_is_claimed_once(records: Records) -> None:
    claim(records)
    with pytest.raises(LookupError, match="already claimed"):
        claim(records)
    assert len(records.audit_entries()) == 1


def test_an_unknown_outcome_waits_for_a_person(records: Records) -> None:
    claim(records)
    with records.transaction("desk") as transaction:
        effects.mark_needs_review(transaction, "k", "it cannot be read back")
    found = effects.find(records, "k")
    assert found is not None
    assert (found.state, found.reason) == (EffectState.NEEDS_REVIEW, "it cannot be read back")


def test_no_outcome_without_an_intent(records: Records) -> None:
    with pytest.raises(LookupError), records.transaction("desk") as transaction:
        effects.record(transaction, "k", {"reference": "42"})


def test_what_failed_cleanly_is_claimed_anew_and_what_may_have_happened_is_not(records: Records) -> None:
    claim(records)
    with records.transaction("desk") as transaction:
        effects.fail(transaction, "k", "UncertainError", is_unchanged=False)
    with pytest.raises(LookupError, match="already claimed"):
        claim(records)
    with records.transaction("desk") as transaction:
        effects.fail(transaction, "k", "RejectedError", is_unchanged=True)
    found = effects.find(records, "k")
    assert found is not None
    assert found.state is EffectState.FAILED
    claim(records)
    found = effects.find(records, "k")
    assert found is not None
    assert found.state is EffectState.CLAIMED
    kinds = [entry.kind for entry in records.audit_entries()]
    assert kinds == ["effect.claimed", "effect.failed", "effect.failed", "effect.claimed"]


@pytest.mark.parametrize("settle", [effects.record, effects.mark_needs_review])
def test_what_is_settled_is_not_claimed_anew(records: Records, settle: Callable[..., None]) -> None:
    claim(records)
    with records.transaction("desk") as transaction:
        settle(transaction, "k", {"reference": "42"} if settle is effects.record else "unknown")
    with pytest.raises(LookupError, match="already claimed"):
        claim(records)


def test_what_is_known_to_have_been_done_stays_done_whatever_another_attempt_says_later(records: Records) -> None:
    claim(records)
    with records.transaction("desk") as transaction:
        effects.record(transaction, "k", {"reference": "42"})
    with records.transaction("hand") as transaction:
        effects.fail(transaction, "k", "RejectedError", is_unchanged=True)
        effects.mark_needs_review(transaction, "k", "it cannot be read back")
    found = effects.find(records, "k")
    assert found is not None
    assert (found.state, found.receipt) == (EffectState.DONE, {"reference": "42"})
