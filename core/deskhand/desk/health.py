"""How the desk is doing, in one document for people, probes and `deskhand doctor`."""

from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from deskhand.governance.traffic.control import Control, Controls
from deskhand.llm.engine import Engine


class Light(BaseModel):
    """One thing that is well or not, and what would mend it."""

    model_config = ConfigDict(frozen=True)

    name: str
    is_well: bool
    text: str
    detail: str = ""
    is_quiet: bool = False
    """Neither good nor bad: a part that is absent and not needed."""


class Health(BaseModel):
    """Everything that matters about a running desk."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    at: AwareDatetime
    phase: str
    lights: tuple[Light, ...]
    work: dict[str, int]

    @property
    def is_well(self) -> bool:
        """Tell whether every light is green."""
        return all(light.is_well for light in self.lights)


def stores_light(trouble: str | None, state: Path) -> Light:
    """Tell whether records can be kept."""
    if trouble:
        return Light(name="stores", is_well=False, text="Records cannot be kept", detail=trouble)
    return Light(name="stores", is_well=True, text="Records kept", detail=str(state))


def engine_light(engine: Engine) -> Light:
    """Tell about the model; a missing one is no fault, since triage stands without."""
    health, identity = engine.health(), engine.identity()
    if health.is_ready:
        return Light(name="engine", is_well=True, text=f"Model: {identity.model}", detail=health.detail)
    return Light(name="engine", is_well=True, is_quiet=True, text="No model", detail=health.detail)


def traffic_lights(controls: Controls) -> tuple[Light, ...]:
    """Tell of each connector how many calls are left, and whether they go at all."""
    return tuple(_light(name, control) for name, control in sorted(controls.all.items()))


def _light(connector: str, control: Control) -> Light:
    name, opened = f"calls {connector}", control.opened()
    if opened:
        which = ", ".join(each or "every call" for each in opened)
        detail = f"too many failed in a row; one tries again now and then ({which}); {control.told}"
        return Light(name=name, is_well=False, text=f"Calls to {connector} have stopped", detail=detail)
    if control.is_spent:
        return Light(name=name, is_well=False, text=f"No calls to {connector} are left", detail=control.told)
    return Light(name=name, is_well=True, text=f"Calls to {connector}", detail=control.told)
