"""What bounds the desk as a whole: how often it may begin something, and when calls to a vendor stop by themselves."""

from pydantic import Field

from deskhand.governance.caps import Caps


class LimitSettings(Caps):
    """Runs an hour, and circuit breakers of connectors."""

    breaker_failures: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Stop calling a vendor after this many calls in a row that it did not answer, or whose credential "
        "it refused; after a pause one call tries again.",
    )
    breaker_pause_seconds: float = Field(
        default=15.0, gt=0, le=3600, description="First pause of a stopped connection; it doubles with each vain try."
    )
    breaker_longest_seconds: float = Field(
        default=300.0, gt=0, le=86400, description="Longest pause before a stopped connection is tried again."
    )
