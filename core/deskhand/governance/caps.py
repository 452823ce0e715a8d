"""How many runs may begin in an hour, where an MSP wants fewer than the guard rails allow."""

from pydantic import BaseModel, ConfigDict, Field

from deskhand.governance.request import Rates, Request
from deskhand.records.places import Begun

AT_CLIENT, OF_AUTOMATION, EVERYWHERE, BY_AUTOMATIONS = 60, 20, 1_000, 400
"""What the guard rails say (`policy.cedar`); nothing here goes beyond."""


class Caps(BaseModel):
    """Runs an hour. A step of a run is refused where so many others have begun before it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    runs_at_client: int = Field(default=AT_CLIENT, ge=1, le=AT_CLIENT, description="Runs an hour at one client.")
    automation_runs_at_client: int = Field(
        default=OF_AUTOMATION,
        ge=1,
        le=OF_AUTOMATION,
        description="Runs an hour that one automation begins at one client.",
    )
    runs_everywhere: int = Field(
        default=EVERYWHERE, ge=1, le=EVERYWHERE, description="Runs an hour at all clients together."
    )
    automation_runs_everywhere: int = Field(
        default=BY_AUTOMATIONS,
        ge=1,
        le=BY_AUTOMATIONS,
        description="Runs an hour that all automations together begin at all clients.",
    )

    def allow(self, request: Request) -> bool:
        """Tell whether one more may begin."""
        return self.met(request.rates, is_by_automation=request.is_by_automation) is None

    def met(self, rates: Rates | Begun, *, is_by_automation: bool) -> str | None:
        """Name the cap that keeps one more from beginning, or None."""
        if rates.at_tenant >= self.runs_at_client:
            return f"this client has had {self.runs_at_client} runs in an hour"
        if rates.everywhere >= self.runs_everywhere:
            return f"all clients together have had {self.runs_everywhere} runs in an hour"
        if is_by_automation and rates.of_automation >= self.automation_runs_at_client:
            return f"it has begun {self.automation_runs_at_client} runs at this client in an hour"
        if is_by_automation and rates.by_automations >= self.automation_runs_everywhere:
            return f"automations have begun {self.automation_runs_everywhere} runs in an hour"
        return None
