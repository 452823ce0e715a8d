"""Versions, rollouts and shadows as rows: a decided text never changes, and every change has its entry."""

from dataclasses import replace

import pytest

from deskhand.records import automations
from deskhand.records.automations import (
    AutomationState,
    OverlayRecord,
    Rollout,
    RolloutDetail,
    Shadow,
    ShadowOutcome,
    VersionRecord,
    VersionState,
)
from deskhand.records.database import Records

NAME = "answer-locked"


def saved(records: Records, version: int = 1, text: str = "one", author: str = "tess") -> VersionRecord:
    with records.transaction(author) as transaction:
        return automations.save_draft(
            transaction, NAME, version, text, author=author, title="Ä title", evidence={"from": "run"}
        )


def decided(records: Records, record: VersionRecord, state: VersionState = VersionState.APPROVED) -> VersionRecord:
    with records.transaction("anna") as transaction:
        return automations.decide(transaction, record, state, by="anna", reason="good")


def kinds(records: Records) -> list[str]:
    return [entry.kind for entry in records.audit_entries() if entry.kind.startswith(("automation", "rollout"))]


def test_a_draft_is_kept_whole_and_read_back(records: Records) -> None:
    record = saved(records)
    assert automations.find_version(records, NAME, 1) == record
    assert record.sha256 == automations.sha256_of("one")
    found = automations.find(records, NAME)
    assert found is not None
    assert (found.state, found.title) == (AutomationState.DRAFT, "Ä title")
    assert automations.current(records, NAME) is None


def test_numbers_go_on_once_a_version_is_decided(records: Records) -> None:
    assert automations.next_version(records, NAME) == 1
    record = saved(records)
    assert automations.next_version(records, NAME) == 1
    decided(records, record)
    assert automations.next_version(records, NAME) == 2
    saved(records, 2, "two")
    assert [each.version for each in automations.versions(records, NAME)] == [2, 1]


def test_a_decided_text_never_changes(records: Records) -> None:
    record = decided(records, saved(records))
    with pytest.raises(LookupError, match="save a new version"):
        saved(records, 1, "other")
    with pytest.raises(LookupError, match="look at it again"):
        decided(records, record)
    assert automations.find_version(records, NAME, 1) == record


def test_what_was_changed_meanwhile_is_not_decided(records: Records) -> None:
    first = saved(records)
    saved(records, text="another", author="otto")
    with pytest.raises(LookupError, match="look at it again"):
        decided(records, first)


def test_everyone_who_wrote_at_a_draft_is_remembered(records: Records) -> None:
    saved(records)
    assert saved(records, text="more", author="otto").authors == ("tess", "otto")
    found = automations.find_version(records, NAME, 1)
    assert found is not None
    assert found.authors == ("tess", "otto")


def test_evidence_joins_what_is_there(records: Records) -> None:
    record = saved(records)
    with records.transaction("desk") as transaction:
        automations.put_evidence(transaction, record, "back_test", {"matched": 3})
    found = automations.find_version(records, NAME, 1)
    assert found is not None
    assert found.evidence == {"from": "run", "back_test": {"matched": 3}}


def test_the_newest_approved_version_is_current_and_a_pause_survives_an_approval(records: Records) -> None:
    decided(records, saved(records))
    with records.transaction("tess") as transaction:
        automations.set_state(transaction, NAME, AutomationState.PAUSED, "odd")
    second = decided(records, saved(records, 2, "two"))
    decided(records, saved(records, 3, "three"), VersionState.REJECTED)
    assert automations.current(records, NAME) == second
    found = automations.find(records, NAME)
    assert found is not None
    assert (found.state, found.reason) == (AutomationState.PAUSED, "odd")


def test_a_rollout_is_off_until_somebody_moves_it(records: Records) -> None:
    assert automations.rollout(records, NAME, "7") == Rollout(NAME, "7")
    overlay = OverlayRecord(yaml="base: x", sha256="a", author="tess", approver="anna")
    moved = Rollout(NAME, "7", "shadow", RolloutDetail(version=1, by="anna", reason="try", overlay=overlay))
    with records.transaction("anna") as transaction:
        automations.put_rollout(transaction, moved, what="staged")
        automations.put_rollout(transaction, replace(moved, tenant_id="8"), what="staged")
    assert automations.rollout(records, NAME, "7") == moved
    assert [each.tenant_id for each in automations.rollouts_of(records, automation=NAME)] == ["7", "8"]
    assert automations.rollouts_of(records, tenant_id="9") == []


def test_a_shadow_is_kept_once_and_compared_later(records: Records) -> None:
    shadow = Shadow(automation=NAME, ticket_id="1", tenant_id="7", version=1, would=("a_b.c",))
    with records.transaction("desk") as transaction:
        assert automations.record_shadow(transaction, shadow)
        assert not automations.record_shadow(transaction, shadow.model_copy(update={"would": ()}))
    assert automations.has_shadow(records, NAME, "1")
    (kept,) = automations.shadows_of(records, automation=NAME)
    assert (kept.would, kept.outcome) == (("a_b.c",), ShadowOutcome.OPEN)
    with records.transaction("desk") as transaction:
        automations.compare_shadow(transaction, kept.model_copy(update={"outcome": ShadowOutcome.SAME}))
    assert automations.shadows_of(records, tenant_id="7")[0].outcome is ShadowOutcome.SAME


def test_every_change_has_its_entry(records: Records) -> None:
    decided(records, saved(records))
    with records.transaction("anna") as transaction:
        automations.put_rollout(transaction, Rollout(NAME, "7", "ask"), what="staged")
        automations.set_state(transaction, NAME, AutomationState.RETIRED, "old")
    assert kinds(records) == ["automation.saved", "automation.approved", "rollout.staged", "automation.retired"]


@pytest.mark.parametrize("state", [AutomationState.PAUSED, AutomationState.RETIRED])
def test_what_is_not_there_cannot_be_stopped(records: Records, state: AutomationState) -> None:
    with pytest.raises(LookupError), records.transaction("tess") as transaction:
        automations.set_state(transaction, "nothing", state, "why")
