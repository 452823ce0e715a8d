"""What a ticket is: every field decided with its confidence and evidence, or left open with the reason."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from deskhand.agent.consulting import Consultant
from deskhand.agent.decisions import Accepts, Slate, abstain, decide, left_open, prioritise
from deskhand.agent.entities import entities
from deskhand.agent.hostility import warnings_about
from deskhand.agent.settings import TriageSettings
from deskhand.governance.matrix import PriorityMatrix
from deskhand.knowledge.case import Candidate, Case, Scope, Stage, Wording
from deskhand.knowledge.history import WORTH_ASKING, History, Ranking
from deskhand.knowledge.language import language_of
from deskhand.knowledge.memory import CHAIN
from deskhand.knowledge.message import one_line
from deskhand.knowledge.neighbours import Neighbours
from deskhand.knowledge.text import inert
from deskhand.knowledge.training import CLOSED_LISTS
from deskhand.llm.engine import Engine
from deskhand.mirror.mirror import Mirror, problem_text
from deskhand.records.documents import Decision, FieldName, Triage
from deskhand.sdk.models import Note, Priority, Taxonomy, TenantContext, Ticket


class Triager:
    """Triages tickets with one history and one engine. Thread-safe; make a new one when either changes.

    The same ticket, history, mirror and engine give the same triage, but for ``seconds``.
    """

    def __init__(self, history: History, mirror: Mirror, engine: Engine, settings: TriageSettings) -> None:
        self._history = history
        self._mirror = mirror
        self._engine = engine
        self._settings = settings
        self._neighbours = Neighbours.of(mirror, history)
        self._consultant = Consultant(engine, settings.model_deadline_seconds)

    def triage(
        self,
        context: TenantContext,
        ticket: Ticket,
        notes: Sequence[Note],
        taxonomy: Taxonomy,
        priorities: Sequence[Priority],
        matrix: PriorityMatrix,
    ) -> Triage:
        """Decide what can be decided. Whatever the text says, only values the taxonomy lists come out."""
        started = time.perf_counter()
        text = problem_text(ticket.summary, notes)
        wording = Wording.of(ticket, [text.removeprefix(ticket.summary)])
        case = self._history.case(wording)
        judgement = _Judgement(self._history, self._consultant, self._settings, case)
        decisions = judgement.decisions(Slate(taxonomy, self._settings.unset), matrix, priorities)
        similar = self._neighbours.similar(
            case, ticket, context.tenant.id, self._settings.similar_tickets, self._consultant.meanings()
        )
        return Triage(
            ticket_id=ticket.id,
            ticket_version=ticket.version,
            tenant_id=context.tenant.id,
            language=language_of(f"{wording.summary}\n{wording.body}"),
            summary=one_line(wording.summary, wording.body),
            decisions=decisions,
            entities=entities(context, f"{wording.summary}\n{wording.body}", self._mirror),
            similar=similar,
            warnings=(*warnings_about(text), *judgement.complaints),
            engine=f"{self._engine.identity()}; {self._history}",
            seconds=round(time.perf_counter() - started, 6),
        )


@dataclass(slots=True)
class _Judgement:
    """One ticket on its way through the fields."""

    history: History
    consultant: Consultant
    settings: TriageSettings
    case: Case
    complaints: list[str] = field(default_factory=list)

    def decisions(self, slate: Slate, matrix: PriorityMatrix, priorities: Sequence[Priority]) -> tuple[Decision, ...]:
        """Decide every field, in the order of FieldName."""
        board = Scope(FieldName.TYPE, (slate.taxonomy.board.id,))
        types = slate.types()
        stages = self._stages([*((Scope(each), among) for each, among in CLOSED_LISTS.items()), (board, types)])
        kind, impact, urgency = (self._decide(Scope(each), among, stages)[0] for each, among in CLOSED_LISTS.items())
        priority = prioritise(impact, urgency, matrix, priorities)
        return kind, *self._chain(board, types, slate, stages), impact, urgency, priority

    def _chain(
        self, scope: Scope, types: tuple[Candidate, ...], slate: Slate, stages: tuple[Stage, ...]
    ) -> tuple[Decision, ...]:
        """Decide type, subtype and item. Below what was left open nothing is decided, but its likeliest is ranked."""
        decided: list[Decision] = []
        path: tuple[Candidate, ...] = ()
        candidates, above, open_above = types, 1.0, ""
        for each in CHAIN:
            if not candidates:
                decided.append(abstain(each, open_above or _nothing_to_choose(each, path)))
                break
            here = Scope(each, (scope.path[0], *(value.value for value in path)))
            more = stages if each is FieldName.TYPE or open_above else self._stages([(here, candidates)])
            decision, ranking = self._decide(here, candidates, more, above=above, accepts=_accepting(slate, path))
            decided.append(left_open(decision, open_above) if open_above else decision)
            open_above = open_above or ("" if decision.is_made else f"no {each.value} was decided")
            path, above = (*path, ranking.candidates[0]), ranking.strength
            candidates = self._below(path, slate)
        last = open_above or f"no {decided[-1].field.value} was decided"
        return (*decided, *(abstain(each, last) for each in CHAIN[len(decided) :]))

    def _below(self, path: tuple[Candidate, ...], slate: Slate) -> tuple[Candidate, ...]:
        if len(path) == 1:
            return slate.subtypes(path[0])
        used = self.history.memory.groups.get(
            Scope(FieldName.ITEM, (slate.taxonomy.board.id, *(each.value for each in path)))
        )
        return slate.items(path, tuple(used.names) if used else ())

    def _decide(
        self,
        scope: Scope,
        candidates: Sequence[Candidate],
        stages: tuple[Stage, ...],
        *,
        above: float = 1.0,
        accepts: Accepts = lambda _value: True,
    ) -> tuple[Decision, Ranking]:
        ranking = self.history.rank(self.case, scope, candidates, stages, above)
        evidence = self.history.explain(self.case, scope, ranking, stages)
        if len(candidates) == 1:
            evidence = ("it is the only value there is to choose", *evidence)
        least = self.settings.uncalibrated_confidence
        return decide(scope.field, ranking, evidence, accepts=accepts, least_uncalibrated=least), ranking

    def _stages(self, asked: Sequence[tuple[Scope, Sequence[Candidate]]]) -> tuple[Stage, ...]:
        """Consult the engine about these fields, as far as its opinion is worth anything."""
        meanings = self.consultant.meanings()
        worth = [each for each in asked if self.history.weight("model", each[0]) >= WORTH_ASKING]
        opinion = self.consultant.opinion(self.case, worth, self.complaints)
        return tuple(stage for stage in (meanings, opinion) if stage is not None)


def _accepting(slate: Slate, path: Sequence[Candidate]) -> Accepts:
    return lambda value: slate.accepts([*(each.value for each in path), value])


def _nothing_to_choose(field: FieldName, path: Sequence[Candidate]) -> str:
    if field is FieldName.TYPE:
        return "the board lists no types"
    above = inert(path[-1].label, 60)
    return {
        FieldName.SUBTYPE: f"type “{above}” has no subtypes on this board",
        FieldName.ITEM: f"no item was ever used with subtype “{above}” here",
    }[field]
