"""The errors a connector raises, named after what the host does next.

::

    ConnectorError
    ├── UnavailableError     nothing was changed: try again later
    │   └── RateLimitedError     the vendor asked for a pause: try again after ``retry_after`` seconds
    │   │   └── HeldBackError        the host itself holds calls back: nothing was sent
    │   └── TooLateError         the process stood still for too long: nothing more is sent
    ├── AuthorizationError   the credential was refused: ask a person to re-authorise
    ├── NotFoundError        the record does not exist, or this credential may not see it
    ├── RejectedError        the vendor refused the request: tell the technician
    ├── UncertainError       the change may or may not have happened: read before any retry
    └── ConfigurationError   the settings cannot work: stop at start-up and name the fix

Messages carry identifiers and the fix, never a secret and never a customer's words.
"""

from enum import StrEnum


class ConnectorError(Exception):
    """Anything that went wrong between the host and a vendor."""


class UnavailableError(ConnectorError):
    """The vendor could not be reached or answered with a fault of its own; nothing was changed."""


class RateLimitedError(UnavailableError):
    """The vendor asked for a pause of ``retry_after`` seconds (RFC 9110, section 10.2.3)."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        """Keep the pause, in seconds, beside the message."""
        super().__init__(message)
        self.retry_after = retry_after


class HeldBy(StrEnum):
    """What holds calls back."""

    SWITCH = "kill switch"
    CIRCUIT = "circuit breaker"
    BUDGET = "budget"


class HeldBackError(RateLimitedError):
    """The host holds this connector's calls back; nothing was sent. Raised by the host alone, never by a plugin."""

    def __init__(self, message: str, *, retry_after: float, by: HeldBy = HeldBy.BUDGET, connector: str = "") -> None:
        """Keep what holds them back, and at which connector, beside the message."""
        super().__init__(message, retry_after=retry_after)
        self.by = by
        self.connector = connector


class TooLateError(UnavailableError):
    """Too much time went by since a change was put on the record. Raised by the host alone, never by a plugin."""


class AuthorizationError(ConnectorError):
    """The credential is missing, expired, or lacks a permission."""


class NotFoundError(ConnectorError):
    """The record does not exist, or this credential may not see it."""


class RejectedError(ConnectorError):
    """The vendor understood the request and refused it; repeating it unchanged is pointless."""


class UncertainError(ConnectorError):
    """The connection broke after a change was sent: it may or may not have happened."""


class ConfigurationError(ConnectorError):
    """The settings cannot work; the message names the key and what would mend it."""
