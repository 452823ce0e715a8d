"""Whose approving somebody else exercises, from when until when, and why."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Connection, select

from deskhand.records.canonical import canonical_json, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.schema import delegations


class DelegationState(StrEnum):
    """Whether a delegation may still be exercised, within its time."""

    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Delegation:
    """One account lets another vote in its place. Names are account names in their one spelling."""

    id: str
    delegator: str
    delegate: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    state: DelegationState = DelegationState.OPEN
    ended_by: str | None = None

    def covers(self, moment: datetime) -> bool:
        """Tell whether it may be exercised at a moment, as far as it alone says."""
        return self.state is DelegationState.OPEN and self.starts_at <= moment < self.ends_at


class _Document(StoredDocument):
    reason: str
    ended_by: str | None = None


def new_id() -> str:
    """Return an identifier no other delegation has."""
    return f"d-{secrets.token_hex(8)}"


def add(transaction: Transaction, delegation: Delegation) -> Delegation:
    """Keep a new delegation and return it. Raises IntegrityError where its id is taken."""
    transaction.insert(delegations, {"id": delegation.id, **_row(delegation), "place": transaction.next_seq})
    span: dict[str, JsonValue] = {
        "starts": written_time(delegation.starts_at),
        "ends": written_time(delegation.ends_at),
    }
    transaction.audit("delegation.added", detail={**_about(delegation), **span, "reason": delegation.reason})
    return delegation


def end(transaction: Transaction, delegation: Delegation, *, by: str, because: str) -> Delegation:
    """End an open delegation for good and return it. Raises LookupError where it is over already."""
    present = find_in(transaction, delegation.id)
    if present is None or present.state is not DelegationState.OPEN:
        raise LookupError(f"delegation {delegation.id} is over already")
    ended = replace(present, state=DelegationState.ENDED, ended_by=by)
    transaction.update(delegations, {"id": ended.id}, _row(ended))
    transaction.audit("delegation.ended", detail={**_about(ended), "by": by, "because": because})
    return ended


def find_in(transaction: Transaction, delegation_id: str) -> Delegation | None:
    """Look up a delegation as this transaction sees it."""
    row = transaction.find(delegations, {"id": delegation_id})
    return None if row is None else _delegation(row)


def open_on(connection: Connection) -> tuple[Delegation, ...]:
    """List the delegations nobody has ended, the oldest first; their time may not have come, or be over."""
    query = select(delegations).where(delegations.c.state == DelegationState.OPEN).order_by(delegations.c.place)
    return tuple(_delegation(row) for row in connection.execute(query).mappings().all())


def listing(records: Records, *, limit: int = 200) -> tuple[Delegation, ...]:
    """List every delegation there was, the newest first."""
    query = select(delegations).order_by(delegations.c.place.desc()).limit(limit)
    with records.reading() as connection:
        return tuple(_delegation(row) for row in connection.execute(query).mappings())


def _about(delegation: Delegation) -> dict[str, JsonValue]:
    return {"delegation": delegation.id, "of": delegation.delegator, "to": delegation.delegate}


def _row(delegation: Delegation) -> dict[str, str | int | None]:
    document = _Document(reason=delegation.reason, ended_by=delegation.ended_by)
    return {
        "delegator": delegation.delegator,
        "delegate": delegation.delegate,
        "state": delegation.state.value,
        "starts_at": written_time(delegation.starts_at),
        "ends_at": written_time(delegation.ends_at),
        "document": canonical_json(document.model_dump(mode="json")),
    }


def _delegation(row: Mapping[Any, Any]) -> Delegation:
    document = _Document.model_validate_json(row["document"])
    return Delegation(
        id=row["id"],
        delegator=row["delegator"],
        delegate=row["delegate"],
        starts_at=datetime.fromisoformat(row["starts_at"]),
        ends_at=datetime.fromisoformat(row["ends_at"]),
        reason=document.reason,
        state=DelegationState(row["state"]),
        ended_by=document.ended_by,
    )
