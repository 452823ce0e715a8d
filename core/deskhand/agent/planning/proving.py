"""The one rule of order: whoever is handed access has proven who they are in an earlier step of the same plan."""

from collections.abc import Iterable, Mapping

from deskhand.agent.planning.refusing import RefusedClauseError, not_permitted
from deskhand.automation.plan import PlannedStep

UNPROVEN = "“{title}” hands a person access: say “verify the user” first, for the same person"


def unproven(steps: Iterable[PlannedStep]) -> Mapping[str, RefusedClauseError]:
    """Return a refusal for each step that needs a proof which no earlier step provides, by the step's id."""
    proven: set[str] = set()
    found: dict[str, RefusedClauseError] = {}
    for step in steps:
        people = {argument.person for argument in step.arguments.values()} - {None}
        if step.needs_proof and not (people and people <= proven):
            found[step.id] = not_permitted(UNPROVEN.format(title=step.title))
        if step.proves_identity:
            proven |= {person for person in people if person is not None}
    return found
