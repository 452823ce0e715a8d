"""Everything learned from an MSP's closed tickets, as one object that judges and can name itself by a hash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from deskhand.knowledge.blend import Ballot, Blend
from deskhand.knowledge.case import Candidate, Case, Scope, Stage, Wording
from deskhand.knowledge.cues import Cues
from deskhand.knowledge.descriptions import Descriptions
from deskhand.knowledge.memory import HistoryStage, Memory, NeighbourStage, likeness_in
from deskhand.knowledge.starter import StarterStage
from deskhand.records.documents import FieldName

SUREST_UNMEASURED = 0.8
"""No confidence that was not held against the MSP's own tickets is called higher than this."""
WORTH_ASKING = 0.05
"""A stage whose weight is below this is not asked."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The candidates of a field, likeliest first, and what their order rests on."""

    candidates: tuple[Candidate, ...]
    probabilities: tuple[float, ...]
    """Of each candidate, in the same order, summing to 1."""
    strength: float
    """The first one's probability times that of everything above it, before calibration."""
    confidence: float
    threshold: float
    is_calibrated: bool
    is_familiar: bool
    """Whether past tickets of this scope resemble this one at all."""
    spoke: tuple[str, ...]
    """The names of the stages that had an opinion."""


@dataclass(frozen=True, slots=True)
class History:
    """A trained history. Made by :func:`deskhand.knowledge.training.train`; immutable and thread-safe."""

    memory: Memory
    starter: StarterStage
    cues: Cues
    blends: Mapping[FieldName, Blend]
    """What was learned on this MSP's tickets, for the fields that had enough of them."""
    priors: Mapping[FieldName, Blend]
    """What holds where nothing was learned."""
    tickets: tuple[str, ...] = field(repr=False)
    """The past tickets' identifiers, by row of the memory."""
    companies: tuple[str, ...] = field(repr=False)
    """Their clients' identifiers, by row; empty where a ticket had none."""
    identity: str = ""
    """SHA-256, in hex, of all that was learned."""
    stages: tuple[Stage, ...] = field(init=False, repr=False)
    """The stages that need nothing but this history."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", stages_of(self.memory, self.starter, self.cues))

    def __str__(self) -> str:
        """Name the history in one line, fit for the record."""
        return f"history of {len(self.tickets)} tickets {self.identity[:12]}".strip()

    def case(self, wording: Wording) -> Case:
        """Prepare a ticket for judgement."""
        return self.memory.case(wording)

    def weight(self, stage: str, scope: Scope) -> float:
        """Say how far a stage is believed for a field in a scope."""
        return self._blend(scope).weights.get(stage, 0.0)

    def rank(
        self, case: Case, scope: Scope, candidates: Sequence[Candidate], more: Sequence[Stage] = (), above: float = 1.0
    ) -> Ranking:
        """Order the candidates (one at least) of a field; ``above`` is the strength of what the field hangs on."""
        blend, is_learned = self._blend(scope), self._is_learned(scope)
        ballot = ballot_of((*self.stages, *more), case, scope, candidates, blend)
        probabilities = blend.probabilities(ballot, len(candidates))
        order = np.argsort(-probabilities, kind="stable")
        strength = float(probabilities[order[0]]) * above
        confidence = blend.confidence(strength)
        return Ranking(
            tuple(candidates[place] for place in order),
            tuple(float(probabilities[place]) for place in order),
            strength,
            confidence if is_learned else min(confidence, SUREST_UNMEASURED),
            blend.threshold,
            is_learned,
            self._likeness(case, scope) >= blend.familiar,
            tuple(ballot),
        )

    def explain(self, case: Case, scope: Scope, ranking: Ranking, more: Sequence[Stage] = ()) -> tuple[str, ...]:
        """Say what spoke for the first candidate, the most trusted stage first."""
        spoke = [stage for stage in (*self.stages, *more) if stage.name in ranking.spoke]
        spoke.sort(key=lambda stage: -self.weight(stage.name, scope))
        return tuple(line for stage in spoke for line in stage.explain(case, scope, ranking.candidates[0]))

    def _likeness(self, case: Case, scope: Scope) -> float:
        group = self.memory.groups.get(scope)
        return likeness_in(group, case) if group else 1.0

    def _blend(self, scope: Scope) -> Blend:
        return self.blends[scope.field] if self._is_learned(scope) else self.priors[scope.field]

    def _is_learned(self, scope: Scope) -> bool:
        """Tell whether what was learned about a field holds here: only where this scope has a history itself."""
        return scope.field in self.blends and self.memory.knows(scope)


def stages_of(memory: Memory, starter: StarterStage, cues: Cues) -> tuple[Stage, ...]:
    """List the stages that need no model."""
    return HistoryStage(memory), NeighbourStage(memory), Descriptions(memory.features), starter, cues


def ballot_of(
    stages: Sequence[Stage], case: Case, scope: Scope, candidates: Sequence[Candidate], blend: Blend
) -> Ballot:
    """Ask every stage that is believed at all what it thinks of the candidates."""
    ballot = {}
    for stage in stages:
        if blend.weights.get(stage.name, 0.0) >= WORTH_ASKING:
            scores = stage.judge(case, scope, candidates)
            if scores is not None:
                ballot[stage.name] = scores
    return ballot
