"""Plain words that tell kind, impact and urgency: a technician can read every one of them in cues.toml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deskhand.knowledge.case import Candidate, Case, Scope, Scores
from deskhand.knowledge.examples import cues
from deskhand.knowledge.text import inert
from deskhand.records.documents import FieldName, TicketKind

STRONGEST = 4.0
"""However many cues speak for a value, their log-odds count no more than this."""
_READ = 2000


@dataclass(frozen=True, slots=True)
class Cues:
    """Judges kind, impact and urgency by plain words, and tells alerts by where they came from."""

    monitoring_sources: tuple[str, ...] = ()
    """Names of ticket sources, or parts of them, that stand for monitoring systems."""
    name: str = "words"

    def judge(self, case: Case, scope: Scope, candidates: Sequence[Candidate]) -> Scores | None:
        """Return the summed strength of the cues for each candidate, or None where none is found."""
        found = self._found(case, scope.field)
        if not found:
            return None
        return np.array([min(_strength(found.get(each.value, {})), STRONGEST) for each in candidates])

    def explain(self, case: Case, scope: Scope, candidate: Candidate) -> tuple[str, ...]:
        """Quote the words that spoke for the candidate."""
        quotes = [f"“{quote}”" for quote in self._found(case, scope.field).get(candidate.value, {})]
        return (f"words: {', '.join(quotes[:3])}",) if quotes else ()

    def _found(self, case: Case, field: FieldName) -> Mapping[str, Mapping[str, float]]:
        """Find the wordings of cues in a ticket, and their strengths, by value."""
        wording = case.wording
        text = f"{wording.summary}\n{wording.body}"[:_READ]
        found: dict[str, dict[str, float]] = {}
        for cue in cues():
            match = cue.pattern.search(text) if cue.field is field else None
            if match:
                found.setdefault(cue.value, {})[inert(match.group(), 40)] = cue.strength
        source = wording.source.casefold()
        if field is FieldName.KIND and any(each.casefold() in source for each in self.monitoring_sources):
            found.setdefault(TicketKind.ALERT, {})[f"source {inert(wording.source, 40)}"] = STRONGEST
        return found


def _strength(quotes: Mapping[str, float]) -> float:
    return sum(quotes.values())
