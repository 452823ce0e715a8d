"""What an administrator may say about reading the PSA."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class IntakeSettings(BaseModel):
    """How often and how far back the PSA is read."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    poll_seconds: float = Field(default=60.0, gt=0, le=3600, description="Look for changed tickets this often.")
    overlap_seconds: float = Field(
        default=120.0,
        ge=0,
        le=86_400,
        description="Each poll also re-reads the changes of this long before, for a PSA that shows some of them late.",
    )
    history_days: int | None = Field(
        default=365,
        ge=0,
        description="On the first start, read tickets changed in this many days to learn from; 0 for all there are. "
        "Later changes take effect with `deskhand db rebuild-mirror`.",
    )
    history_notes: int = Field(
        default=5000, ge=0, description="Keep the notes of this many of the latest closed tickets, to learn from."
    )
    triage_backlog: bool = Field(
        default=False,
        description="Also triage tickets that were open before the first start; by default only those created since.",
    )
    reference_minutes: float = Field(
        default=60.0, gt=0, description="Read clients, contacts, devices and boards again this often."
    )
    retry_seconds: float = Field(
        default=5.0, gt=0, description="First pause after a failure; it doubles with each further one."
    )
    longest_pause_seconds: float = Field(
        default=900.0, gt=0, description="Longest pause after failures, unless the PSA itself asks for more."
    )
    readers: int = Field(default=4, ge=1, le=16, description="Read this many tickets' notes at once during history.")
