"""What a set of closed tickets teaches: linear heads, and the tickets themselves as neighbours."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from deskhand.knowledge.case import Candidate, Case, Scope, Scores, Wording
from deskhand.knowledge.examples import is_common
from deskhand.knowledge.features import BUCKETS, Features, vectors
from deskhand.knowledge.heads import Head, train
from deskhand.knowledge.similarity import Postings, highest
from deskhand.knowledge.text import inert
from deskhand.records.documents import FieldName
from deskhand.sdk.models import Reference, Ticket

NEAREST = 15
"""How many past tickets vote."""
CLOSEST = 5
"""How many of them evidence speaks of."""
ENOUGH_HERE = 12
"""Labelled tickets of a scope below which it counts as having no history of its own."""
_FLOOR = 0.02
MOST_QUOTED = 4
CHAIN = (FieldName.TYPE, FieldName.SUBTYPE, FieldName.ITEM)
"""Fields of which each hangs on the one before."""


class Past(Protocol):
    """A closed ticket as the mirror hands it out: the record, what the customer wrote, and what solved it."""

    @property
    def ticket(self) -> Ticket:
        """The record as it was closed."""
        ...

    @property
    def text(self) -> str:
        """The summary and the customer's messages."""
        ...

    @property
    def resolution(self) -> str | None:
        """What solved it, where somebody wrote that down."""
        ...


@dataclass(frozen=True, slots=True)
class Group:
    """The past tickets that have a label in one scope: their row numbers, their labels, and what labels are called."""

    rows: NDArray[np.int32]
    labels: tuple[str, ...]
    names: Mapping[str, str]


def likeness_in(group: Group, case: Case) -> float:
    """Return the cosine of a ticket with the most similar past ticket of a group."""
    return float(case.likeness[group.rows].max())


@dataclass(frozen=True, slots=True)
class Memory:
    """Heads and neighbours of one set of past tickets. Row numbers count from the oldest ticket."""

    features: Features
    heads: Mapping[Scope, Head]
    groups: Mapping[Scope, Group]
    postings: Postings = dataclasses.field(repr=False)

    @classmethod
    def of(cls, counts: sparse.csr_matrix, groups: Mapping[Scope, Group], features: Features) -> "Memory":
        """Learn from counted texts (one row a ticket) and their labels."""
        weighed = features.weigh(counts)
        heads = {scope: train(weighed[group.rows], group.labels) for scope, group in groups.items()}
        return cls(
            features,
            {scope: head for scope, head in heads.items() if head is not None},
            dict(groups),
            Postings.of(weighed[:, :BUCKETS]),
        )

    def knows(self, scope: Scope) -> bool:
        """Tell whether a scope has enough tickets to learn from, with more than one label."""
        head = self.heads.get(scope)
        return head is not None and sum(head.counts) >= ENOUGH_HERE

    def cases(self, wordings: Sequence[Wording], counts: sparse.csr_matrix) -> list[Case]:
        """Prepare many tickets whose texts were counted already."""
        return [
            Case(wording, vector, self.postings.similarities(vector.words()))
            for wording, vector in zip(wordings, vectors(self.features.weigh(counts)), strict=True)
        ]

    def case(self, wording: Wording) -> Case:
        """Prepare a ticket for comparison with what is remembered."""
        vector = self.features.vector(wording.compared)
        return Case(wording, vector, self.postings.similarities(vector.words()))


@dataclass(frozen=True, slots=True)
class HistoryStage:
    """Judges by what technicians chose for tickets of such words."""

    memory: Memory
    name: str = "history"

    def judge(self, case: Case, scope: Scope, candidates: Sequence[Candidate]) -> Scores | None:
        """Return the head's log-odds for each candidate, or None where this scope has too little history."""
        head = self.memory.heads.get(scope)
        return None if head is None else head.log_odds(case.vector, [each.value for each in candidates])

    def explain(self, case: Case, scope: Scope, candidate: Candidate) -> tuple[str, ...]:
        """Quote the ticket's words that spoke most for the candidate."""
        head = self.memory.heads.get(scope)
        if head is None or candidate.value not in head.labels:
            return ()
        number = head.counts[head.labels.index(candidate.value)]
        learned = f"history: learned from {number} “{candidate.label}”"
        words = ", ".join(f"“{word}”" for word in telling_words(case, head, candidate.value))
        return (f"{learned}, by {words}",) if words else (learned,)


