"""Automations on the record: every version of their text, how far each has come at which client, and shadows."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field, JsonValue, TypeAdapter
from sqlalchemy import Row, select

from deskhand.records.canonical import canonical_json, read_time, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.rows import Value
from deskhand.records.schema import automation_versions, automations, rollouts, shadows

_MAPPING: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class AutomationState(StrEnum):
    """Whether an automation may be used."""

    DRAFT = "draft"
    """No version was approved yet."""
    APPROVED = "approved"
    PAUSED = "paused"
    RETIRED = "retired"


class VersionState(StrEnum):
    """Where one version stands. Only a draft's text may change."""

    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class AutomationRecord:
    """An automation; ``reason`` says why it is paused or retired."""

    name: str
    state: AutomationState
    reason: str
    created_at: datetime
    title: str = ""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version: the text people approve, and its evidence. ``sha256`` is of the text, in hex.

    ``authors`` are all who wrote at it; none of them approves it.
    """

    name: str
    version: int
    state: VersionState
    sha256: str
    authors: tuple[str, ...]
    approver: str | None
    created_at: datetime
    yaml: str
    evidence: Mapping[str, JsonValue]


class OverlayRecord(StoredDocument):
    """A client's overlay as somebody wrote it; without an approver it is only proposed."""

    yaml: str
    sha256: str
    author: str
    approver: str | None = None


class RolloutDetail(StoredDocument):
    """Who moved a rollout, when and why, and the version that was meant."""

    version: int = Field(default=0, ge=0)
    before: int = Field(default=0, ge=0)
    """The version that stood at auto here before; a run it began is brought to its end, and a stopped one gives way."""
    by: str = ""
    reason: str = ""
    at: str = ""
    proposed: OverlayRecord | None = None
    overlay: OverlayRecord | None = None


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far an automation has come at one client. ``stage`` is one of off, shadow, ask and auto."""

    automation: str
    tenant_id: str
    stage: str = "off"
    detail: RolloutDetail = field(default_factory=RolloutDetail)


class ShadowOutcome(StrEnum):
    """What people did, beside what the automation would have done."""

    OPEN = "open"
    """The ticket is not closed yet."""
    SAME = "same"
    PARTLY = "partly"
    OTHER = "other"
    UNKNOWN = "unknown"
    """Nobody wrote what was done."""


class Shadow(StoredDocument):
    """What an automation would have done about a ticket. Nothing of it was carried out."""

    automation: str
    ticket_id: str
    tenant_id: str
    version: int
    would: tuple[str, ...] = ()
    """The actions, in their order; empty where it would have refused."""
    refusals: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why the ticket matched."""
    outcome: ShadowOutcome = ShadowOutcome.OPEN
    did: tuple[str, ...] = ()
    """What people did, as capabilities, once the ticket is closed."""
    at: str = ""


def sha256_of(text: str) -> str:
    """Identify a text: what an approval of a version is bound to."""
    return hashlib.sha256(text.encode()).hexdigest()


def next_version(records: Records, name: str) -> int:
    """Return the number a text saved now gets: the open draft's, or one more than the newest version's."""
    newest = next(iter(versions(records, name)), None)
    if newest is None:
        return 1
    return newest.version if newest.state is VersionState.DRAFT else newest.version + 1


def save_draft(
    transaction: Transaction,
    name: str,
    version: int,
    text: str,
    *,
    author: str,
    title: str,
    evidence: Mapping[str, JsonValue],
) -> VersionRecord:
    """Keep a text as a draft: in place of the open draft of that number, or as a new version.

    Raises LookupError where the version was decided on: its text never changes.
    """
    held = _version(transaction, name, version)
    if held is not None and held.state is not VersionState.DRAFT:
        raise LookupError(f"version {version} of {name} is {held.state.value}: save a new version")
    now = transaction.clock()
    authors = tuple(dict.fromkeys((*(held.authors if held else ()), author)))
    created = held.created_at if held else now
    record = VersionRecord(name, version, VersionState.DRAFT, sha256_of(text), authors, None, created, text, evidence)
    _put_version(transaction, record)
    if transaction.find(automations, {"name": name}) is None:
        _put_automation(transaction, AutomationRecord(name, AutomationState.DRAFT, "", now, title))
    detail: dict[str, JsonValue] = {"automation": name, "version": version, "sha256": record.sha256}
    transaction.audit("automation.saved", detail=detail)
    return record


def put_evidence(transaction: Transaction, record: VersionRecord, key: str, value: JsonValue) -> VersionRecord:
    """Add to a version's evidence, such as its back-test. Raises LookupError where there is no such version."""
    held = expect_version(transaction, record.name, record.version)
    changed = replace(held, evidence={**held.evidence, key: value})
    _put_version(transaction, changed)
    digest = hashlib.sha256(canonical_json(value).encode()).hexdigest()
    detail: dict[str, JsonValue] = {"automation": held.name, "version": held.version, "about": key, "sha256": digest}
    transaction.audit("automation.evidence", detail=detail)
    return changed


