import hashlib

from sqlalchemy import select

from deskhand.records import explanations, schema
from deskhand.records.database import Records
from deskhand.records.documents import OutcomeKind, Why
from tests.core.records.examples import START, why


def save(records: Records, *explained: Why) -> None:
    for each in explained:
        with records.transaction("desk") as transaction:
            explanations.save(transaction, each)


def test_an_explanation_comes_back_as_it_was_given(records: Records) -> None:
    given = why("7")
    save(records, given)
    assert explanations.find(records, "7") == given
    assert explanations.find(records, "8") is None


def test_the_newest_explanation_of_a_ticket_replaces_the_earlier(records: Records) -> None:
    save(records, why("7"), why("8"), why("7", OutcomeKind.NEEDS_REVIEW))
    found = explanations.find(records, "7")
    assert found is not None
    assert found.outcome is OutcomeKind.NEEDS_REVIEW
    assert explanations.count(records) == 2


def test_the_log_vouches_for_the_very_words(records: Records) -> None:
    save(records, why("7"))
    with records.reading() as connection:
        document = connection.execute(select(schema.explanations.c.document)).scalar_one()
    (entry,) = records.audit_entries(ticket="7")
    assert entry.detail["document_sha256"] == hashlib.sha256(document.encode()).hexdigest()


def test_explanations_are_listed_newest_first_in_pages_by_outcome_and_client(records: Records) -> None:
    save(records, *(why(str(number), tenant_id=str(number % 2)) for number in range(6)))
    save(records, why("q", OutcomeKind.QUARANTINED, None))
    assert [each.ticket_id for each in explanations.recent(records, 3)] == ["q", "5", "4"]
    assert [each.ticket_id for each in explanations.recent(records, 3, offset=3)] == ["3", "2", "1"]
    assert [each.ticket_id for each in explanations.recent(records, 9, tenant="1")] == ["5", "3", "1"]
    assert [each.ticket_id for each in explanations.recent(records, 9, outcome=OutcomeKind.QUARANTINED)] == ["q"]
    assert explanations.recent(records, 9, outcome=OutcomeKind.QUARANTINED, tenant="1") == []
    assert explanations.count(records, tenant="0") == 3


def test_every_outcome_is_counted(records: Records) -> None:
    save(records, why("1"), why("2"), why("3", OutcomeKind.LEFT_ALONE, "other"))
    nothing = dict.fromkeys(OutcomeKind, 0)
    assert explanations.counts(records) == nothing | {OutcomeKind.TRIAGED: 2, OutcomeKind.LEFT_ALONE: 1}
    assert explanations.counts(records, tenant="other") == nothing | {OutcomeKind.LEFT_ALONE: 1}


def test_half_a_character_in_a_ticket_does_not_stop_its_explanation(records: Records) -> None:
    reasons = ("cut emoji \ud83d", "nul \x00")
    save(records, Why(ticket_id="7", outcome=OutcomeKind.TRIAGED, tenant_id="1", reasons=reasons, decided_at=START))
    found = explanations.find(records, "7")
    assert found is not None
    assert found.reasons == ("cut emoji \ufffd", "nul \ufffd")
