"""When a version of an automation goes to more clients, and when it goes to none any more. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from deskhand.governance.breaker import MaintenanceSettings
from deskhand.records.canaries import Canary, Wave

SIZES = {Wave.ONE: 1, Wave.FIVE: 5}
"""How many clients have it, all in all, in each wave."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What came of a version where it is: runs that ended well since the wave began, and what went wrong since ever."""

    successes: int
    failures: tuple[str, ...] = ()
    """Each in a few words that name the run."""


def room(canary: Canary) -> int:
    """Return how many more clients may have it in the present wave."""
    return max(0, SIZES.get(canary.wave, len(canary.clients)) - len(canary.given))


def lacks(canary: Canary, evidence: Evidence, now: datetime, settings: MaintenanceSettings) -> str:
    """Say what is still missing before it goes further; empty where nothing is."""
    if canary.held_by:
        return f"{canary.held_by} holds it: {canary.reason}"
    missing = []
    if evidence.successes < settings.canary_runs:
        missing.append(f"{evidence.successes} of {settings.canary_runs} runs ended well")
    rest = timedelta(hours=settings.canary_hours) - (now - canary.since)
    if rest > timedelta():
        missing.append(f"{rest / timedelta(hours=1):.1f} of {settings.canary_hours:g} hours are left")
    return ", ".join(missing)


def widened(canary: Canary, now: datetime) -> Canary:
    """Return it one wave on, with the clients whose turn has come."""
    if canary.wave is Wave.FIVE or not canary.waiting:
        return canary.model_copy(update={"wave": Wave.ALL, "given": canary.clients, "since": now})
    wider = canary.model_copy(update={"wave": Wave.FIVE, "since": now})
    return wider.model_copy(update={"given": (*canary.given, *canary.waiting[: room(wider)])})
