"""The small parts that documents and plans share: how steps are named, who approves, how often something is tried."""

from enum import StrEnum
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, Field

from deskhand.records.approvals import MOST_VOTES
from deskhand.records.documents import StoredDocument

StepId: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
ActionName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z0-9_]+$")]
StepResult: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}\.(reference|detail\.[A-Za-z0-9_]{1,40})$")]
TimeOfDay: TypeAlias = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
ZoneName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", max_length=60)]
"""Written as the IANA time zone database writes names, such as Europe/Berlin; `is_zone` tells whether there is one."""

MOST_MINUTES = 7 * 24 * 60


class Part(StoredDocument):
    """A part of a document people write: closed, strict and frozen. Read it from JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ApproverRole(StrEnum):
    """Who may approve a run, the less entitled first."""

    APPROVER = "approver"
    ADMIN = "admin"

    @property
    def strictness(self) -> int:
        """Higher is stricter."""
        return list(ApproverRole).index(self)


class ApprovalRule(Part):
    """What approval each run needs; it is never the requester's own."""

    role: ApproverRole = ApproverRole.APPROVER
    expires_minutes: int = Field(default=240, ge=5, le=MOST_MINUTES)
    quorum: int = Field(default=1, ge=1, le=MOST_VOTES)
    """How many different people have to approve it."""


class Retry(Part):
    """How often a step is tried while its vendor cannot be reached or throttles, and how long the first pause is.

    Each pause is twice the one before.
    """

    attempts: int = Field(ge=1, le=20)
    pause_seconds: int = Field(default=1, ge=1, le=3600)


def is_zone(name: str) -> bool:
    """Tell whether the IANA time zone database has a zone of this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