def decide(
    transaction: Transaction, record: VersionRecord, state: VersionState, *, by: str, reason: str = ""
) -> VersionRecord:
    """Approve or reject a draft. Raises LookupError where it is none any more, or its text has changed."""
    held = expect_version(transaction, record.name, record.version)
    if held.state is not VersionState.DRAFT or held.sha256 != record.sha256:
        raise LookupError(f"version {record.version} of {record.name} is not the draft it was: look at it again")
    changed = replace(held, state=state, approver=by)
    _put_version(transaction, changed)
    if state is VersionState.APPROVED:
        _approve_automation(transaction, held)
    detail: dict[str, JsonValue] = {"automation": held.name, "version": held.version, "sha256": held.sha256}
    transaction.audit(f"automation.{state.value}", detail={**detail, "reason": reason})
    return changed


def set_state(transaction: Transaction, name: str, state: AutomationState, reason: str) -> None:
    """Pause, resume or retire. Raises LookupError where there is no such automation."""
    row = transaction.find(automations, {"name": name})
    if row is None:
        raise LookupError(f"there is no automation {name}")
    transaction.update(automations, {"name": name}, {"state": state, "reason": reason})
    transaction.audit(f"automation.{state.value}", detail={"automation": name, "reason": reason})


def find(records: Records, name: str) -> AutomationRecord | None:
    """Find an automation."""
    with records.reading() as connection:
        row = connection.execute(select(automations).where(automations.c.name == name)).one_or_none()
    return None if row is None else _automation(row._asdict())


def paused(records: Records, name: str) -> str | None:
    """Say why an automation is paused; None where it is not. Every call of one asks."""
    row = records.find(automations, {"name": name})
    return str(row["reason"]) if row is not None and row["state"] == AutomationState.PAUSED else None


def listing(records: Records) -> list[AutomationRecord]:
    """List every automation by name."""
    with records.reading() as connection:
        rows = connection.execute(select(automations).order_by(automations.c.name)).all()
    return [_automation(row._asdict()) for row in rows]


def versions(records: Records, name: str) -> list[VersionRecord]:
    """List an automation's versions, newest first."""
    query = select(automation_versions).where(automation_versions.c.name == name)
    with records.reading() as connection:
        rows = connection.execute(query.order_by(automation_versions.c.version.desc())).all()
    return [_from_row(row._asdict()) for row in rows]


def find_version(records: Records, name: str, version: int) -> VersionRecord | None:
    """Find one version."""
    table = automation_versions
    query = select(table).where(table.c.name == name, table.c.version == version)
    with records.reading() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _from_row(row._asdict())


def current(records: Records, name: str) -> VersionRecord | None:
    """Return the newest approved version."""
    return next((each for each in versions(records, name) if each.state is VersionState.APPROVED), None)


def rollout(records: Records, name: str, tenant_id: str) -> Rollout:
    """Return how far an automation has come at a client; off where nobody said anything."""
    query = select(rollouts).where(rollouts.c.automation == name, rollouts.c.tenant_id == tenant_id)
    with records.reading() as connection:
        row = connection.execute(query).one_or_none()
    return Rollout(name, tenant_id) if row is None else _rollout(row)


def rollouts_of(records: Records, *, automation: str | None = None, tenant_id: str | None = None) -> list[Rollout]:
    """List rollouts: of an automation, of a client, or all."""
    wanted = ((rollouts.c.automation, automation), (rollouts.c.tenant_id, tenant_id))
    query = select(rollouts).where(*(column == value for column, value in wanted if value is not None))
    with records.reading() as connection:
        rows = connection.execute(query.order_by(rollouts.c.automation, rollouts.c.tenant_id)).all()
    return [_rollout(row) for row in rows]


def put_rollout(transaction: Transaction, rollout: Rollout, *, what: str) -> None:
    """Keep a rollout in place of the client's earlier one; ``what`` names the change in the log."""
    detail = rollout.detail
    key: dict[str, Value] = {"automation": rollout.automation, "tenant_id": rollout.tenant_id}
    overlay = detail.overlay.yaml if detail.overlay else ""
    values: dict[str, Value] = {"stage": rollout.stage, "overlay": overlay, "detail": _written(detail)}
    transaction.put(rollouts, key, values)
    said: dict[str, JsonValue] = {"automation": rollout.automation, "stage": rollout.stage, "version": detail.version}
    overlays = {"overlay": detail.overlay, "proposed": detail.proposed}
    shas: dict[str, JsonValue] = {f"{name}_sha256": each.sha256 for name, each in overlays.items() if each}
    transaction.audit(f"rollout.{what}", tenant=rollout.tenant_id, detail={**said, **shas, "reason": detail.reason})


