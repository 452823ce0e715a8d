"""The effect ledger: each change to a vendor is claimed durably before it is made, so that none is made twice."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue
from sqlalchemy import select

from deskhand.records.canonical import canonical_json
from deskhand.records.database import Records, Transaction
from deskhand.records.schema import effects


class EffectState(StrEnum):
    """What is known of an effect: ``claimed`` may or may not have happened, ``failed`` surely has not."""

    CLAIMED = "claimed"
    FAILED = "failed"
    DONE = "done"
    NEEDS_REVIEW = "needs_review"


@dataclass(frozen=True, slots=True)
class Effect:
    """One change, by its idempotency key; ``receipt`` is what the vendor answered."""

    key: str
    action: str
    tenant: str
    ticket: str
    arguments_sha256: str
    state: EffectState
    receipt: Mapping[str, JsonValue] | None
    reason: str


def find(records: Records, key: str) -> Effect | None:
    """Look up what is known under a key."""
    row = records.find(effects, {"key": key})
    if row is None:
        return None
    receipt = None if row["receipt"] is None else json.loads(row["receipt"])
    return Effect(**{**row, "state": EffectState(row["state"]), "receipt": receipt})


def are_none(records: Records) -> bool:
    """Tell whether no effect was ever claimed."""
    with records.reading() as connection:
        return connection.execute(select(effects.c.key).limit(1)).first() is None


def claim(transaction: Transaction, key: str, *, action: str, tenant: str, ticket: str, arguments_sha256: str) -> None:
    """Put on the record that a change is about to be made; one that failed cleanly may be claimed anew.

    Raises LookupError where the key is already claimed.
    """
    earlier = transaction.find(effects, {"key": key})
    if earlier is not None and earlier["state"] != EffectState.FAILED:
        raise LookupError(f"key {key} is already claimed: find out what came of it first")
    intent = {"key": key, "action": action, "arguments_sha256": arguments_sha256}
    values = {"action": action, "arguments_sha256": arguments_sha256, "tenant": tenant, "ticket": ticket}
    transaction.put(effects, {"key": key}, {**values, "state": EffectState.CLAIMED, "reason": ""})
    transaction.audit("effect.claimed", tenant=tenant, ticket=ticket, detail=intent)


def record(transaction: Transaction, key: str, receipt: Mapping[str, JsonValue]) -> None:
    """Put on the record what the vendor answered. Raises LookupError where the key was never claimed."""
    values = {"state": EffectState.DONE, "receipt": canonical_json(dict(receipt))}
    _settle(transaction, key, values, "effect.done", {"receipt": dict(receipt)})


def fail(transaction: Transaction, key: str, error: str, *, is_unchanged: bool) -> None:
    """Put on the record how an attempt ended; the claim is given up only where nothing was changed for sure.

    What another attempt is known to have done stays done. Raises LookupError as `record` does.
    """
    values = {"state": EffectState.FAILED} if is_unchanged and not _is_done(transaction, key) else {}
    _settle(transaction, key, values, "effect.failed", {"error": error, "is_unchanged": is_unchanged})


def mark_needs_review(transaction: Transaction, key: str, reason: str) -> None:
    """Put on the record that a person must find out what happened, unless that is known by now.

    Raises LookupError as `record` does.
    """
    values = {} if _is_done(transaction, key) else {"state": EffectState.NEEDS_REVIEW, "reason": reason}
    _settle(transaction, key, values, "effect.needs_review", {"reason": reason})


def _is_done(transaction: Transaction, key: str) -> bool:
    row = transaction.find(effects, {"key": key})
    return row is not None and row["state"] == EffectState.DONE


def _settle(
    transaction: Transaction, key: str, values: Mapping[str, str], kind: str, detail: Mapping[str, JsonValue]
) -> None:
    transaction.update(effects, {"key": key}, values)
    row = transaction.find(effects, {"key": key}) or {}
    transaction.audit(
        kind,
        tenant=str(row["tenant"]),
        ticket=str(row["ticket"]),
        detail={"key": key, "action": row["action"], **detail},
    )
