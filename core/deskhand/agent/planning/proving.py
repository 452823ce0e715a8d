"""The one rule of order: whoever is handed access has proven who they are in an earlier step of the same plan."""

from collections.abc import Iterable, Mapping

from deskhand.agent.planning.refusing import RefusedClauseError, not_permitted
from deskhand.automation.plan import PlannedStep

UNPROVEN = "“{title}” hands a person access: say “verify the user” first, for the same person"
NOT_CALLED = "“{title}” renews how a person proves who they are: say “call the user back” first, for the same person"


def unproven(steps: Iterable[PlannedStep]) -> Mapping[str, RefusedClauseError]:
    """Return a refusal for each step that needs a proof which no earlier step provides, by the step's id."""
    proven: set[str] = set()
    called: set[str] = set()
    found: dict[str, RefusedClauseError] = {}
    for step in steps:
        people = {argument.person for argument in step.arguments.values()} - {None}
        if step.resets_proof and not (people and people <= called):
            found[step.id] = not_permitted(NOT_CALLED.format(title=step.title))
        elif step.needs_proof and not (people and people <= proven):
            found[step.id] = not_permitted(UNPROVEN.format(title=step.title))
        shown = {person for person in people if person is not None}
        proven |= shown if step.proves_identity else set()
        called |= shown if step.is_call_back else set()
    return found
