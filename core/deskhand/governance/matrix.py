"""Impact and urgency make a priority, by a table each client may have its own of."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from deskhand.sdk.models import Level, Priority

_FALLING = (Level.HIGH, Level.MEDIUM, Level.LOW)


class UrgencyRow(BaseModel):
    """The priority rank for each urgency at one impact; rank 1 is the most pressing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    high: int = Field(ge=1, le=20, description="Rank when the urgency is high.")
    medium: int = Field(ge=1, le=20, description="Rank when the urgency is medium.")
    low: int = Field(ge=1, le=20, description="Rank when the urgency is low.")


class PriorityMatrix(BaseModel):
    """Every impact and urgency has a rank, and neither more impact nor more urgency ever makes a ticket wait longer.

    The rank is :attr:`deskhand.sdk.models.Priority.rank`: the place of a priority in the PSA's own list.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    high: UrgencyRow = Field(
        default=UrgencyRow(high=1, medium=2, low=3), description="Ranks where many people or the business are hit."
    )
    medium: UrgencyRow = Field(
        default=UrgencyRow(high=2, medium=3, low=4), description="Ranks where a group or an important person is hit."
    )
    low: UrgencyRow = Field(default=UrgencyRow(high=3, medium=4, low=4), description="Ranks where one person is hit.")

    @model_validator(mode="after")
    def _never_falls_with_more(self) -> Self:
        for more, less in pairwise(_FALLING):
            for same in _FALLING:
                if self.rank(more, same) > self.rank(less, same):
                    raise ValueError(f"impact {more} ranks below impact {less} at urgency {same}: lower {more}.{same}")
                if self.rank(same, more) > self.rank(same, less):
                    raise ValueError(f"urgency {more} ranks below urgency {less} at impact {same}: lower {same}.{more}")
        return self

    def rank(self, impact: Level, urgency: Level) -> int:
        """Look the rank up."""
        row: UrgencyRow = getattr(self, impact.value)
        rank: int = getattr(row, urgency.value)
        return rank

    def priority(self, impact: Level, urgency: Level, offered: Sequence[Priority]) -> Priority | None:
        """Return the offered priority that has the rank, or None where the PSA offers none."""
        rank = self.rank(impact, urgency)
        return next((each for each in offered if each.rank == rank), None)
