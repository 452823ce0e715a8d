"""What the examples deskhand brings along teach about kind, impact and urgency."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from scipy import sparse

from deskhand.knowledge.case import Candidate, Case, Scope, Scores
from deskhand.knowledge.examples import Example, starter
from deskhand.knowledge.features import Features, count
from deskhand.knowledge.heads import Head, train
from deskhand.knowledge.memory import telling_words
from deskhand.knowledge.text import comparable
from deskhand.records.documents import FieldName

TAUGHT = (FieldName.KIND, FieldName.IMPACT, FieldName.URGENCY)


@dataclass(frozen=True, slots=True)
class StarterStage:
    """Judges by a head over the starter examples."""

    heads: Mapping[FieldName, Head]
    name: str = "examples"

    @classmethod
    def of(cls, features: Features, chosen: Sequence[int] | None = None) -> "StarterStage":
        """Learn from all examples, or the chosen ones, in the features of the history they stand beside."""
        places = range(len(starter())) if chosen is None else chosen
        rows = features.weigh(counted()[places])
        heads = {field: train(rows, [taught(starter()[place], field) for place in places]) for field in TAUGHT}
        return cls({field: head for field, head in heads.items() if head is not None})

    def judge(self, case: Case, scope: Scope, candidates: Sequence[Candidate]) -> Scores | None:
        """Return the head's log-odds for each candidate, or None where the examples have none of the ticket's words."""
        head = self.heads.get(scope.field)
        if head is None or not head.knows(case.vector.words()):
            return None
        return head.log_odds(case.vector, [each.value for each in candidates])

    def explain(self, case: Case, scope: Scope, candidate: Candidate) -> tuple[str, ...]:
        """Quote the ticket's words that examples of this value use."""
        words = ", ".join(f"“{word}”" for word in telling_words(case, self.heads[scope.field], candidate.value))
        return (f"examples of “{candidate.label}” use {words}",) if words else ()


@cache
def counted() -> sparse.csr_matrix:
    """Return the n-grams of the starter examples, one row for each."""
    return count([comparable(each.text) for each in starter()])


def taught(example: Example, field: FieldName) -> str:
    """Return what an example says about a field."""
    return {FieldName.KIND: example.kind, FieldName.IMPACT: example.impact, FieldName.URGENCY: example.urgency}[field]
