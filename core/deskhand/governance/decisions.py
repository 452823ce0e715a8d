"""Decisions of policy on the record, so that it can be told later which rule decided, and what another table would."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from deskhand.governance.permission import Decision, Permissions
from deskhand.governance.request import Request
from deskhand.records.database import Records, Transaction

DECIDED = "policy.decided"


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """What was asked, what came of it, and the number of its audit entry."""

    seq: int
    request: Request
    is_allowed: bool
    rules: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A recorded decision that another table of grants would have taken otherwise."""

    recorded: RecordedDecision
    instead: Decision


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
        },
    )


def recorded(records: Records, *, since: datetime) -> Iterator[RecordedDecision]:
    """Yield the decisions since then, oldest first; entries of a form we no longer read are left out."""
    for entry in records.audit_entries():
        if entry.kind == DECIDED and entry.at >= since:
            try:
                request = Request.model_validate(entry.detail["request"])
            except (KeyError, ValidationError):
                continue
            rules = entry.detail.get("rules")
            yield RecordedDecision(
                seq=entry.seq,
                request=request,
                is_allowed=bool(entry.detail.get("allowed")),
                rules=tuple(map(str, rules)) if isinstance(rules, list) else (),
                version=int(str(entry.detail.get("version", 0))),
            )


def what_if(records: Records, proposed: Permissions, *, since: datetime) -> tuple[int, tuple[Difference, ...]]:
    """Decide the recorded requests again by another table; return how many there were, and those that differ."""
    seen, different = 0, []
    for each in recorded(records, since=since):
        seen += 1
        instead = proposed.decide(each.request)
        if instead.is_allowed != each.is_allowed:
            different.append(Difference(each, instead))
    return seen, tuple(different)
