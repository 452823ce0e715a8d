"""Decisions drawn for people to look at, what they say of them, and whether the agent is still what it was."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deskhand.desk.policies import Policies
from deskhand.desk.refusals import DeskRefusedError, require, require_all_clients
from deskhand.governance.drift import Drift, agreement_drift, distribution_drift
from deskhand.governance.sampling import NEW, Draw, draw_for
from deskhand.mirror.mirror import Mirror
from deskhand.records import explanations, reviews, runs
from deskhand.records.accounts import Account, Role
from deskhand.records.database import Records
from deskhand.records.documents import Decision, FieldName, OutcomeKind, TicketKind, Why
from deskhand.records.reviews import Mark, Review, ReviewState, Subject
from deskhand.records.runs import Run, RunState
from deskhand.sdk.clock import Clock
from deskhand.sdk.models import Level, Reference

ACTOR = "desk"
SAMPLED = 5_000
"""The latest decisions that are drawn from: a busy day's."""
LOOKED_AT = 1_000
"""The latest decisions that drift looks at."""
LATELY = 200
"""The latest decisions that are held against those before them."""
MARKS_LATELY = 40
"""The latest marks that are held against those before them."""
COMPUTED = frozenset({FieldName.PRIORITY})
"""Fields that follow from others by a rule: nobody decided them."""
_MARKING = (Role.TECHNICIAN, Role.APPROVER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Reviewing:
    """Draws decisions for review and takes marks. Raises DeskRefusedError, saying why, for misuse."""

    records: Records
    mirror: Mirror
    policies: Policies
    clock: Clock

    def sample(self) -> int:
        """Draw from the latest decisions and runs; return how many are new. Drawing again draws the same."""
        whys = self._whys(SAMPLED)
        with_field = [(why, each) for why in whys for each in _decided(why)]
        engines = Counter(why.triage.engine for why in whys if why.triage is not None)
        drawn = [each for why, decision in with_field if (each := self._drawn(why, decision, engines)) is not None]
        drawn += [each for run in self._ended() if (each := self._drawn_run(run)) is not None]
        known = self._known()
        new = [each for each in drawn if (each.subject, each.id) not in known]
        for review in reversed(new):
            with self.records.transaction(ACTOR) as transaction:
                reviews.draw(transaction, review)
        return len(new)

    def listed(self, state: ReviewState = ReviewState.OPEN, limit: int = 100) -> list[Review]:
        """List reviews: open ones the longest waiting first, marked ones newest first."""
        return reviews.listed(self.records, state, limit=limit)

    def counts(self) -> dict[ReviewState, int]:
        """Count reviews by state."""
        return reviews.counts(self.records)

    def mark(
        self, who: Account, subject: Subject, review_id: str, mark: Mark, right: str | None = None, comment: str = ""
    ) -> Review:
        """Say whether a decision was right; ``right`` is the id or the name of what it should have been."""
        require(who, *_MARKING)
        require_all_clients(who)
        review = reviews.find(self.records, subject, review_id)
        if review is None:
            raise DeskRefusedError(f"{subject.value} {review_id} was not drawn; `deskhand review list` shows what was")
        if right is not None and mark is not Mark.WRONG:
            raise DeskRefusedError("what it should have been goes with the mark `wrong`, and only with it")
        value = self._value(review, right) if right is not None else None
        changes = {
            "mark": mark,
            "right_value": value.id if value else None,
            "right_label": value.name if value else None,
            "comment": comment[:500],
            "marked_by": who.name,
            "marked_at": self.clock(),
        }
        marked = review.model_copy(update=changes)
        with self.records.transaction(who.name) as transaction:
            reviews.mark(transaction, marked)
        return marked

    def choices(self, review: Review) -> tuple[Reference, ...]:
        """List what a decision could have been."""
        if review.field is FieldName.KIND:
            return tuple(Reference(each.value, each.value) for each in TicketKind)
        if review.field in {FieldName.IMPACT, FieldName.URGENCY}:
            return tuple(Reference(each.value, each.value) for each in Level)
        ticket = self.mirror.ticket(review.ticket_id)
        taxonomy = self.mirror.taxonomy(ticket.board.id) if ticket else None
        if taxonomy is None:
            return ()
        subtypes = tuple(Reference(each.id, each.name) for each in taxonomy.subtypes)
        lists = {FieldName.TYPE: taxonomy.types, FieldName.SUBTYPE: subtypes, FieldName.ITEM: taxonomy.items}
        return lists.get(review.field, ()) if review.field else ()

    def drift(self) -> tuple[Drift, ...]:
        """Hold the latest decisions and marks against those before; what there is too little of is left out."""
        return tuple(each for each in (*self._agreement(), *self._distributions()) if each is not None)

    def _agreement(self) -> Iterator[Drift | None]:
        judged = [each for each in reviews.marked(self.records) if each.is_drawn and each.mark is not Mark.UNSURE]
        for field in FieldName:
            marks = [each.mark is Mark.RIGHT for each in judged if each.field is field]
            yield agreement_drift(f"agreement on {field.value}", marks[:-MARKS_LATELY], marks[-MARKS_LATELY:])

    def _distributions(self) -> Iterator[Drift | None]:
        whys = self._whys()
        for field in (FieldName.KIND, FieldName.TYPE):
            found = [_label(why, field) for why in whys]
            yield distribution_drift(f"{field.value} decided", found[LATELY:], found[:LATELY])

    def _whys(self, limit: int = LOOKED_AT) -> list[Why]:
        return explanations.recent(self.records, limit, outcome=OutcomeKind.TRIAGED)

    def _ended(self) -> list[Run]:
        done = runs.recent(self.records, SAMPLED, state=RunState.DONE)
        return [each for each in done if each.automation and not each.is_shadow]

    def _known(self) -> set[tuple[Subject, str]]:
        every = (reviews.listed(self.records, state, limit=10 * SAMPLED) for state in ReviewState)
        return {(each.subject, each.id) for some in every for each in some}

    def _share(self, tenant_id: str) -> float:
        company = self.mirror.company(tenant_id)
        return self.policies.of(Reference(tenant_id, company.name if company else "")).review_share

    def _drawn(self, why: Why, decision: Decision, engines: Counter[str]) -> Review | None:
        engine = why.triage.engine if why.triage is not None else ""
        is_new = engines[engine] < NEW and engines.total() > engines[engine]
        draw = draw_for(self._share(why.tenant_id or ""), confidence=decision.confidence, is_new=is_new)
        review_id = f"{why.ticket_id}:{decision.field.value}"
        if not draw.takes(Subject.TRIAGE, review_id):
            return None
        return _review(
            draw,
            subject=Subject.TRIAGE,
            id=review_id,
            ticket_id=why.ticket_id,
            tenant_id=why.tenant_id or "",
            field=decision.field,
            value=decision.value,
            label=decision.label or decision.value or "",
            confidence=decision.confidence,
            engine=engine,
            decided_at=why.decided_at,
        )

    def _drawn_run(self, run: Run) -> Review | None:
        draw = draw_for(self._share(run.tenant_id), confidence=None, is_new=False)
        if not draw.takes(Subject.RUN, run.id):
            return None
        return _review(
            draw,
            subject=Subject.RUN,
            id=run.id,
            ticket_id=run.ticket_id,
            tenant_id=run.tenant_id,
            automation=run.automation,
            label=f"{run.automation} was carried out",
            decided_at=run.ended_at or run.started_at,
        )

    def _value(self, review: Review, right: str) -> Reference:
        choices = self.choices(review)
        wanted = right.strip().casefold()
        found = [each for each in choices if wanted in {each.id.casefold(), each.name.casefold()}]
        if len({each.id for each in found}) != 1:
            names = ", ".join(each.name for each in choices[:20]) or "nothing the mirror knows of"
            raise DeskRefusedError(f"“{right}” is no {review.field.value if review.field else 'value'} here: {names}")
        return found[0]


def _decided(why: Why) -> Sequence[Decision]:
    decisions = why.triage.decisions if why.triage is not None else ()
    return [each for each in decisions if each.is_made and each.field not in COMPUTED]


def _label(why: Why, field: FieldName) -> str:
    decision = why.triage.decision(field) if why.triage is not None else None
    return (decision.label or decision.value or "undecided") if decision is not None else "undecided"


def _review(draw: Draw, **facts: object) -> Review:
    return Review.model_validate({"rate": draw.rate, "because": draw.because, "is_drawn": True, **facts})
