"""Decisions of policy on the record, with all they were decided from: they can be explained, and decided again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import select

from deskhand.governance.permission import Decision, guard_rails
from deskhand.governance.request import Request
from deskhand.records.audit.entries import Entry, read_entry
from deskhand.records.audit.recent import entries_since
from deskhand.records.database import Records, Transaction
from deskhand.records.schema import audit

DECIDED = "policy.decided"


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """What was asked, what came of it, and the number of its audit entry."""

    seq: int
    request: Request
    is_allowed: bool
    rules: tuple[str, ...]
    version: int
    rails: str = ""
    """SHA-256 of the guard rails that decided; empty on entries from before it was kept."""


def record(transaction: Transaction, request: Request, decision: Decision, *, version: int) -> int:
    """Put a decision on the record, with all it was decided from, and return the entry's number."""
    return transaction.audit(
        DECIDED,
        tenant=request.ticket_tenant,
        ticket=request.ticket_id,
        detail={
            "request": request.model_dump(mode="json"),
            "allowed": decision.is_allowed,
            "rules": list(decision.rules),
            "grants": list(decision.grants),
            "version": version,
            "rails": guard_rails().sha256,
        },
    )


def recorded(records: Records, *, since: datetime) -> Iterator[RecordedDecision]:
    """Yield the decisions since then, newest first; entries of a form we no longer read are left out."""
    with records.reading() as connection:
        for entry in entries_since(connection, since, kind=DECIDED):
            try:
                yield _read(entry)
            except (KeyError, ValidationError):
                continue


def find(records: Records, seq: int) -> RecordedDecision | None:
    """Return the decision under a number of the log; None where that entry is something else."""
    with records.reading() as connection:
        written = connection.execute(select(audit.c.entry).where(audit.c.seq == seq)).scalar_one_or_none()
    entry = None if written is None else read_entry(written)
    return _read(entry) if entry is not None and entry.kind == DECIDED else None


def _read(entry: Entry) -> RecordedDecision:
    rules = entry.detail["rules"]
    return RecordedDecision(
        seq=entry.seq,
        request=Request.model_validate(entry.detail["request"]),
        is_allowed=entry.detail["allowed"] is True,
        rules=tuple(map(str, rules)) if isinstance(rules, list) else (),
        version=int(str(entry.detail["version"])),
        rails=str(entry.detail.get("rails", "")),
    )
