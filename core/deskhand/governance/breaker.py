"""When an automation is stopped by itself: it failed too often of late, or in a way that will not pass by itself."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, model_validator

from deskhand.governance.rates import HOUR
from deskhand.records.diagnoses import FailureCause

LASTING = frozenset({FailureCause.BUG, FailureCause.CHANGED_DATA})
"""Causes that the next run meets again."""
INNOCENT = frozenset({FailureCause.PERSON, FailureCause.POLICY})
"""Causes that are no failure of the automation: somebody did not prove who they are, or we refused it ourselves."""


class MaintenanceSettings(BaseModel):
    """When an automation pauses by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    pause_after: int = Field(default=3, ge=1, le=100, description="Pause an automation after this many failures…")
    of_last: int = Field(default=5, ge=1, le=1000, description="…among this many of its latest runs.")
    pause_in_a_row: int = Field(
        default=2,
        ge=1,
        le=100,
        description="Pause it after this many failures in a row that will not pass by themselves: "
        "something it relies on has changed, or a bug.",
    )

    pause_when_held_back: int = Field(
        default=10,
        ge=1,
        le=10_000,
        description="Pause it once so many tickets within an hour had to wait because it had begun as often as it may: "
        "something may be going round in circles.",
    )

    canary_runs: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="A version at auto goes to one client, then to five, then to the rest: each time after so many "
        "runs that ended well where it is by then…",
    )
    canary_hours: float = Field(default=24.0, ge=0, le=720, description="…and not before so many hours.")

    @model_validator(mode="after")
    def _can_trip(self) -> "MaintenanceSettings":
        if self.pause_after > self.of_last:
            raise ValueError("`pause_after` cannot be more than `of_last`: it would never pause")
        return self


@dataclass(slots=True)
class Flood:
    """Counts, automation by automation, the tickets of the last hour that met its cap."""

    settings: MaintenanceSettings
    _met: dict[str, deque[datetime]] = field(default_factory=dict, init=False)

    def met(self, automation: str, now: datetime) -> bool:
        """Count one more and tell whether there are so many now that the automation must pause."""
        most = self.settings.pause_when_held_back
        met = self._met.setdefault(automation, deque(maxlen=most))
        met.append(now)
        if len(met) < most or now - met[0] > HOUR:
            return False
        del self._met[automation]
        return True


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run of an automation ended: ``cause`` is None where it did not fail."""

    run_id: str
    version: int
    at: datetime
    cause: FailureCause | None


def tripped(endings: Sequence[Ending], version: int, settings: MaintenanceSettings) -> str | None:
    """Say why an automation must pause, or None where it need not. ``endings`` come newest first.

    Only runs of ``version``, the one in force, count: a mended automation starts with a clean slate. What the
    automation is innocent of counts neither way.
    """
    counted = [each for each in endings if each.version == version and each.cause not in INNOCENT]
    row = 0
    for each in counted:
        if each.cause not in LASTING:
            break
        row += 1
    if row >= settings.pause_in_a_row:
        return f"{row} runs in a row failed with “{counted[0].cause}”: {_named(counted[:row])}"
    latest = counted[: settings.of_last]
    failed = [each for each in latest if each.cause is not None]
    if len(failed) >= settings.pause_after:
        return f"{len(failed)} of the last {len(latest)} runs failed: {_named(failed)}"
    return None


def _named(endings: Sequence[Ending]) -> str:
    return ", ".join(each.run_id for each in endings)
