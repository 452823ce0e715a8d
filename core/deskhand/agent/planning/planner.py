"""From a technician's sentence to a plan of which every step is understood, permitted and filled from trusted facts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from deskhand.agent.planning.arguments import Earlier, Sayings, Situation, Step
from deskhand.agent.planning.assembling import Piece, assemble
from deskhand.agent.planning.catalogue import Catalogue, CatalogueEntry, Permits
from deskhand.agent.planning.choosing import Adviser
from deskhand.agent.planning.clauses import Joint, clauses
from deskhand.agent.planning.facts import PlanningFacts
from deskhand.agent.planning.hearing import Heard, Listener
from deskhand.agent.planning.legible import LONGEST_SENTENCE, IllegibleError, legible
from deskhand.agent.planning.pasting import is_paste, refuse_orders
from deskhand.agent.planning.people import People, Subject
from deskhand.agent.planning.proving import unproven
from deskhand.agent.planning.refusing import (
    RefusedClauseError,
    ambiguous,
    not_available,
    not_permitted,
    not_understood,
    shortened,
)
from deskhand.agent.planning.selecting import Selector
from deskhand.agent.planning.taking import Taking
from deskhand.agent.planning.words import words_of
from deskhand.automation.plan import MOST_STEPS, Named, Plan, PlannedStep, Proposal, Refusal
from deskhand.knowledge.text import inert
from deskhand.llm.engine import Engine
from deskhand.sdk.actions import capability_of, connector_of
from deskhand.sdk.clock import Clock, utc_now
from deskhand.sdk.errors import ConnectorError
from deskhand.sdk.models import TenantContext, Ticket

RULES = "rules"
CHECKS = {"start_verification": "check_verification", "start_call_back": "check_call_back"}
"""What reads back the code that was sent, or spoken in a call."""
LONGEST_STEP_ID = 32


class Planner:
    """Plans for any ticket with one catalogue. Thread-safe; calls nothing that changes anything."""

    def __init__(
        self,
        catalogue: Catalogue,
        facts: PlanningFacts,
        engine: Engine,
        *,
        msp_name: str,
        clock: Clock = utc_now,
    ) -> None:
        self.catalogue = catalogue
        self.facts = facts
        self.adviser = Adviser(engine)
        self._listener = Listener(catalogue)
        self._msp_name = msp_name
        self._clock = clock

    def plan(
        self,
        context: TenantContext,
        ticket: Ticket,
        sentence: str,
        *,
        requested_by: str,
        plan_id: str,
        permits: Permits,
    ) -> Proposal:
        """Plan what a sentence says: all of it, or nothing and why. ``permits`` speaks for this account and client.

        Of the ticket only its identifiers are used, never its text. Raises ValueError where the context is not the
        ticket's.
        """
        if context.ticket_id != ticket.id:
            raise ValueError(f"the context is of ticket {context.ticket_id}, not of {ticket.id}")
        try:
            text = legible(sentence)
            found = clauses(text, words_of(text))
        except IllegibleError as error:
            return _refused([not_understood(str(error)).of(inert(sentence, 200))])
        situation = Situation(self.facts, context, ticket, self._msp_name, self._clock())
        drafting = Drafting(self, situation, Selector(self.catalogue, self.facts, context, permits, self.adviser))
        drafting.draft(assemble(found, self._listener, drafting.people.name_words()), self._listener)
        return drafting.proposal(text, requested_by=requested_by, plan_id=plan_id)


@dataclass(slots=True)
class Drafting:
    """One sentence on its way to a plan."""

    planner: Planner
    situation: Situation
    selector: Selector
    people: People = field(init=False)
    steps: list[PlannedStep] = field(default_factory=list, init=False)
    refusals: list[Refusal] = field(default_factory=list, init=False)
    unwanted: dict[str, str] = field(default_factory=dict, init=False)
    """What is not to be done, with the clause that says so. It has to be said as clearly as what is."""
    _done: list[tuple[str, str]] = field(default_factory=list, init=False)
    """What was asked for so far, with the person it is about."""
    _started: dict[str, str] = field(default_factory=dict, init=False)
    _is_proof_asked_for: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Nobody has been spoken of yet."""
        self.people = People(self.situation.facts, self.situation.context)

    def draft(self, pieces: Sequence[Piece], listener: Listener) -> None:
        """Take one piece after another; a refusal of one does not keep the others from being looked at."""
        at = 0
        while at < len(pieces):
            length = _conditional_length(pieces, at)
            try:
                length += self._take(pieces, at, length, listener)
            except RefusedClauseError as refusal:
                self.refusals.append(refusal.of(_said(pieces[at : at + max(1, length)])))
            except ConnectorError as error:
                refused = not_available(f"what is needed cannot be looked up now: {error}")
                self.refusals.append(refused.of(pieces[at].heard.clause.text))
            at += max(1, length)

    def _take(self, pieces: Sequence[Piece], at: int, conditional: int, listener: Listener) -> int:
        """Take one piece, and return 2 where it took the next one with it, else 1."""
        heard = pieces[at].heard
        if conditional:
            raise not_understood("conditions are not understood yet: ask for what is to be done now, without “if”")
        if heard.is_blank:
            return 1
        if heard.role("alternative"):
            raise not_understood("it leaves a choice: ask for the one thing that is to be done")
        if is_paste(heard):
            refuse_orders(heard, listener)
            return 1
        if heard.role("negation"):
            self.unwanted[self.selector.unwanted(heard)] = heard.clause.text
            return 1
        if at and pieces[at - 1].heard.role("negation") and heard.clause.joint in {Joint.PAUSE, Joint.AND}:
            raise ambiguous(
                "it follows what is not to be done, and may belong to it: begin a new sentence",
                (f"do: {heard.clause.text[:80]}", f"do not: {heard.clause.text[:80]}"),
            )
        following = pieces[at + 1] if at + 1 < len(pieces) else None
        return self._plan(heard, following.heard if following and following.continues else None)

    def _plan(self, heard: Heard, following: Heard | None) -> int:
        entry, hearing = self.selector.select(heard)
        self._is_proof_asked_for |= hearing.capability in CHECKS
        taking = Taking(heard, hearing, entry, self.people, following)
        sayings = taking.sayings()
        if sayings.subject is not None:
            self.people.mention(sayings.subject)
        if hearing.capability in CHECKS.values() and self._is_checked(sayings.subject):
            return 1
        self._done.append((hearing.capability, sayings.subject.key if sayings.subject else ""))
        self._add(entry, sayings, heard.clause.text)
        if hearing.capability in CHECKS:
            self._add_check(entry, sayings, heard.clause.text)
        return 2 if taking.took_following else 1

    def _is_checked(self, subject: Subject | None) -> bool:
        """Tell whether the code is read back anyway, since “verify the user” was said before."""
        person = subject.contact.id if subject and subject.contact else None
        people = {each.person for step in self.steps if step.proves_identity for each in step.arguments.values()}
        return person is not None and person in people

    def _add_check(self, start: CatalogueEntry, sayings: Sayings, clause: str) -> None:
        """Add the second half of “verify the user”: a code that was sent is also to be read back."""
        check = self.planner.catalogue.companion(start, CHECKS[capability_of(start.name)])
        if check is None:
            raise not_available(f"{connector_of(start.name)} sends codes and cannot check them")
        self.selector.refuse_forbidden([check])
        self._add(check, sayings, clause)

    def _add(self, entry: CatalogueEntry, sayings: Sayings, clause: str) -> None:
        if len(self.steps) >= MOST_STEPS:
            raise not_permitted(f"a plan has {MOST_STEPS} steps at most: ask for the rest afterwards")
        arguments = Step(self.situation, entry, sayings, self._earlier(sayings.subject)).arguments()
        step = PlannedStep(
            id=self._step_id(capability_of(entry.name)),
            action=entry.name,
            title=entry.title,
            tier=entry.tier,
            effect=entry.effect,
            irreversible=entry.irreversible,
            undo_hours=entry.undo_hours,
            needs_proof=entry.needs_proof,
            proves_identity=entry.proves_identity,
            is_call_back=entry.is_call_back,
            resets_proof=entry.resets_proof,
            arguments=arguments,
            clause=shortened(clause),
        )
        self.steps.append(step)
        check = CHECKS.get(capability_of(entry.name))
        if check is not None and sayings.subject is not None:
            self._started[f"{connector_of(entry.name)}.{check} {sayings.subject.key}"] = step.id

    def _earlier(self, subject: Subject | None) -> Earlier:
        key = subject.key if subject else None
        return Earlier(
            started=dict(self._started),
            done=tuple(capability for capability, whose in self._done if whose == key),
            titles=tuple(step.title for step in self.steps),
        )

    def _step_id(self, capability: str) -> str:
        taken = {step.id for step in self.steps}
        plain = capability[:LONGEST_STEP_ID]
        numbered = (f"{capability[: LONGEST_STEP_ID - 3]}_{number}" for number in range(2, MOST_STEPS + 2))
        return next(each for each in (plain, *numbered) if each not in taken)

    def proposal(self, text: str, *, requested_by: str, plan_id: str) -> Proposal:
        """Return the plan if nothing was refused, else every refusal."""
        self._refuse_contradictions()
        if not (self.refusals and self._is_proof_asked_for):
            self._refuse_unproven()
        if not self.refusals and not self.steps:
            self.refusals.append(not_understood("it says nothing that is to be done").of(text))
        if self.refusals:
            return _refused(self.refusals)
        plan = Plan(
            id=plan_id,
            ticket_id=self.situation.ticket.id,
            tenant=Named(id=self.situation.context.tenant.id, name=self.situation.context.tenant.name),
            requested_by=requested_by,
            person=self._person(),
            sentence=text[:LONGEST_SENTENCE],
            steps=tuple(self.steps),
        )
        return Proposal(plan=plan, engine=self.selector.engine or RULES)

    def _refuse_contradictions(self) -> None:
        for step in self.steps:
            negated = self.unwanted.get(step.action.partition(".")[2])
            if negated is not None:
                contradiction = ambiguous("the sentence asks for this and says not to", (step.clause, negated))
                self.refusals.append(contradiction.of(step.clause))

    def _refuse_unproven(self) -> None:
        clauses_of = {step.id: step.clause for step in self.steps}
        self.refusals += [refusal.of(clauses_of[step_id]) for step_id, refusal in unproven(self.steps).items()]

    def _person(self) -> Named | None:
        """Name whom the plan is about: who is verified, else the one person in it, else the requester."""
        subjects = {each.contact.id: each.contact for each in self.people.mentioned.values() if each.contact}
        verified = [
            argument.person for step in self.steps if step.proves_identity for argument in step.arguments.values()
        ]
        requester = self.situation.context.requester
        ids = [each for each in verified if each] or list(subjects if len(subjects) == 1 else ())
        chosen = ids[0] if ids else (requester.id if requester and requester.id in subjects else None)
        return Named(id=chosen, name=subjects[chosen].name) if chosen in subjects else None


def _conditional_length(pieces: Sequence[Piece], at: int) -> int:
    """Count the pieces a condition covers: itself and all up to the full stop; 0 where there is none."""
    if not pieces[at].heard.role("condition"):
        return 0
    end = at + 1
    while end < len(pieces) and pieces[end].heard.clause.joint is not Joint.STOP:
        end += 1
    return end - at


def _said(pieces: Sequence[Piece]) -> str:
    return ", ".join(piece.heard.clause.text for piece in pieces)


def _refused(refusals: Sequence[Refusal]) -> Proposal:
    return Proposal(plan=None, refusals=tuple(refusals))
