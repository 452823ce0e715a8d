"""A draft: an automation written from one ticket and the tickets like it, with all a reviewer should know of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from deskhand.agent.drafting.lifting import Lifting, TicketFacts
from deskhand.agent.drafting.steps import steps_of_notes, steps_of_run
from deskhand.agent.drafting.wording import description_of, name_of, title_of
from deskhand.automation.document import Automation, Check, FactSource, Precondition, Step
from deskhand.automation.known import KnownActions
from deskhand.automation.linter import Finding, lint
from deskhand.automation.plan import Plan
from deskhand.automation.rules import ApprovalRule
from deskhand.automation.yaml_form import dump
from deskhand.knowledge.corpus import Corpus
from deskhand.knowledge.deeds import telling
from deskhand.knowledge.matching import Reading
from deskhand.knowledge.rules import Example, LearnedRule, learn_rule
from deskhand.knowledge.text import inert
from deskhand.records.runs import Run
from deskhand.sdk.actions import Tier, capability_of

_MINUTES = 240
_MINUTES_FOR_HARD_GATES = 60
_UNCERTAIN = 0.8
"""Precision below which a reviewer is told to look at the rule."""

_CHECKS = {
    FactSource.REQUESTER_CONTACT: (Check.REQUESTER_IS_KNOWN,),
    FactSource.REQUESTER_NAME: (Check.REQUESTER_IS_KNOWN,),
    FactSource.REQUESTER_EMAIL: (Check.REQUESTER_IS_KNOWN,),
    FactSource.REQUESTER_MOBILE: (Check.REQUESTER_IS_KNOWN, Check.REQUESTER_IS_ACTIVE, Check.REQUESTER_HAS_MOBILE),
    FactSource.REQUESTER_DIRECTORY_USER: (
        Check.REQUESTER_IS_KNOWN,
        Check.REQUESTER_IS_ACTIVE,
        Check.REQUESTER_HAS_DIRECTORY_USER,
        Check.REQUESTER_IS_NOT_PRIVILEGED,
    ),
}


@dataclass(frozen=True, slots=True)
class Source:
    """The ticket a draft is made from: its text as its rule sees it, and what was known of it."""

    ticket_id: str
    reading: Reading
    facts: TicketFacts


@dataclass(frozen=True, slots=True)
class Draft:
    """A document nobody has approved, its text, and what a reviewer should look at.

    ``origin`` is the run or the ticket it was made from, as ``run r-…`` or ``ticket …``.
    """

    document: Automation
    yaml: str
    origin: str
    remarks: tuple[str, ...]
    findings: tuple[Finding, ...]
    learned: LearnedRule

    @property
    def name(self) -> str:
        """The name it would be saved under."""
        return self.document.name


def draft_from_run(
    plan: Plan, run: Run, source: Source, corpus: Corpus, actions: KnownActions, taken: Sequence[str] = ()
) -> Draft:
    """Draft from a run that did something. ``taken`` are names in use. Raises NothingToDraftError."""
    lifting = Lifting(source.facts)
    steps = steps_of_run(plan, run, actions, lifting)
    return _draft(steps, f"run {run.id}", source, lifting, corpus, actions, taken)


def draft_from_notes(
    notes: str, source: Source, corpus: Corpus, actions: KnownActions, taken: Sequence[str] = ()
) -> Draft:
    """Draft from what technicians wrote about a ticket they solved by hand. Raises NothingToDraftError."""
    lifting = Lifting(source.facts)
    steps = steps_of_notes(notes, actions, lifting)
    lifting.remarks.insert(0, "It was made from notes, not from a run: compare its steps with what was really done.")
    return _draft(steps, f"ticket {source.ticket_id}", source, lifting, corpus, actions, taken)


def _draft(  # the parts of a draft, passed on once
    steps: tuple[Step, ...],
    origin: str,
    source: Source,
    lifting: Lifting,
    corpus: Corpus,
    actions: KnownActions,
    taken: Sequence[str],
) -> Draft:
    deeds = telling(capability_of(step.action) for step in steps)
    learned = learn_rule(corpus, Example(source.ticket_id, source.reading, deeds), source.facts.names)
    tier = max(actions[step.action].tier for step in steps)
    document = Automation(
        name=name_of(steps, taken),
        version=1,
        title=title_of(steps),
        description=description_of(steps, learned.rule, is_approved=tier >= Tier.CLIENT_REVERSIBLE),
        match=learned.rule,
        preconditions=_preconditions(lifting),
        parameters=lifting.parameters,
        steps=steps,
        approval=_approval(tier),
    )
    remarks = (*lifting.remarks, *_remarks_on(learned))
    findings = lint(document, actions, names=source.facts.names)
    return Draft(document, _commented(document, origin, remarks), origin, remarks, findings, learned)


def _commented(document: Automation, origin: str, remarks: Sequence[str]) -> str:
    """Put what a reviewer should look at above the document, where whoever edits it sees it."""
    lines = [f"Drafted from {origin}. Nobody has approved it yet.", *remarks]
    return "".join(f"# {inert(line, 200)}\n" for line in lines) + "\n" + dump(document)


def _preconditions(lifting: Lifting) -> tuple[Precondition, ...]:
    checks = [check for each in lifting.parameters.values() for check in _CHECKS.get(each.source, ())]
    return tuple(Precondition(check=check) for check in dict.fromkeys(checks))


def _approval(tier: int) -> ApprovalRule | None:
    if tier < Tier.CLIENT_REVERSIBLE:
        return None
    return ApprovalRule(expires_minutes=_MINUTES_FOR_HARD_GATES if tier >= Tier.HARD_GATE else _MINUTES)


def _remarks_on(learned: LearnedRule) -> list[str]:
    quality = learned.quality
    if not quality.true:
        return ["No closed ticket of this sort was found, so the rule is a guess: write one under `match`."]
    seen = f"On closed tickets the rule is right {quality.precision:.0%} of the time and finds {quality.recall:.0%}"
    remarks = [f"{seen} of {quality.true + quality.missed}."]
    if learned.held_out is not None:
        late = learned.held_out
        remarks.append(f"On the newest, which it had not seen: {late.precision:.0%} and {late.recall:.0%}.")
    if quality.precision < _UNCERTAIN:
        remarks.append("That is too often wrong to leave alone: add words under `match`, and run the back-test again.")
    return remarks
