"""Values of a ticket's fields by the words a technician uses for them."""

from collections.abc import Sequence

from deskhand.agent.planning.legible import folded
from deskhand.agent.planning.lexicon import Owner, lexicon
from deskhand.agent.planning.refusing import ambiguous, fact_missing
from deskhand.knowledge.text import inert
from deskhand.sdk.models import Level, Reference


def level_of(words: str) -> Level | None:
    """Return the level a word names in any language."""
    found = lexicon().matches(folded(words).split())
    levels = {match.owner for match in found if match.owner.kind == "level"}
    return next((level for level in Level if levels == {Owner("level", level.value)}), None)


def picked(words: str, known: Sequence[Reference], name: str) -> Reference:
    """Pick the one value of this name, or the only one that holds all of its words. Raises RefusedClauseError."""
    wanted = _parts(words)
    exact = [each for each in known if _parts(each.name) == wanted]
    fitting = exact or [each for each in known if wanted and set(wanted) <= set(_parts(each.name))]
    if len(fitting) > 1:
        raise ambiguous(f"several fit “{inert(words, 60)}”", tuple(inert(each.name, 60) for each in fitting))
    if not fitting:
        names = tuple(inert(each.name, 60) for each in known)
        raise fact_missing(f"this board has no {name} called “{inert(words, 60)}”", names)
    return fitting[0]


def _parts(text: str) -> list[str]:
    return "".join(each if each.isalnum() else " " for each in folded(text)).split()
