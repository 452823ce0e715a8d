"""What clients allow: the table an admin edits, every version of it, who proposed each and who approved it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, Field, TypeAdapter, field_validator, model_validator
from sqlalchemy import Row, func, select

from deskhand.records.accounts import account_name
from deskhand.records.approvals import MOST_VOTES
from deskhand.records.canonical import canonical_json, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.rows import Value
from deskhand.records.schema import grants, policy_versions

EVERY_CLIENT = "*"
"""The tenant of a grant for all clients that have no grant of their own on the same subject."""

_SUBJECT = re.compile(r"action:[a-z][a-z0-9_]*\.[a-z0-9_]+|automation:[a-z0-9][a-z0-9_-]{0,63}|tier:[0-3]")
_MOST_GRANTS = 10_000


class Mode(StrEnum):
    """How far a client lets something go, each further than the one before."""

    OFF = "off"
    """Not at all: it is not even offered."""
    SUGGEST = "suggest"
    """It may be shown to a technician, and is not carried out."""
    ASK = "ask"
    """It is carried out once someone else has approved it."""
    AUTO = "auto"
    """It is carried out without asking, as far as the guard rails allow."""


class Hours(StoredDocument):
    """When a grant holds, by the clock on the client's wall."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zone: str
    """The client's time zone by its IANA name, such as ``Europe/Berlin``."""
    days: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1)] = (1, 2, 3, 4, 5)
    """ISO weekdays, 1 for Monday, on which the hours begin."""
    opens: str = Field(default="00:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    closes: str = Field(default="24:00", pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")
    """The first minute at which it no longer holds; before ``opens`` it is one of the following day."""

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{zone!r} is no time zone: use an IANA name such as Europe/Berlin") from None
        return zone

    @model_validator(mode="after")
    def _lasts(self) -> "Hours":
        if self.opens == self.closes:
            raise ValueError("the hours open and close at the same minute: leave them out to have it at all hours")
        return self

    def cover(self, moment: datetime) -> bool:
        """Tell whether an aware moment falls into the hours."""
        local = moment.astimezone(ZoneInfo(self.zone))
        minute, today = local.hour * 60 + local.minute, local.isoweekday()
        opens, closes = _minute(self.opens), _minute(self.closes)
        if opens < closes:
            return today in self.days and opens <= minute < closes
        yesterday = today - 1 or 7
        return (today in self.days and minute >= opens) or (yesterday in self.days and minute < closes)


class Grant(StoredDocument):
    """One row: what one client, or every client, allows for one action, automation or tier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant_id: str = Field(min_length=1, max_length=100)
    """The client's id in the PSA, or ``*`` for every client without a row of its own on this subject."""
    subject: str = Field(pattern=f"^(?:{_SUBJECT.pattern})$")
    """``action:<plugin>.<verb>``, ``automation:<name>`` or ``tier:<0 to 3>``."""
    mode: Mode
    hours: Hours | None = None
    per_hour: int | None = Field(default=None, ge=1, le=1_000)
    """How many times an hour it may be done at one client."""
    approvers: tuple[str, ...] = ()
    """The accounts that may approve it; none named: every approver."""
    quorum: int = Field(default=1, ge=1, le=MOST_VOTES)
    """How many different people have to approve it."""
    managers: tuple[str, ...] = ()
    """The accounts whose approval counts as a manager's, which renewing somebody's factors takes."""
    proof: bool = False
    """The person concerned must have proven who they are, also where the action itself does not ask for it."""

    @model_validator(mode="after")
    def _is_possible(self) -> "Grant":
        if self.mode is Mode.AUTO and self.subject == "tier:3":
            raise ValueError("tier 3 always takes another person's approval: say `ask`")
        return self

    @field_validator("approvers", "managers")
    @classmethod
    def _in_one_spelling(cls, approvers: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted({account_name(each) for each in approvers}))

    @property
    def id(self) -> str:
        """Name the row; there is one for a client and a subject."""
        return f"{self.tenant_id}|{self.subject}"


class VersionState(StrEnum):
    """What became of a proposed table."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A whole table of grants: who proposed it and when, in place of which version, and who decided on it."""

    version: int
    author: str
    decided_by: str | None
    created_at: datetime
    state: VersionState
    base: int
    comment: str
    grants: tuple[Grant, ...]


class _Document(StoredDocument):
    state: VersionState
    base: int
    comment: str
    grants: tuple[Grant, ...]
    rejected_by: str | None = None


_GRANTS = TypeAdapter(Annotated[tuple[Grant, ...], Field(max_length=_MOST_GRANTS)])


def read_grants(rows: object) -> tuple[Grant, ...]:
    """Read a table as people write it. Raises ValueError, also pydantic's, which say what is wrong and where."""
    found = _GRANTS.validate_python(rows)
    seen: set[str] = set()
    for grant in found:
        if grant.id in seen:
            raise ValueError(f"{grant.subject} is there twice for client {grant.tenant_id}: leave one")
        seen.add(grant.id)
        if 0 < len(grant.approvers) < grant.quorum:
            raise ValueError(
                f"{grant.id}: {grant.quorum} have to approve and only {len(grant.approvers)} may: name more approvers"
            )
    return tuple(sorted(found, key=lambda grant: grant.id))


