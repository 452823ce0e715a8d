"""Changes of an automation that rules can justify for one failure; each is replayed before it counts."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from deskhand.agent.diagnosis.failed_run import FailedRun
from deskhand.automation.document import (
    Automation,
    Check,
    Given,
    MatchRule,
    Precondition,
    Step,
)
from deskhand.automation.known import KnownActions
from deskhand.knowledge.matching import telling_words
from deskhand.knowledge.text import folded
from deskhand.records.diagnoses import FailureCause
from deskhand.records.runs import StepState
from deskhand.sdk.models import Reference

CLOSE = 0.75
"""How alike two names must be, as `difflib` counts it, for one to be the other's successor."""
FEWEST_FAILED = 3
FEWEST_DONE = 5
"""So many tickets of each sort are needed before words are blamed."""
_CHECKS: Mapping[FailureCause, tuple[Check, ...]] = {
    FailureCause.POLICY: (Check.REQUESTER_IS_NOT_PRIVILEGED, Check.REQUESTER_IS_ACTIVE, Check.REQUESTER_IS_KNOWN),
    FailureCause.NOT_FOUND: (
        Check.REQUESTER_HAS_DIRECTORY_USER,
        Check.REQUESTER_IS_ACTIVE,
        Check.REQUESTER_IS_KNOWN,
    ),
    FailureCause.PERSON: (Check.REQUESTER_HAS_MOBILE, Check.REQUESTER_IS_KNOWN),
}
"""What may have to be required of a ticket, by cause: the likeliest first."""


class Surroundings(Protocol):
    """What is so now, for the ticket that failed. May raise any error of :mod:`deskhand.sdk.errors`."""

    @property
    def actions(self) -> KnownActions:
        """The actions there are now."""
        ...

    def choices(self, action: str, argument: str, name: str) -> tuple[Reference, ...]:
        """List what an argument could be now, at least whatever is called ``name``; () where it is no choice."""
        ...

    def lacks(self, check: Check) -> str | None:
        """Say why a check does not hold now; None where it holds."""
        ...

    def words(self, ticket_id: str) -> frozenset[str]:
        """Return the words of a ticket, as match rules see them; none where it is not known."""
        ...


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A changed document, the rule that made it, and why. Its version is still the old one."""

    rule: str
    because: str
    document: Automation


_WENT_WELL = frozenset({StepState.DONE, StepState.LEFT_OUT})


def suggestions(failed: FailedRun, cause: FailureCause, around: Surroundings) -> Iterator[Suggestion]:
    """Go through the changes rules suggest, the narrowest first."""
    if failed.document is None or all(each.id != failed.step.name for each in failed.document.steps):
        return
    for rule in (_arguments_of_today, _moved_record, _precondition, _narrower_match):
        yield from rule(failed, failed.document, cause, around)


def successor(name: str, choices: Sequence[Reference]) -> Reference | None:
    """Find the one record that took the place of one called ``name``: of the same name, or the only close one."""
    same = [each for each in choices if folded(each.name) == folded(name)]
    if same:
        return same[0] if len(same) == 1 else None
    close = [each for each in choices if _likeness(name, each.name) >= CLOSE]
    return close[0] if len(close) == 1 else None


def _likeness(one: str, other: str) -> float:
    one, other = folded(one), folded(other)
    if f" {one} " in f" {other} ":
        return 1.0
    return difflib.SequenceMatcher(None, one, other).ratio()


def _moved_record(
    failed: FailedRun, document: Automation, cause: FailureCause, around: Surroundings
) -> Iterator[Suggestion]:
    """Where a constant names a record that is gone, name the one that took its place."""
    if cause is not FailureCause.CHANGED_DATA:
        return
    for argument, value in failed.constants.items():
        step = document.step(failed.step.name)
        if step.arguments.get(argument) != Given(constant=value):
            continue  # an overlay of this client fixes it, not the base
        name = _name_it_had(failed, argument)
        choices = around.choices(step.action, argument, name) if name else ()
        found = successor(name, choices) if all(each.id != value for each in choices) else None
        if found is None:
            continue
        because = f"{argument} {value} was “{name}”, which is gone; “{found.name}” is {found.id} now."
        given = {**step.arguments, argument: Given(constant=found.id)}
        yield Suggestion("moved record", because, _with_step(document, step, arguments=given))


def _name_it_had(failed: FailedRun, argument: str) -> str:
    """Learn what a constant's record was called, from the diff of a run that worked."""
    field = argument.removesuffix("_id")
    changes = (change for _, step in failed.worked_before() for change in step.changes)
    return next((change.desired for change in changes if change.field == field), "")


