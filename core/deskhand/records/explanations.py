"""Why each ticket was handled as it was: its newest explanation here, the hash of every earlier one in the log."""

import hashlib

from pydantic import ValidationError
from sqlalchemy import ColumnElement, func, select

from deskhand.records.canonical import canonical_json
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import OutcomeKind, Why
from deskhand.records.failures import damaged
from deskhand.records.schema import explanations


def save(transaction: Transaction, why: Why) -> None:
    """Keep an explanation in place of the ticket's earlier one."""
    document = canonical_json(why.model_dump(mode="json"))
    transaction.put(
        explanations,
        {"ticket_id": why.ticket_id},
        {"outcome": why.outcome, "tenant_id": why.tenant_id, "place": transaction.next_seq, "document": document},
    )
    digest = hashlib.sha256(document.encode()).hexdigest()
    detail = {"outcome": why.outcome.value, "note": why.note_id, "document_sha256": digest}
    transaction.audit("explanation.saved", tenant=why.tenant_id or "", ticket=why.ticket_id, detail=detail)


def find(records: Records, ticket_id: str) -> Why | None:
    """Return a ticket's explanation. Raises RecordsUnavailableError where it is no longer one."""
    query = select(explanations.c.document).where(explanations.c.ticket_id == ticket_id)
    with records.reading() as connection:
        document = connection.execute(query).scalar_one_or_none()
    return None if document is None else _read(document)


def recent(
    records: Records, limit: int, offset: int = 0, *, outcome: OutcomeKind | None = None, tenant: str | None = None
) -> list[Why]:
    """List explanations, newest first: all, or those with an outcome, of a client, or both."""
    query = select(explanations.c.document).where(*_only(outcome, tenant))
    query = query.order_by(explanations.c.place.desc()).limit(limit).offset(offset)
    with records.reading() as connection:
        return [_read(document) for document in connection.execute(query).scalars()]


def count(records: Records, *, outcome: OutcomeKind | None = None, tenant: str | None = None) -> int:
    """Count explanations: all, or those with an outcome, of a client, or both."""
    query = select(func.count()).select_from(explanations).where(*_only(outcome, tenant))
    with records.reading() as connection:
        return int(connection.execute(query).scalar_one())


def counts(records: Records, *, tenant: str | None = None) -> dict[OutcomeKind, int]:
    """Count explanations by how the handling ended, of every client or of one; every outcome is named."""
    query = select(explanations.c.outcome, func.count()).where(*_only(None, tenant))
    with records.reading() as connection:
        found = {
            str(outcome): int(number) for outcome, number in connection.execute(query.group_by(explanations.c.outcome))
        }
    return {outcome: found.get(outcome.value, 0) for outcome in OutcomeKind}


def _read(document: str) -> Why:
    try:
        return Why.model_validate_json(document)
    except ValidationError as error:
        raise damaged("explanations") from error


def _only(outcome: OutcomeKind | None, tenant: str | None) -> list[ColumnElement[bool]]:
    wanted = ((explanations.c.outcome, outcome), (explanations.c.tenant_id, tenant))
    return [column == value for column, value in wanted if value is not None]
