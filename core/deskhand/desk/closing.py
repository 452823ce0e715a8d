"""What every plan ends with, so that the PSA tells the same story: a resolution note and a time entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from deskhand.automation.plan import MOST_STEPS, Argument, Plan, PlannedStep, SourceKind
from deskhand.records.accounts import Account
from deskhand.registry import Registry, UnknownActionError
from deskhand.sdk.actions import AnyAction

NOTE, TIME = "add_resolution_note", "add_time_entry"


@dataclass(frozen=True, slots=True)
class Closing:
    """Adds the closing steps a plan still lacks, with the actions the ticket system offers."""

    registry: Registry
    connector: str
    desk_name: str
    hours: float

    def of(self, plan: Plan, who: Account, now: datetime) -> Plan:
        """Return the plan with its closing steps; a plan that only writes to the PSA is left as it is."""
        prefix = f"{self.connector}."
        if all(step.action.startswith(prefix) for step in plan.steps) or len(plan.steps) > MOST_STEPS - 2:
            return plan
        text = self._text(plan, who)
        note = self._step(plan, NOTE, "note", {"text": text})
        started = (now - timedelta(hours=self.hours)).isoformat()
        work: dict[str, JsonValue] = {"hours": self.hours, "notes": text, "started_at": started}
        if who.member_id:
            work["member_id"] = who.member_id
        entry = self._step(plan, TIME, "time", work)
        added = tuple(step for step in (note, entry) if step is not None)
        flow = (*plan.flow, *(step.id for step in added)) if plan.flow else ()
        return Plan.model_validate({**plan.model_dump(), "steps": (*plan.steps, *added), "flow": flow})

    def _text(self, plan: Plan, who: Account) -> str:
        lines = "\n".join(f"- {step.title}" for step in plan.steps)
        return f"Done by {self.desk_name}, asked for by {who.display_name} ({plan.id}):\n{lines}"

    def _step(self, plan: Plan, verb: str, step_id: str, values: Mapping[str, JsonValue]) -> PlannedStep | None:
        action = self._action(verb)
        if action is None or any(step.action == action.name or step.id == step_id for step in plan.steps):
            return None
        arguments = {
            name: Argument(source=SourceKind.CONSTANT, value=value, origin="deskhand's account of this plan")
            for name, value in values.items()
        }
        ticket = Argument(source=SourceKind.TICKET, value=plan.ticket_id, origin="the ticket")
        return PlannedStep(
            id=step_id,
            action=action.name,
            title=action.title,
            tier=action.tier,
            effect=action.effect,
            irreversible=action.irreversible,
            undo_hours=action.undo_hours,
            arguments={"ticket_id": ticket, **arguments},
        )

    def _action(self, verb: str) -> AnyAction | None:
        try:
            return self.registry.action(f"{self.connector}.{verb}")
        except UnknownActionError:
            return None
