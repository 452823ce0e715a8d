"""Learning from closed tickets: on the older ones how to judge, on the newer ones how far to trust it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.model_selection import StratifiedKFold, TimeSeriesSplit

from deskhand.knowledge.blend import FEWEST, Blend, Observation, learn
from deskhand.knowledge.case import Candidate, Case, Scope, Stage, Wording
from deskhand.knowledge.cues import Cues
from deskhand.knowledge.examples import Example, starter
from deskhand.knowledge.features import Features, count, vectors
from deskhand.knowledge.history import History, ballot_of, stages_of
from deskhand.knowledge.memory import CHAIN, Group, Memory, Past, chosen, groups_of, likeness_in
from deskhand.knowledge.starter import TAUGHT, StarterStage, counted, taught
from deskhand.knowledge.store import identified
from deskhand.knowledge.text import comparable
from deskhand.records.documents import FieldName, TicketKind
from deskhand.sdk.models import Level, Ticket

HELD_OUT = 0.4
"""Share of the tickets, the newest, that judge what the older ones teach."""
MOST_HELD_OUT = 1000
PORTIONS = 4
"""The held-out tickets come in portions; each is judged by everything older."""
ONE_SIDED = 0.95
"""A level that more than this share of tickets have is the PSA's default, not somebody's choice."""

_PLACE = {"history": 1.0, "neighbours": 0.4, "descriptions": 1.0, "meaning": 0.5, "model": 0.3}
_LEVEL = {"history": 1.0, "neighbours": 0.4, "examples": 0.6, "words": 0.8, "model": 0.3}
PRIORS: Mapping[FieldName, Blend] = {
    FieldName.KIND: Blend(_LEVEL),
    FieldName.TYPE: Blend(_PLACE),
    FieldName.SUBTYPE: Blend(_PLACE),
    FieldName.ITEM: Blend(_PLACE),
    FieldName.IMPACT: Blend(_LEVEL),
    FieldName.URGENCY: Blend(_LEVEL),
}
CLOSED_LISTS: Mapping[FieldName, tuple[Candidate, ...]] = {
    FieldName.KIND: tuple(Candidate(each.value, each.value) for each in TicketKind),
    FieldName.IMPACT: tuple(Candidate(each.value, each.value) for each in Level),
    FieldName.URGENCY: tuple(Candidate(each.value, each.value) for each in Level),
}
"""The fields whose values every PSA shares."""

LEVELS = frozenset({FieldName.IMPACT, FieldName.URGENCY})
"""Fields that make the priority."""
_ALONE = np.zeros(0, dtype=np.float32)
"""The likeness of a case to a history of no tickets."""
_ROUNDS = ((FieldName.IMPACT, FieldName.URGENCY, FieldName.TYPE), (FieldName.SUBTYPE,), (FieldName.ITEM,))
"""Fields that can be asked together; the last of each is one the next round hangs on."""

Asked = tuple[Scope, Sequence[Candidate]]
Consult = Callable[[Case, Sequence[Asked]], Sequence[Stage]]
"""Asks whatever is slow (a model) about a ticket and returns its opinions as stages."""


def nobody(_case: Case, _asked: Sequence[Asked]) -> Sequence[Stage]:
    """Consult nobody."""
    return ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """How training is to be done; see :class:`deskhand.agent.settings.TriageSettings` for what an operator may say."""

    target_precision: float = 0.85
    level_precision: float = 0.6
    """The same for impact and urgency, on which people themselves often disagree."""
    most: int = 20_000
    """The newest tickets only, so that memory stays bounded."""
    unset: frozenset[str] = frozenset()
    """Names, case-folded, of values that mean nobody has chosen."""
    monitoring_sources: tuple[str, ...] = ()
    consult: Consult = nobody

    def target_of(self, field: FieldName) -> float:
        """Return the precision to aim for."""
        return self.level_precision if field in LEVELS else self.target_precision


def train(past: Sequence[Past], lesson: Lesson | None = None) -> History:
    """Learn from closed tickets, oldest first; none at all is fine. Deterministic for the same tickets."""
    lesson = lesson or Lesson()
    kept = past[-lesson.most :]
    tickets = [each.ticket for each in kept]
    wordings = [wording_of(each) for each in kept]
    counts = count([each.compared for each in wordings])
    features = Features.fitted(sparse.vstack([counts, counted()], format="csr"))
    cues = Cues(lesson.monitoring_sources)
    priors = _believing(_learned_from_examples(features, cues, lesson))
    return identified(
        History(
            memory=Memory.of(counts, _telling(groups_of(tickets, lesson.unset)), features),
            starter=StarterStage.of(features),
            cues=cues,
            blends=_learned_from_tickets(_hold_out(tickets, wordings, counts, lesson), priors, lesson),
            priors=priors,
            tickets=tuple(each.id for each in tickets),
            companies=tuple(each.company.id if each.company else "" for each in tickets),
        )
    )


def wording_of(past: Past) -> Wording:
    """Read a closed ticket as a new one is read."""
    return Wording.of(past.ticket, [past.text.removeprefix(past.ticket.summary)])


@dataclass(slots=True)
class _HeldOut:
    """A ticket that judges what older ones teach, and how far down the chain of fields it has come."""

    ticket: Ticket
    case: Case
    memory: Memory
    stages: tuple[Stage, ...]
    path: tuple[str, ...]
    above: float = 1.0
    is_on_course: bool = True
    """Whether every field above was predicted as people chose it."""

    def question(self, field: FieldName) -> Asked | None:
        """Say what would be asked; None where people chose nothing, or the older tickets teach too little."""
        scope = Scope(field, self.path if field in CHAIN else ())
        if chosen(self.ticket)[field] is None or not self.memory.knows(scope):
            return None
        names = self.memory.groups[scope].names
        return scope, tuple(Candidate(each, names[each], below=self._below(scope, each)) for each in sorted(names))

    def observe(self, asked: Asked, blend: Blend, more: Sequence[Stage]) -> Observation:
        """Let the stages judge, and hold beside it what people chose."""
        scope, candidates = asked
        actual, values = chosen(self.ticket)[scope.field], [each.value for each in candidates]
        is_possible = self.is_on_course and actual is not None and actual.id in values
        place = values.index(actual.id) if is_possible and actual is not None else None
        ballot = ballot_of((*self.stages, *more), self.case, scope, candidates, blend)
        return Observation(
            ballot, len(candidates), place, self.above, likeness_in(self.memory.groups[scope], self.case)
        )

    def descend(self, asked: Asked, blend: Blend, observation: Observation) -> None:
        """Take the predicted value as given, as triage does, and go on below it."""
        probabilities = blend.probabilities(observation.ballot, observation.count)
        first = int(np.argmax(probabilities))
        self.path = (*self.path, asked[1][first].value)
        self.above *= float(probabilities[first])
        self.is_on_course = observation.chosen == first

    def _below(self, scope: Scope, value: str) -> tuple[str, ...]:
        group = self.memory.groups.get(Scope(FieldName.SUBTYPE, (*scope.path, value)))
        return tuple(sorted(set(group.names.values()))) if group and scope.field is FieldName.TYPE else ()


def _learned_from_tickets(
    rows: list[_HeldOut], priors: Mapping[FieldName, Blend], lesson: Lesson
) -> dict[FieldName, Blend]:
    blends: dict[FieldName, Blend] = {}
    for fields in _ROUNDS:
        seen = _observed(rows, fields, priors, lesson.consult)
        for field in fields:
            blend = learn([found for _, _, found in seen[field]], priors[field], lesson.target_of(field))
            if blend is not priors[field]:
                blends[field] = blend
        for row, asked, found in seen[fields[-1]]:
            row.descend(asked, blends.get(fields[-1], priors[fields[-1]]), found)
        rows = [row for row, _, _ in seen[fields[-1]]]
    return blends


def _observed(
    rows: Sequence[_HeldOut], fields: Sequence[FieldName], priors: Mapping[FieldName, Blend], consult: Consult
) -> dict[FieldName, list[tuple[_HeldOut, Asked, Observation]]]:
    """Let every row be judged on these fields, asking the slow ones about all of them at once."""
    seen: dict[FieldName, list[tuple[_HeldOut, Asked, Observation]]] = {field: [] for field in fields}
    for row in rows:
        asked = [each for field in fields if (each := row.question(field)) is not None]
        more = consult(row.case, asked) if asked else ()
        for each in asked:
            field = each[0].field
            seen[field].append((row, each, row.observe(each, priors[field], more)))
    return seen


def _hold_out(
    tickets: Sequence[Ticket], wordings: Sequence[Wording], counts: sparse.csr_matrix, lesson: Lesson
) -> list[_HeldOut]:
    """Have the newer tickets judged by all older ones, portion by portion; the newest comes first."""
    size = min(int(len(tickets) * HELD_OUT), MOST_HELD_OUT) // PORTIONS
    if size * PORTIONS < FEWEST:
        return []
    held: list[_HeldOut] = []
    for older, newer in TimeSeriesSplit(n_splits=PORTIONS, test_size=size).split(wordings):
        groups = _telling(groups_of([tickets[row] for row in older], lesson.unset))
        memory = Memory.of(counts[older], groups, Features.fitted(counts[older]))
        stages = stages_of(memory, StarterStage.of(memory.features), Cues(lesson.monitoring_sources))
        cases = memory.cases([wordings[row] for row in newer], counts[newer])
        held += [
            _HeldOut(tickets[row], case, memory, stages, (tickets[row].board.id,))
            for row, case in zip(newer, cases, strict=True)
        ]
    return held[::-1]


def _telling(groups: Mapping[Scope, Group]) -> dict[Scope, Group]:
    """Leave out levels that nearly always have the same value: nobody chooses them."""
    return {
        scope: group
        for scope, group in groups.items()
        if scope.path or max(Counter(group.labels).values()) <= ONE_SIDED * len(group.labels)
    }


def _learned_from_examples(features: Features, cues: Cues, lesson: Lesson) -> dict[FieldName, Blend]:
    """Weigh examples against cue words by cross-validation over the starter examples."""
    cases = [
        Case(_wording(example), vector, _ALONE)
        for example, vector in zip(starter(), vectors(features.weigh(counted())), strict=True)
    ]
    seen: dict[FieldName, list[Observation]] = {field: [] for field in TAUGHT}
    kinds = [each.kind for each in starter()]
    for learning, judging in StratifiedKFold(n_splits=5, shuffle=True, random_state=0).split(kinds, kinds):
        stages = (StarterStage.of(features, learning), cues)
        for row in np.random.default_rng(0).permutation(judging):  # a trial sees the first few: they must be mixed
            more = lesson.consult(cases[row], [(Scope(field), CLOSED_LISTS[field]) for field in TAUGHT])
            for field in TAUGHT:
                seen[field].append(_observe_example(starter()[row], cases[row], field, (*stages, *more)))
    return {field: learn(seen[field], PRIORS[field], lesson.target_of(field)) for field in TAUGHT}


def _observe_example(example: Example, case: Case, field: FieldName, stages: Sequence[Stage]) -> Observation:
    candidates = CLOSED_LISTS[field]
    ballot = ballot_of(stages, case, Scope(field), candidates, PRIORS[field])
    place = [each.value for each in candidates].index(taught(example, field))
    return Observation(ballot, len(candidates), place)


def _believing(learned: Mapping[FieldName, Blend]) -> dict[FieldName, Blend]:
    """Add the priors of type, subtype and item; a model that helped with no example is not believed there either."""
    if any(blend.weights["model"] for blend in learned.values()):
        return {**PRIORS, **learned}
    doubtful = {field: Blend({**PRIORS[field].weights, "model": 0.0}) for field in CHAIN}
    return {**doubtful, **learned}


def _wording(example: Example) -> Wording:
    return Wording("", example.text, compared=comparable(example.text))
