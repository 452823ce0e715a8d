"""What may be planned at all: the actions the configured connectors offer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self, TypeAlias

from deskhand.automation.known import KnownAction
from deskhand.sdk.actions import AnyAction, connector_of

CatalogueEntry: TypeAlias = KnownAction
"""One action: name, title, tier, effect, why it cannot be undone, proof, and its arguments as ``fields``."""

Permits: TypeAlias = Callable[[CatalogueEntry], str | None]
"""Says why this account may not have this action planned for this client; None where it may."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The actions there are, in the order they were given."""

    entries: tuple[CatalogueEntry, ...]

    @classmethod
    def of(cls, actions: Iterable[AnyAction]) -> Self:
        """Describe the actions of the configured connectors."""
        return cls(tuple(map(KnownAction.of, actions)))

    def __iter__(self) -> Iterator[CatalogueEntry]:
        return iter(self.entries)

    def companion(self, entry: CatalogueEntry, capability: str) -> CatalogueEntry | None:
        """Find another action of the same connector."""
        wanted = f"{connector_of(entry.name)}.{capability}"
        return next((each for each in self.entries if each.name == wanted), None)