def record_shadow(transaction: Transaction, shadow: Shadow) -> bool:
    """Keep what an automation would have done about a ticket; False, changing nothing, where that is kept already."""
    key = _shadow_key(shadow)
    if transaction.find(shadows, key) is not None:
        return False
    kept = shadow.model_copy(update={"at": written_time(transaction.clock())})
    values: dict[str, Value] = {"tenant_id": kept.tenant_id, "version": kept.version, "at": kept.at}
    transaction.insert(shadows, {**key, **values, "document": _written(kept), "place": transaction.next_seq})
    detail: dict[str, JsonValue] = {"automation": kept.automation, "version": kept.version, "would": list(kept.would)}
    transaction.audit("automation.shadowed", tenant=kept.tenant_id, ticket=kept.ticket_id, detail=detail)
    return True


def compare_shadow(transaction: Transaction, shadow: Shadow) -> None:
    """Keep what people did about a shadow's ticket. Raises LookupError where there is no such shadow."""
    transaction.update(shadows, _shadow_key(shadow), {"document": _written(shadow)})
    detail: dict[str, JsonValue] = {"automation": shadow.automation, "outcome": shadow.outcome.value}
    transaction.audit("automation.compared", tenant=shadow.tenant_id, ticket=shadow.ticket_id, detail=detail)


def shadows_of(
    records: Records, *, automation: str | None = None, tenant_id: str | None = None, limit: int = 1_000
) -> list[Shadow]:
    """List shadows, newest first: of an automation, at a client, or all."""
    wanted = ((shadows.c.automation, automation), (shadows.c.tenant_id, tenant_id))
    query = select(shadows.c.document).where(*(column == value for column, value in wanted if value is not None))
    with records.reading() as connection:
        documents = connection.execute(query.order_by(shadows.c.place.desc()).limit(limit)).scalars().all()
    return [Shadow.model_validate_json(each) for each in documents]


def has_shadow(records: Records, automation: str, ticket_id: str) -> bool:
    """Tell whether a ticket was shadowed already."""
    query = select(shadows.c.ticket_id).where(shadows.c.automation == automation, shadows.c.ticket_id == ticket_id)
    with records.reading() as connection:
        return connection.execute(query).first() is not None


def expect_version(transaction: Transaction, name: str, version: int) -> VersionRecord:
    """Read a version as this transaction sees it. Raises LookupError."""
    found = _version(transaction, name, version)
    if found is None:
        raise LookupError(f"{name} has no version {version}")
    return found


def _version(transaction: Transaction, name: str, version: int) -> VersionRecord | None:
    row = transaction.find(automation_versions, {"name": name, "version": version})
    return None if row is None else _from_row(row)


def _put_version(transaction: Transaction, record: VersionRecord) -> None:
    evidence: dict[str, JsonValue] = {**record.evidence, "authors": list(record.authors)}
    values: dict[str, Value] = {
        "state": record.state,
        "sha256": record.sha256,
        "author": record.authors[0],
        "approver": record.approver,
        "created_at": written_time(record.created_at),
        "document": record.yaml,
        "evidence": canonical_json(evidence),
    }
    transaction.put(automation_versions, {"name": record.name, "version": record.version}, values)


def _approve_automation(transaction: Transaction, record: VersionRecord) -> None:
    """Make a draft usable with its first approval; a paused or retired automation stays so."""
    row = transaction.find(automations, {"name": record.name})
    if row is not None and row["state"] == AutomationState.DRAFT:
        transaction.update(automations, {"name": record.name}, {"state": AutomationState.APPROVED})


def _put_automation(transaction: Transaction, record: AutomationRecord) -> None:
    values: dict[str, Value] = {
        "state": record.state,
        "reason": record.reason,
        "created_at": written_time(record.created_at),
        "document": canonical_json({"title": record.title}),
    }
    transaction.put(automations, {"name": record.name}, values)


def _shadow_key(shadow: Shadow) -> dict[str, Value]:
    return {"automation": shadow.automation, "ticket_id": shadow.ticket_id}


def _from_row(row: Mapping[str, Any]) -> VersionRecord:
    evidence = _MAPPING.validate_json(row["evidence"])
    authors = evidence.pop("authors", None)
    return VersionRecord(
        row["name"],
        row["version"],
        VersionState(row["state"]),
        row["sha256"],
        tuple(map(str, authors)) if isinstance(authors, list) else (row["author"],),
        row["approver"],
        _time(row["created_at"]),
        row["document"],
        evidence,
    )


def _automation(row: Mapping[str, Any]) -> AutomationRecord:
    title = str(_MAPPING.validate_json(row["document"]).get("title", ""))
    return AutomationRecord(row["name"], AutomationState(row["state"]), row["reason"], _time(row["created_at"]), title)


def _rollout(row: Row[Any]) -> Rollout:
    return Rollout(row.automation, row.tenant_id, row.stage, RolloutDetail.model_validate_json(row.detail))


def _time(written: str) -> datetime:
    found = read_time(written)
    if found is None:
        raise ValueError("a time is missing")
    return found


def _written(document: StoredDocument) -> str:
    return canonical_json(document.model_dump(mode="json"))
