"""The step boundary: whatever a step raises becomes an envelope that says what the host does next."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

import structlog

from deskhand.sdk.errors import (
    AuthorizationError,
    ConfigurationError,
    ConnectorError,
    HeldBackError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from deskhand.workflow.calls import RefusedError, RingName

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Recovery(StrEnum):
    """What to do about a failed attempt."""

    RETRY_LATER = "retry later"
    REAUTHORISE = "re-authorise"
    RECONFIGURE = "mend the configuration"
    READ_FIRST = "read first"
    TELL_TECHNICIAN = "tell the technician"
    REPORT_BUG = "report a bug"


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The step came to its end."""

    value: T


@dataclass(frozen=True, slots=True)
class Failed:
    """The step raised; ``reason`` is fit for the record and ``retry_after`` is in seconds."""

    recovery: Recovery
    reason: str
    retry_after: float | None = None
    held_at: str = ""
    """The connector whose calls the desk itself holds back; empty where it does not."""


Outcome: TypeAlias = Done[T] | Failed

_RECOVERIES: tuple[tuple[type[ConnectorError], Recovery], ...] = (
    (UnavailableError, Recovery.RETRY_LATER),
    (AuthorizationError, Recovery.REAUTHORISE),
    (ConfigurationError, Recovery.RECONFIGURE),
    (UncertainError, Recovery.READ_FIRST),
    (RejectedError, Recovery.TELL_TECHNICIAN),
    (NotFoundError, Recovery.TELL_TECHNICIAN),
)


def _recovery(error: ConnectorError) -> Recovery:
    if isinstance(error, RefusedError) and error.ring is RingName.KILL_SWITCH:
        return Recovery.RETRY_LATER  # whoever threw the switch will release it
    return next((each for kind, each in _RECOVERIES if isinstance(error, kind)), Recovery.REPORT_BUG)


def attempt(step: Callable[[], T], *, passing: tuple[type[Exception], ...] = ()) -> Outcome[T]:
    """Run a step once. Errors of the kinds in ``passing`` are not the step's and go through."""
    try:
        return Done(step())
    except passing:
        raise
    except ConnectorError as error:
        recovery = _recovery(error)
        pause = error.retry_after if isinstance(error, RateLimitedError) else None
        return Failed(recovery, str(error), pause, error.connector if isinstance(error, HeldBackError) else "")
    except Exception as error:  # the step boundary: a step may raise anything and the desk must outlive it
        log.exception("step failed", error=type(error).__name__)
        return Failed(Recovery.REPORT_BUG, f"{type(error).__name__}: see the log")
