"""What an automation would have done about past tickets, beside what people did: before anyone approves it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import AwareDatetime, Field

from deskhand.automation.document import Automation
from deskhand.knowledge.corpus import Corpus, Mask, PastCase
from deskhand.knowledge.deeds import telling
from deskhand.knowledge.matching import Matcher
from deskhand.records.documents import StoredDocument
from deskhand.sdk.actions import capability_of

MOST_LISTED = 50
MOST_TRIED = 200
"""Matched tickets whose preconditions are looked at, the newest first."""


class ListedTicket(StoredDocument):
    """A ticket and why it is listed."""

    ticket_id: str
    reason: str


class BackTest(StoredDocument):
    """An automation held against every closed ticket in scope. Nothing was carried out and no vendor was asked."""

    tickets: int = Field(ge=0)
    """How many closed tickets were looked at."""
    matched: int = Field(ge=0)
    agreeing: int = Field(ge=0)
    """People did the same: all that tells what sort of ticket it was."""
    partly: int = Field(ge=0)
    """People did some of it."""
    unknown: int = Field(ge=0)
    """Nobody wrote what was done, or not in words that are understood."""
    false: int = Field(ge=0)
    """People did something else."""
    missed: int = Field(ge=0)
    """People did the same and it did not match."""
    steps: tuple[str, ...]
    """What it would have done: the actions, in their order."""
    tried: int = Field(default=0, ge=0)
    """Matched tickets whose preconditions were looked at, as records are now."""
    would_run: int = Field(default=0, ge=0)
    refusals: Mapping[str, int] = Field(default_factory=dict)
    """Why it would not have run, and how often."""
    examples: tuple[str, ...] = ()
    """Matched tickets by id, the newest first."""
    false_matches: tuple[ListedTicket, ...] = ()
    missed_tickets: tuple[ListedTicket, ...] = ()
    seconds: float = Field(default=0, ge=0)
    at: AwareDatetime

    @property
    def agreement(self) -> float | None:
        """The share of matches in which people did the same or some of it, of those that tell; None where none do."""
        told = self.agreeing + self.partly + self.false
        return (self.agreeing + self.partly) / told if told else None

    @property
    def summary(self) -> str:
        """Say what came of it, in one line."""
        share = self.agreement
        told = "nobody wrote what was done" if share is None else f"people did the same in {share:.0%}"
        return (
            f"{self.matched} of {self.tickets} closed tickets match; {told}; "
            f"{self.false} false, {self.missed} missed, {self.unknown} without word"
        )


Unmet = Callable[[str], str | None]
"""Says why an automation would not have run for a ticket by id, as records are now; None where it would."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What to hold against what. ``companies`` limits the scope to clients by id; None is every client."""

    document: Automation
    corpus: Corpus
    examples: Mapping[str, frozenset[str]]
    companies: Collection[str] | None = None
    unmet: Unmet | None = None


def back_test(trial: Trial, at: AwareDatetime) -> BackTest:
    """Hold an automation against the closed tickets of a scope, oldest first in the corpus."""
    corpus, document = trial.corpus, trial.document
    scope = _scope(corpus, trial.companies)
    wanted = telling(capability_of(step.action) for step in document.steps)
    matched = corpus.matches(Matcher(document.match, trial.examples)) & scope
    cases = [corpus.cases[row] for row in np.flatnonzero(matched)[::-1]]
    verdicts = {case.ticket_id: compare(case.deeds, wanted) for case in cases}
    counts = Counter(verdicts.values())
    missed = list(_missed(corpus, scope & ~matched, wanted))
    tried = [case.ticket_id for case in cases[:MOST_TRIED]] if trial.unmet else []
    refusals = Counter(reason for name in tried if trial.unmet and (reason := trial.unmet(name)) is not None)
    return BackTest(
        tickets=int(np.sum(scope)),
        matched=len(cases),
        agreeing=counts["same"],
        partly=counts["partly"],
        unknown=counts["unknown"],
        false=counts["other"],
        missed=len(missed),
        steps=tuple(step.action for step in document.steps),
        tried=len(tried),
        would_run=len(tried) - refusals.total(),
        refusals=dict(refusals.most_common(20)),
        examples=tuple(case.ticket_id for case in cases[:MOST_LISTED]),
        false_matches=tuple(_false(case) for case in cases if verdicts[case.ticket_id] == "other")[:MOST_LISTED],
        missed_tickets=tuple(_listed(case, "people did the same, and the rule does not match") for case in missed)[
            :MOST_LISTED
        ],
        at=at,
    )


def compare(deeds: frozenset[str] | None, wanted: frozenset[str]) -> str:
    """Say whether people did the ``same``, ``partly`` so, something ``other``, or whether that is ``unknown``."""
    if not deeds:
        return "unknown"
    if wanted <= deeds:
        return "same"
    return "partly" if wanted & deeds else "other"


def _scope(corpus: Corpus, companies: Collection[str] | None) -> Mask:
    if companies is None:
        return np.ones(len(corpus), dtype=np.bool_)
    return np.array([case.company_id in companies for case in corpus.cases], dtype=np.bool_)


def _missed(corpus: Corpus, rows: Mask, wanted: frozenset[str]) -> Iterator[PastCase]:
    for row in np.flatnonzero(rows)[::-1]:
        case = corpus.cases[row]
        if case.deeds and case.deeds & wanted:
            yield case


def _false(case: PastCase) -> ListedTicket:
    did = ", ".join(sorted(each.replace("_", " ") for each in case.deeds or ()))
    return _listed(case, f"people did something else: {did}")


def _listed(case: PastCase, reason: str) -> ListedTicket:
    kind = f" ({case.type_name})" if case.type_name else ""
    return ListedTicket(ticket_id=case.ticket_id, reason=f"{reason}{kind}"[:300])
