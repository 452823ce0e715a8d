"""Decisions drawn for review and the marks people gave them, which become labels to learn from."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import AwareDatetime, Field, JsonValue
from sqlalchemy import func, select

from deskhand.records.canonical import canonical_json, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import FieldName, StoredDocument
from deskhand.records.schema import reviews
from deskhand.sdk.models import Reference


class Subject(StrEnum):
    """What sort of decision was drawn. Its id is ``<ticket>:<field>`` for triage, the run's id for a run."""

    TRIAGE = "triage"
    RUN = "run"


class ReviewState(StrEnum):
    """Whether someone has looked."""

    OPEN = "open"
    MARKED = "marked"


class Mark(StrEnum):
    """What a person thinks of a decision."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"


class Review(StoredDocument):
    """One decision, how it came to be drawn, and what was said of it. ``value`` and ``label`` are what was decided."""

    subject: Subject
    id: str
    ticket_id: str
    tenant_id: str
    automation: str = ""
    field: FieldName | None = None
    value: str | None = None
    label: str
    confidence: float | None = Field(default=None, ge=0, le=1)
    engine: str = ""
    """What decided: the engine and the history, as triage names them."""
    rate: float = Field(gt=0, le=1)
    """How likely it was to be drawn: a mark speaks for ``1 / rate`` decisions."""
    because: str
    """Why that likely."""
    is_drawn: bool = False
    """Whether chance drew it; what people volunteered teaches, but says nothing of how often the agent is right."""
    decided_at: AwareDatetime
    mark: Mark | None = None
    right_value: str | None = None
    right_label: str | None = None
    comment: str = Field(default="", max_length=500)
    marked_by: str = ""
    marked_at: AwareDatetime | None = None


def draw(transaction: Transaction, review: Review) -> bool:
    """Put a decision up for review; return False, changing nothing, where it was drawn before."""
    key = {"subject": review.subject.value, "id": review.id}
    if transaction.find(reviews, key) is not None:
        return False
    row = {**key, "state": ReviewState.OPEN.value, "mark": "", "sampled_at": written_time(transaction.clock())}
    transaction.insert(reviews, {**row, "document": _written(review), "place": transaction.next_seq})
    detail: dict[str, JsonValue] = {**key, "rate": review.rate, "because": review.because}
    transaction.audit("review.drawn", tenant=review.tenant_id, ticket=review.ticket_id, detail=detail)
    return True


def mark(transaction: Transaction, review: Review) -> None:
    """Keep a mark; a second one takes the place of the first. Raises LookupError where the decision was not drawn."""
    key = {"subject": review.subject.value, "id": review.id}
    if review.mark is None:
        raise ValueError("a mark is right, wrong or unsure")
    values = {"state": ReviewState.MARKED.value, "mark": review.mark.value, "document": _written(review)}
    transaction.update(reviews, key, values)
    detail: dict[str, JsonValue] = {**key, "mark": review.mark.value, "right_value": review.right_value}
    transaction.audit("review.marked", tenant=review.tenant_id, ticket=review.ticket_id, detail=detail)


def find(records: Records, subject: Subject, review_id: str) -> Review | None:
    """Look up a decision that was drawn."""
    query = select(reviews.c.document).where(reviews.c.subject == subject.value, reviews.c.id == review_id)
    with records.reading() as connection:
        document = connection.execute(query).scalar_one_or_none()
    return None if document is None else Review.model_validate_json(document)


def listed(records: Records, state: ReviewState, *, limit: int = 100) -> list[Review]:
    """List reviews: open ones oldest first, marked ones newest first."""
    order = reviews.c.place if state is ReviewState.OPEN else reviews.c.place.desc()
    query = select(reviews.c.document).where(reviews.c.state == state.value).order_by(order).limit(limit)
    with records.reading() as connection:
        return [Review.model_validate_json(document) for document in connection.execute(query).scalars()]


def marked(records: Records) -> list[Review]:
    """List every marked decision, in the order they were drawn."""
    query = select(reviews.c.document).where(reviews.c.state == ReviewState.MARKED.value).order_by(reviews.c.place)
    with records.reading() as connection:
        return [Review.model_validate_json(document) for document in connection.execute(query).scalars()]


def counts(records: Records) -> dict[ReviewState, int]:
    """Count reviews by state; every state is named."""
    query = select(reviews.c.state, func.count()).group_by(reviews.c.state)
    with records.reading() as connection:
        found = {str(state): int(number) for state, number in connection.execute(query)}
    return {state: found.get(state.value, 0) for state in ReviewState}


Labels = Mapping[str, Mapping[FieldName, Reference]]
"""By ticket, what each field should be, as people said."""


def labels(records: Records) -> Labels:
    """Turn marks into labels: a decision that is right teaches itself, a wrong one what it should have been."""
    found: dict[str, dict[FieldName, Reference]] = {}
    for each in marked(records):
        label = _label(each)
        if each.field is not None and label is not None:
            found.setdefault(each.ticket_id, {})[each.field] = label
    return found


def _label(review: Review) -> Reference | None:
    if review.mark is Mark.RIGHT and review.value is not None:
        return Reference(review.value, review.label)
    if review.mark is Mark.WRONG and review.right_value is not None:
        return Reference(review.right_value, review.right_label or review.right_value)
    return None


def _written(review: Review) -> str:
    return canonical_json(review.model_dump(mode="json"))