def _arguments_of_today(
    failed: FailedRun, document: Automation, cause: FailureCause, around: Surroundings
) -> Iterator[Suggestion]:
    """Where an action takes other arguments than when this was approved, give what other steps show to be right."""
    del failed, cause
    changed, told = document, []
    for step in document.steps:
        action = around.actions.get(step.action)
        if action is None:
            continue
        kept = {name: given for name, given in step.arguments.items() if name in action.fields}
        added = {name: given for name in action.required - kept.keys() if (given := _given_elsewhere(document, name))}
        if len(kept) == len(step.arguments) and not added:
            continue
        gone = ", ".join(sorted(step.arguments.keys() - kept.keys()))
        told += [f"{step.action} no longer takes {gone}."] if gone else []
        told += [f"{step.action} requires {name} now; other steps give it the same way." for name in sorted(added)]
        changed = _with_step(changed, step, arguments={**kept, **added})
    if told:
        yield Suggestion("arguments of today", " ".join(told), changed)


def _given_elsewhere(document: Automation, argument: str) -> Given | None:
    """Return how other steps give an argument, where they all do so in one way that means the same anywhere."""
    found = [step.arguments[argument] for step in document.steps if argument in step.arguments]
    is_one = bool(found) and all(each == found[0] for each in found)
    return found[0] if is_one and found[0].kind == "parameter" else None


def _precondition(
    failed: FailedRun, document: Automation, cause: FailureCause, around: Surroundings
) -> Iterator[Suggestion]:
    """Where something does not hold that was never required, require it: then this would not have been tried."""
    required = {each.check for each in document.preconditions}
    for check in _CHECKS.get(cause, ()):
        reason = around.lacks(check) if check not in required else None
        if reason:
            because = f"It failed with “{failed.cause}” where {check} does not hold: {reason}."
            added = Precondition(check=check, because=f"A run failed without it: {failed.run.id}.")
            preconditions = (*document.preconditions, added)
            yield Suggestion("precondition", because, document.model_copy(update={"preconditions": preconditions}))
            return


def _narrower_match(
    failed: FailedRun, document: Automation, cause: FailureCause, around: Surroundings
) -> Iterator[Suggestion]:
    """Where every ticket that failed has a word that none that worked has, keep off tickets with that word."""
    if cause not in {FailureCause.POLICY, FailureCause.NOT_FOUND}:
        return
    bad = {failed.run.ticket_id, *(run.ticket_id for run in failed.failed_likewise())}
    good = {run.ticket_id for run, _ in failed.earlier if all(each.state in _WENT_WELL for each in run.steps)}
    if len(bad) < FEWEST_FAILED or len(good - bad) < FEWEST_DONE:
        return
    shared = frozenset.intersection(*(telling_words(around.words(each)) for each in bad))
    apart = shared.difference(*(around.words(each) for each in good)).difference(document.match.required)
    if not apart:
        return
    word = min(apart, key=lambda each: (-len(each), each))
    because = f"All {len(bad)} tickets it failed on say “{word}”; none of the {len(good)} it worked on does."
    match = MatchRule.model_validate_json(
        document.match.model_copy(update={"forbidden": (*document.match.forbidden, word)}).model_dump_json()
    )
    yield Suggestion("narrower match", because, document.model_copy(update={"match": match}))


def _with_step(document: Automation, step: Step, *, arguments: Mapping[str, Given]) -> Automation:
    changed = step.model_copy(update={"arguments": dict(arguments)})
    steps = tuple(changed if each.id == step.id else each for each in document.steps)
    return document.model_copy(update={"steps": steps})
