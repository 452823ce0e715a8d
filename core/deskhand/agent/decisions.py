"""Where decisions are made, and the only place: a value that is not on the live list cannot come out of here."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deskhand.governance.matrix import PriorityMatrix
from deskhand.knowledge.case import Candidate
from deskhand.knowledge.history import Ranking
from deskhand.knowledge.text import inert
from deskhand.records.documents import Choice, Decision, FieldName
from deskhand.sdk.models import Level, Priority, Taxonomy

MOST_CHOICES = 3
MOST_EVIDENCE = 4
LONGEST_EVIDENCE = 160
CLOSE = 0.6
"""The second choice is called close when it has at least this share of the first one's probability."""
_PLURALS = {FieldName.TYPE: "types", FieldName.SUBTYPE: "subtypes", FieldName.ITEM: "items", FieldName.KIND: "kinds"}

Accepts = Callable[[str], bool]
"""Tells whether a value may be written now."""


@dataclass(frozen=True, slots=True)
class Slate:
    """What one board accepts at this moment, as candidates; placeholders are not among them."""

    taxonomy: Taxonomy
    unset: frozenset[str]

    def types(self) -> tuple[Candidate, ...]:
        """List the board's types."""
        held = {each.id: self._names_below(each.id) for each in self.taxonomy.types}
        return tuple(
            Candidate(each.id, each.name, below=held[each.id])
            for each in self.taxonomy.types
            if self._is_a_choice(each.name)
        )

    def subtypes(self, above: Candidate) -> tuple[Candidate, ...]:
        """List the subtypes a type may have."""
        return tuple(
            Candidate(each.id, each.name, (above.label,))
            for each in self.taxonomy.subtypes
            if above.value in each.type_ids and self._is_a_choice(each.name)
        )

    def items(self, above: Sequence[Candidate], used: Sequence[str]) -> tuple[Candidate, ...]:
        """List the items that were ever used with a type and subtype, as long as the board still has them."""
        path = tuple(each.label for each in above)
        return tuple(
            Candidate(each.id, each.name, path)
            for each in self.taxonomy.items
            if each.id in used and self._is_a_choice(each.name)
        )

    def accepts(self, path: Sequence[str]) -> bool:
        """Tell whether a type, a type and subtype, or all three may be written together."""
        return self.taxonomy.accepts(*path)

    def _names_below(self, type_id: str) -> tuple[str, ...]:
        return tuple(each.name for each in self.taxonomy.subtypes if type_id in each.type_ids)

    def _is_a_choice(self, name: str) -> bool:
        return name.strip().casefold() not in self.unset


def decide(
    field: FieldName, ranking: Ranking, evidence: Sequence[str], *, accepts: Accepts, least_uncalibrated: float
) -> Decision:
    """Choose the first candidate if it is sure enough and may be written now; else abstain and say why."""
    first = ranking.candidates[0]
    needed = ranking.threshold if ranking.is_calibrated else least_uncalibrated
    doubt = _doubt(field, ranking, needed)
    if doubt is None and not accepts(first.value):
        doubt = f"“{inert(first.label, 60)}” is not on the board's list any more"
    choices = tuple(
        Choice(value=each.value, label=each.label, probability=_rounded(probability))
        for each, probability in zip(ranking.candidates, ranking.probabilities, strict=True)
        if accepts(each.value)
    )
    return Decision(
        field=field,
        value=first.value if doubt is None else None,
        label=first.label if doubt is None else None,
        confidence=_rounded(ranking.confidence),
        is_calibrated=ranking.is_calibrated,
        evidence=tuple(inert(each, LONGEST_EVIDENCE) for each in evidence[:MOST_EVIDENCE]),
        abstained_because=doubt,
        ranking=choices[:MOST_CHOICES],
    )


def abstain(field: FieldName, reason: str) -> Decision:
    """Leave a field open for a reason."""
    return Decision(field=field, value=None, label=None, confidence=0.0, abstained_because=reason)


def left_open(decision: Decision, reason: str) -> Decision:
    """Take a decision back because of what it hangs on; its ranking stays, for a person to pick from."""
    return decision.model_copy(update={"value": None, "label": None, "abstained_because": reason})


def prioritise(impact: Decision, urgency: Decision, matrix: PriorityMatrix, offered: Sequence[Priority]) -> Decision:
    """Compute the priority from impact and urgency; it is as sure as both together."""
    if impact.value is None or urgency.value is None:
        missing = " and ".join(each.field.value for each in (impact, urgency) if each.value is None)
        return abstain(FieldName.PRIORITY, f"it is computed from impact and urgency; left open: {missing}")
    chosen = matrix.priority(Level(impact.value), Level(urgency.value), offered)
    if chosen is None:
        rank = matrix.rank(Level(impact.value), Level(urgency.value))
        return abstain(FieldName.PRIORITY, f"the matrix asks for rank {rank}, and the PSA offers no such priority")
    confidence = _rounded(impact.confidence * urgency.confidence)
    return Decision(
        field=FieldName.PRIORITY,
        value=chosen.id,
        label=chosen.name,
        confidence=confidence,
        is_calibrated=impact.is_calibrated and urgency.is_calibrated,
        evidence=(f"matrix: impact {impact.value}, urgency {urgency.value} make rank {chosen.rank}",),
        ranking=(Choice(value=chosen.id, label=chosen.name, probability=confidence),),
    )


def _doubt(field: FieldName, ranking: Ranking, needed: float) -> str | None:
    if ranking.confidence >= needed:
        is_strange = field is FieldName.TYPE and not ranking.is_familiar
        return "it is unlike any past ticket of this board" if is_strange else None
    first, probability = inert(ranking.candidates[0].label, 60), ranking.probabilities[0]
    if not ranking.spoke:
        return "nothing in the ticket speaks for any of the values"
    if len(ranking.candidates) > 1 and ranking.probabilities[1] >= CLOSE * probability:
        second = inert(ranking.candidates[1].label, 60)
        plural = _PLURALS.get(field, "values")
        doubt = f"two {plural} are close: “{first}” {probability:.2f}, “{second}” {ranking.probabilities[1]:.2f}"
    else:
        doubt = f"not sure enough: “{first}” has {_floored(ranking.confidence)}, and {min(needed, 1.0):.2f} is needed"
    return doubt if ranking.is_calibrated or field not in _PLURALS else f"{doubt}; no history here to tell"


def _floored(share: float) -> str:
    """Write a share that falls short so that it never looks as if it did not."""
    return f"{math.floor(share * 100) / 100:.2f}"


def _rounded(share: float) -> float:
    return round(min(max(share, 0.0), 1.0), 4)
