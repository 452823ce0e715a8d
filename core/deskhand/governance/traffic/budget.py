"""A connector's budget of calls in an hour: a share of what the vendor answers, the last of it kept for people."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from deskhand.sdk.hooks import CallLimit
from deskhand.sdk.settings import ConnectorSettings
from deskhand.sdk.traffic import Purpose

HOUR = 60
"""Minutes that count, beside the one that is not over yet: a call counts for an hour at least."""

_RESERVES: Mapping[Purpose, int] = {Purpose.PEOPLE: 0, Purpose.AUTOMATIONS: 1, Purpose.BACKGROUND: 2}
"""How many reserves each leaves untouched."""


@dataclass(frozen=True, slots=True)
class Budget:
    """``calls`` an hour, None for as many as one likes, and which share of them is kept for people."""

    calls: int | None = None
    reserve: float = 0.0

    @classmethod
    def of(cls, settings: ConnectorSettings, limit: CallLimit | None) -> "Budget":
        """Work out a connector's budget from what its vendor takes and what the administrator set."""
        vendors = settings.vendor_calls_per_hour or (limit.per_hour if limit is not None else None)
        if vendors is None:
            return cls()
        return cls(max(1, math.floor(vendors * settings.budget_share)), settings.people_reserve)

    def for_(self, purpose: Purpose) -> int | None:
        """Return how many calls may have gone in the hour before one more of this purpose waits; None for any."""
        if self.calls is None:
            return None
        return max(1, math.floor(self.calls * (1 - self.reserve * _RESERVES[purpose])))


def used(sent: Mapping[tuple[int, str], int], minute: int) -> int:
    """Count the calls of the last hour."""
    return sum(count for (at, _), count in sent.items() if minute - HOUR <= at)


def minutes_to_wait(sent: Mapping[tuple[int, str], int], minute: int, allowed: int) -> int:
    """Return in how many minutes so many calls have aged that one more is allowed; 0 for now."""
    excess = used(sent, minute) - allowed + 1
    if excess <= 0:
        return 0
    for at in sorted({at for at, _ in sent if minute - HOUR <= at}):
        excess -= sum(count for (when, _), count in sent.items() if when == at)
        if excess <= 0:
            return at + HOUR + 1 - minute
    return HOUR + 1
