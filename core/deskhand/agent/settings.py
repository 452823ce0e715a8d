"""What an operator may say about triage."""

from pydantic import BaseModel, ConfigDict, Field

from deskhand.governance.policy import PLACEHOLDERS


class TriageSettings(BaseModel):
    """How sure triage must be, and how much it looks at. A closed table: a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    target_precision: float = Field(
        default=0.85, gt=0.5, lt=1, description="Of the decisions made, aim for this share to be right; abstain else."
    )
    level_precision: float = Field(
        default=0.6,
        gt=0.3,
        lt=1,
        description="The same for impact and urgency, on which people disagree; priority is computed from both.",
    )
    uncalibrated_confidence: float = Field(
        default=0.6, ge=0, le=1, description="Decide from this confidence where there is too little history to measure."
    )
    history_tickets: int = Field(
        default=20_000, ge=0, le=200_000, description="Learn from at most this many of the newest closed tickets."
    )
    similar_tickets: int = Field(
        default=3, ge=0, le=10, description="Show at most this many similar past tickets of the same client."
    )
    monitoring_sources: tuple[str, ...] = Field(
        default=("monitoring", "rmm", "alert"),
        description="A ticket whose source's name contains one of these words comes from monitoring: an alert.",
    )
    placeholders: tuple[str, ...] = Field(
        default=PLACEHOLDERS, description="Types that mean nobody has chosen yet: never learned from, never suggested."
    )
    model_deadline_seconds: float = Field(
        default=60.0, gt=0, le=600, description="Go on without the model's opinion of a ticket after this many seconds."
    )
    model_trial_tickets: int = Field(
        default=16, ge=0, le=1000, description="Ask the model about this many past tickets to learn its weight."
    )

    @property
    def unset(self) -> frozenset[str]:
        """The placeholders as they are compared."""
        return frozenset(each.strip().casefold() for each in self.placeholders)