def telling_words(case: Case, head: Head, label: str) -> tuple[str, ...]:
    """Return the words of the ticket that speak most for a label, in its order; neighbours make one wording."""
    influences = head.influences(case.vector, label)
    words = case.words
    weighed = {word: influences.get(bucket, 0.0) for word, bucket in words if not is_common(word)}
    most = sorted((word for word, weight in weighed.items() if weight > 0), key=lambda word: -weighed[word])
    telling = set(most[:MOST_QUOTED])
    runs = groupby(words, key=lambda each: each[0] in telling)
    wordings = (" ".join(word for word, _ in run) for is_telling, run in runs if is_telling)
    return tuple(inert(each, 40) for each in islice(dict.fromkeys(wordings), MOST_QUOTED))


@dataclass(frozen=True, slots=True)
class NeighbourStage:
    """Judges by a vote of the most similar past tickets; the closer, the heavier the vote."""

    memory: Memory
    name: str = "neighbours"

    def judge(self, case: Case, scope: Scope, candidates: Sequence[Candidate]) -> Scores | None:
        """Return the logarithm of each candidate's share of the vote, or None where nothing is similar."""
        voters = self._voters(case, scope)
        votes = {each.value: _FLOOR for each in candidates}
        for label, similarity in voters:
            if label in votes:
                votes[label] += similarity**2
        if not any(vote > _FLOOR for vote in votes.values()):
            return None
        shares = np.array([votes[each.value] for each in candidates])
        return np.asarray(np.log(shares / shares.sum()), dtype=np.float64)

    def explain(self, case: Case, scope: Scope, candidate: Candidate) -> tuple[str, ...]:
        """Count the closest past tickets that had the candidate's value."""
        closest = self._voters(case, scope)[:CLOSEST]
        agreeing = sum(label == candidate.value for label, _ in closest)
        return (f"neighbours: {agreeing} of the {len(closest)} closest were “{candidate.label}”",) if agreeing else ()

    def _voters(self, case: Case, scope: Scope) -> list[tuple[str, float]]:
        group = self.memory.groups.get(scope)
        if group is None:
            return []
        similarities = case.likeness[group.rows]
        return [
            (group.labels[place], float(similarities[place]))
            for place in highest(similarities, NEAREST)
            if similarities[place] > 0
        ]


def groups_of(tickets: Sequence[Ticket], unset: frozenset[str] = frozenset()) -> dict[Scope, Group]:
    """Sort tickets into scopes by what people chose; ``unset`` are names, case-folded, that mean nobody chose."""
    found: dict[Scope, list[tuple[int, Reference]]] = {}
    for row, ticket in enumerate(tickets):
        path: tuple[str, ...] = (ticket.board.id,)
        for field, value in chosen(ticket).items():
            if value is None or value.name.strip().casefold() in unset:
                if field in CHAIN:
                    break
                continue
            found.setdefault(Scope(field, path if field in CHAIN else ()), []).append((row, value))
            path = (*path, value.id) if field in CHAIN else path
    return {scope: _group(members) for scope, members in found.items()}


def chosen(ticket: Ticket) -> dict[FieldName, Reference | None]:
    """Return what people chose for a ticket, in the order of triage; None where nobody did."""
    return {
        FieldName.IMPACT: None if ticket.impact is None else Reference(ticket.impact.value, ticket.impact.value),
        FieldName.URGENCY: None if ticket.urgency is None else Reference(ticket.urgency.value, ticket.urgency.value),
        FieldName.TYPE: ticket.type,
        FieldName.SUBTYPE: ticket.subtype,
        FieldName.ITEM: ticket.item,
    }


def _group(members: Sequence[tuple[int, Reference]]) -> Group:
    rows = np.array([row for row, _ in members], dtype=np.int32)
    return Group(rows, tuple(each.id for _, each in members), {each.id: each.name for _, each in members})
