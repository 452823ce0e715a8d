"""The dry run of a plan: what each step would change, read from the vendors and changing nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from deskhand.automation.plan import Plan, PlannedStep
from deskhand.registry import Registry, UnknownActionError
from deskhand.sdk.actions import AnyAction, Change, connector_of
from deskhand.sdk.errors import ConnectorError
from deskhand.sdk.roles import Connector

LATE = "it needs what an earlier step returns, so it is looked at when its turn comes"


@dataclass(frozen=True, slots=True)
class StepPreview:
    """What one step would change. ``problem`` says why it could not be looked at, or would be refused."""

    step: PlannedStep
    changes: tuple[Change, ...] = ()
    problem: str | None = None
    is_privileged: bool = False
    is_late: bool = False
    """It can only be looked at while the plan runs."""


@dataclass(frozen=True, slots=True)
class Previewer:
    """Asks each step's action to inspect."""

    registry: Registry
    connectors: Mapping[str, Connector]

    def preview(self, plan: Plan) -> tuple[StepPreview, ...]:
        """Look at every step; what one vendor cannot say keeps no other from being asked."""
        return tuple(self._step(plan, step) for step in plan.steps)

    def privileged(self, plan: Plan) -> frozenset[str]:
        """Name the steps whose target holds power over others, as the vendors say now."""
        return privileged_of(self.preview(plan))

    def _step(self, plan: Plan, step: PlannedStep) -> StepPreview:
        if any(argument.is_late for argument in step.arguments.values()):
            return StepPreview(step, is_late=True)
        try:
            action = self.registry.action(step.action)
            return self._inspected(plan, step, action)
        except (ConnectorError, UnknownActionError) as error:
            return StepPreview(step, problem=str(error))
        except ValidationError as error:
            return StepPreview(step, problem=f"the arguments do not fit: {error.error_count()} problems")

    def _inspected(self, plan: Plan, step: PlannedStep, action: AnyAction) -> StepPreview:
        connector = self.connectors.get(connector_of(step.action))
        if connector is None:
            return StepPreview(step, problem=f"{step.action.partition('.')[0]} is not configured")
        values = {name: argument.value for name, argument in step.arguments.items()}
        found = action.inspect(connector, action.arguments.model_validate(values, strict=False))
        if found.tenant_id != plan.tenant.id:
            return StepPreview(step, problem="what it would change does not belong to this ticket's client")
        return StepPreview(step, found.changes, is_privileged=found.is_privileged)


def privileged_of(previews: Iterable[StepPreview]) -> frozenset[str]:
    """Name the steps whose target holds power over others."""
    return frozenset(each.step.id for each in previews if each.is_privileged)