def propose(transaction: Transaction, rows: Sequence[Grant], *, author: str, comment: str = "") -> PolicyVersion:
    """Keep a table for someone else to approve. Nothing of it holds until then."""
    table = read_grants([row.model_dump() for row in rows])
    version, base = _latest(transaction) + 1, _current(transaction)
    document = _Document(state=VersionState.PROPOSED, base=base, comment=comment, grants=table)
    values: dict[str, Value] = {
        "version": version,
        "author": author,
        "created_at": written_time(transaction.clock()),
        "document": _written(document),
    }
    transaction.insert(policy_versions, values)
    transaction.audit("policy.proposed", detail={"version": version, "base": base, "comment": comment})
    return find_in(transaction, version)


def approve(transaction: Transaction, version: int, *, by: str) -> PolicyVersion:
    """Have a proposed table hold from this commit on. Who may do so is the caller's business.

    Raises LookupError where there is no such proposal, ValueError where it was made in place of a table that no longer
    holds.
    """
    found = _proposed(transaction, version)
    if found.base != _current(transaction):
        raise ValueError(
            f"version {version} was proposed in place of version {found.base}, which no longer holds: propose it again"
        )
    document = _Document(state=VersionState.APPROVED, base=found.base, comment=found.comment, grants=found.grants)
    values: dict[str, Value] = {"approver": by, "document": _written(document)}
    transaction.update(policy_versions, {"version": version}, values)
    _put_in_force(transaction, found.grants)
    transaction.audit("policy.approved", detail={"version": version, "by": by})
    return find_in(transaction, version)


def reject(transaction: Transaction, version: int, *, by: str) -> PolicyVersion:
    """Put a proposed table aside for good. Raises LookupError where there is no such proposal."""
    found = _proposed(transaction, version)
    document = _Document(
        state=VersionState.REJECTED, base=found.base, comment=found.comment, grants=found.grants, rejected_by=by
    )
    transaction.update(policy_versions, {"version": version}, {"document": _written(document)})
    transaction.audit("policy.rejected", detail={"version": version, "by": by})
    return find_in(transaction, version)


def current(records: Records) -> tuple[int, tuple[Grant, ...]]:
    """Return the number of the version that holds, 0 where there never was one, and its rows as the table has them."""
    with records.reading() as connection:
        version = int(connection.execute(_CURRENT).scalar_one())
        rows = connection.execute(select(grants.c.document).order_by(grants.c.id)).scalars().all()
    return version, tuple(Grant.model_validate_json(row) for row in rows)


def current_version(records: Records) -> int:
    """Return the number of the version that holds, 0 where there never was one."""
    ((version,),) = records.ask(_CURRENT)
    return int(version)


def find_in(transaction: Transaction, version: int) -> PolicyVersion:
    """Return a version as this transaction sees it. Raises LookupError where there is none."""
    query = select(policy_versions).where(policy_versions.c.version == version)
    row = transaction.connection.execute(query).one_or_none()
    if row is None:
        raise LookupError(f"there is no version {version} of the policy: `deskhand policy show` lists them")
    return _version(row)


def versions(records: Records) -> tuple[PolicyVersion, ...]:
    """List every table there was, newest first."""
    query = select(policy_versions).order_by(policy_versions.c.version.desc())
    with records.reading() as connection:
        return tuple(_version(row) for row in connection.execute(query))


_CURRENT = select(func.coalesce(func.max(policy_versions.c.version), 0)).where(policy_versions.c.approver.is_not(None))
"""Proposals are approved in place of the version that holds, so the highest that was approved is the one."""


def _current(transaction: Transaction) -> int:
    return int(transaction.connection.execute(_CURRENT).scalar_one())


def _latest(transaction: Transaction) -> int:
    query = select(func.coalesce(func.max(policy_versions.c.version), 0))
    return int(transaction.connection.execute(query).scalar_one())


def _proposed(transaction: Transaction, version: int) -> PolicyVersion:
    found = find_in(transaction, version)
    if found.state is not VersionState.PROPOSED:
        raise LookupError(f"version {version} of the policy is {found.state.value} already")
    return found


def _put_in_force(transaction: Transaction, table: Sequence[Grant]) -> None:
    """Bring the table to these rows; the caller's own entry vouches for it."""
    wanted = {grant.id: grant for grant in table}
    present = set(transaction.connection.execute(select(grants.c.id)).scalars().all())
    for gone in sorted(present - set(wanted)):
        transaction.delete(grants, {"id": gone})
    for name, grant in wanted.items():
        document = canonical_json(grant.model_dump(mode="json"))
        values: dict[str, Value] = {"tenant_id": grant.tenant_id, "subject": grant.subject, "document": document}
        transaction.put(grants, {"id": name}, values)


def _written(document: _Document) -> str:
    return canonical_json(document.model_dump(mode="json"))


def _minute(written: str) -> int:
    hours, minutes = written.split(":")
    return int(hours) * 60 + int(minutes)


def _version(row: Row[Any]) -> PolicyVersion:
    document = _Document.model_validate_json(row.document)
    return PolicyVersion(
        version=row.version,
        author=row.author,
        decided_by=row.approver or document.rejected_by,
        created_at=datetime.fromisoformat(row.created_at),
        state=document.state,
        base=document.base,
        comment=document.comment,
        grants=document.grants,
    )
