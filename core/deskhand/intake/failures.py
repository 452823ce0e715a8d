"""What follows from a failure: how long to wait, and what to tell a person."""

from collections.abc import Callable

from deskhand.intake.settings import IntakeSettings
from deskhand.mirror.mirror import MirrorUnavailableError
from deskhand.records.database import RecordsUnavailableError
from deskhand.sdk.errors import AuthorizationError, ConnectorError, HeldBackError, RateLimitedError, UnavailableError

DISK_TROUBLE = (MirrorUnavailableError, RecordsUnavailableError)
EXPECTED = (ConnectorError, *DISK_TROUBLE)
"""Failures that end by themselves or by a person's doing; anything else is a defect of ours."""

_TOLD_IN_SECONDS = 90

LONGEST_PATIENCE = 3600.0
"""However long a pause the vendor asks for, it is asked again after an hour."""


def pause_after(error: BaseException, failures: int, settings: IntakeSettings, chance: Callable[[], float]) -> float:
    """Return the seconds to wait after the given number of failures in a row.

    It doubles from ``retry_seconds`` to ``longest_pause_seconds``, less up to a quarter so that desks do not ask in
    step; a refused credential waits the longest at once; a pause the vendor asks for is never cut short.
    What the desk itself holds back waits as long as that says. ``chance`` returns a number in [0, 1).
    """
    if isinstance(error, HeldBackError):
        return min(error.retry_after, LONGEST_PATIENCE)
    longest = settings.longest_pause_seconds
    steps = 0 if isinstance(error, AuthorizationError) else min(failures - 1, 30)
    first = longest if isinstance(error, AuthorizationError) else settings.retry_seconds
    pause = min(longest, first * 2.0**steps) * (1 - chance() / 4)
    if isinstance(error, RateLimitedError):
        return max(pause, min(error.retry_after, LONGEST_PATIENCE))
    return pause


def told(error: BaseException, connector: str, pause: float) -> str:
    """Say what is wrong, where, and what happens next."""
    return f"{_problem(error, connector)}. Next try in {_duration(pause)}; nothing is lost."


def _problem(error: BaseException, connector: str) -> str:
    said = str(error).rstrip(".")
    match error:
        case AuthorizationError():
            return f"{connector}: credentials refused: check [connectors.{connector}] and its secrets ({said})"
        case HeldBackError() | MirrorUnavailableError() | RecordsUnavailableError():
            return said
        case RateLimitedError():
            return f"{connector} asks for a pause ({said})"
        case UnavailableError():
            return f"{connector} cannot be reached or answers with faults ({said})"
        case ConnectorError():
            return f"{connector} refused what intake asked ({said})"
        case _:
            return f"intake failed unexpectedly ({type(error).__name__}: see the log, and please report it)"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > _TOLD_IN_SECONDS else f"{seconds:.0f} s"
