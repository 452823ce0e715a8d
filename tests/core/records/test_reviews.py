import pytest

from deskhand.records import reviews
from deskhand.records.database import Records
from deskhand.records.documents import FieldName
from deskhand.records.reviews import Mark, Review, ReviewState, Subject
from deskhand.sdk.models import Reference
from tests.core.records.examples import START


def review(number: str = "7", **facts: object) -> Review:
    values: dict[str, object] = {
        "subject": Subject.TRIAGE,
        "id": f"{number}:type",
        "ticket_id": number,
        "tenant_id": "1",
        "field": FieldName.TYPE,
        "value": "3",
        "label": "Access",
        "confidence": 0.8,
        "rate": 0.1,
        "because": "10%",
        "decided_at": START,
        **facts,
    }
    return Review.model_validate(values)


def draw(records: Records, *drawn: Review) -> list[bool]:
    with records.transaction("desk") as transaction:
        return [reviews.draw(transaction, each) for each in drawn]


def mark(records: Records, drawn: Review, verdict: Mark, **facts: str) -> None:
    with records.transaction("jo") as transaction:
        reviews.mark(transaction, drawn.model_copy(update={"mark": verdict, "marked_by": "jo", **facts}))


def test_a_decision_is_drawn_once(records: Records) -> None:
    assert draw(records, review(), review("8")) == [True, True]
    with records.transaction("desk") as transaction:
        assert not reviews.draw(transaction, review(label="changed since"))
    assert [each.label for each in reviews.listed(records, ReviewState.OPEN)] == ["Access", "Access"]
    assert reviews.find(records, Subject.TRIAGE, "7:type") == review()
    assert reviews.find(records, Subject.RUN, "7:type") is None


def test_marks_become_labels(records: Records) -> None:
    drawn = [review(number) for number in "1234"]
    draw(records, *drawn)
    mark(records, drawn[0], Mark.RIGHT)
    mark(records, drawn[1], Mark.WRONG, right_value="9", right_label="Printing")
    mark(records, drawn[2], Mark.WRONG)
    mark(records, drawn[3], Mark.UNSURE)
    assert reviews.labels(records) == {
        "1": {FieldName.TYPE: Reference("3", "Access")},
        "2": {FieldName.TYPE: Reference("9", "Printing")},
    }
    assert reviews.counts(records) == {ReviewState.OPEN: 0, ReviewState.MARKED: 4}


def test_a_second_mark_takes_the_place_of_the_first_and_both_are_on_the_record(records: Records) -> None:
    draw(records, review())
    mark(records, review(), Mark.WRONG, right_value="9")
    mark(records, review(), Mark.RIGHT)
    assert [each.mark for each in reviews.marked(records)] == [Mark.RIGHT]
    kinds = [each.kind for each in records.audit_entries(ticket="7")]
    assert kinds == ["review.drawn", "review.marked", "review.marked"]


def test_what_was_not_drawn_cannot_be_marked(records: Records) -> None:
    with pytest.raises(LookupError):
        mark(records, review(), Mark.RIGHT)
    draw(records, review())
    with pytest.raises(ValueError, match="right, wrong or unsure"), records.transaction("jo") as transaction:
        reviews.mark(transaction, review())
