"""How the desk is doing, in one document for people, probes and `deskhand doctor`."""

from pydantic import AwareDatetime, BaseModel, ConfigDict


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
