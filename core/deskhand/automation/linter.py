"""What keeps an automation from being approved, and what its author should look at: each with its path and its fix."""

import difflib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from deskhand.automation.conditions import problem
from deskhand.automation.document import (
    Automation,
    Check,
    FactSource,
    Given,
    ParameterKind,
    Step,
    StepUndo,
    StepVerification,
)
from deskhand.automation.flow import Leaf, choices, faults, leaves, waits_between
from deskhand.automation.known import KnownAction, KnownActions
from deskhand.automation.personal import Names, looks_personal, texts_of
from deskhand.automation.rules import is_zone
from deskhand.automation.stage import Stage
from deskhand.sdk.actions import Tier

MOST_MINUTES_FOR_HARD_GATES = 24 * 60


class Severity(StrEnum):
    """Whether a finding forbids approval."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a document."""

    severity: Severity
    path: str
    problem: str
    fix: str

    def __str__(self) -> str:
        """Word it for people."""
        return f"{self.severity}: {self.path}: {self.problem}. Fix: {self.fix}."


@dataclass(frozen=True, slots=True)
class _Subject:
    document: Automation
    actions: KnownActions
    names: Names
    stage: Stage

    def steps(self) -> Iterator[tuple[str, Step, KnownAction]]:
        """Go through the steps whose action is known."""
        for step in self.document.steps:
            if step.action in self.actions:
                yield f"steps.{step.id}", step, self.actions[step.action]

    def leaf(self, step: Step) -> Leaf:
        """Say where a step stands; one the flow has forgotten stands alone."""
        found = {leaf.step_id: leaf for leaf in leaves(self.document.course)}
        return found.get(step.id, Leaf(step.id, frozenset(), is_in_branch=False, is_in_loop=False))

    def givens(self) -> Iterator[tuple[str, Step, Given]]:
        for step in self.document.steps:
            for name, given in step.arguments.items():
                yield f"steps.{step.id}.arguments.{name}", step, given


def lint(
    document: Automation, actions: KnownActions, *, names: Collection[str] = (), stage: Stage = Stage.OFF
) -> tuple[Finding, ...]:
    """Return what is wrong, errors first. ``names`` are people and clients no document may name."""
    subject = _Subject(document, actions, Names.of(names), stage)
    found = [finding for rule in _RULES for finding in rule(subject)]
    return tuple(sorted(found, key=lambda each: each.severity is not Severity.ERROR))


def errors(findings: Collection[Finding]) -> tuple[Finding, ...]:
    """Return those that forbid approval."""
    return tuple(each for each in findings if each.severity is Severity.ERROR)


def _error(path: str, what: str, fix: str) -> Finding:
    return Finding(Severity.ERROR, path, what, fix)


def _warning(path: str, what: str, fix: str) -> Finding:
    return Finding(Severity.WARNING, path, what, fix)


def _actions_exist(subject: _Subject) -> Iterator[Finding]:
    for step in subject.document.steps:
        if step.action not in subject.actions:
            close = difflib.get_close_matches(step.action, subject.actions, 1)
            fix = f"did you mean {close[0]}?" if close else "`deskhand plugin list` names what is installed"
            yield _error(f"steps.{step.id}.action", f"there is no action {step.action} here", fix)


def _arguments_fit(subject: _Subject) -> Iterator[Finding]:
    for path, step, action in subject.steps():
        for name in sorted(step.arguments.keys() - action.fields.keys()):
            known = ", ".join(action.fields) or "none"
            yield _error(f"{path}.arguments.{name}", f"{action.name} takes no {name}", f"it takes {known}")
        for name in sorted(action.required - step.arguments.keys()):
            yield _error(f"{path}.arguments", f"{action.name} needs {name}", f"add `{name}` with where it comes from")
        for name, given in step.arguments.items():
            unfit = action.problem(name, given.constant) if given.kind == "constant" else None
            if unfit:
                yield _error(f"{path}.arguments.{name}.constant", unfit, f"give {action.name} what it takes")


def _parameters_exist(subject: _Subject) -> Iterator[Finding]:
    used = {given.parameter for _, _, given in subject.givens() if given.kind == "parameter"}
    for path, _, given in subject.givens():
        if given.kind == "parameter" and given.parameter not in subject.document.parameters:
            yield _error(path, f"there is no parameter {given.parameter}", "add it under `parameters`, with its source")
    for name in subject.document.parameters:
        if name not in used:
            yield _warning(f"parameters.{name}", "no step uses it", "remove it")


def _steps_refer_backwards(subject: _Subject) -> Iterator[Finding]:
    order = [step.id for step in subject.document.steps]
    for path, step, given in subject.givens():
        if given.kind != "step" or given.step is None:
            continue
        source = given.step.partition(".")[0]
        if source not in order:
            yield _error(path, f"there is no step {source}", f"name one of {', '.join(order)}")
        elif source not in subject.leaf(step).before:
            yield _error(path, f"{source} does not come before {step.id}", "move it up, or take the value elsewhere")
        else:
            yield from _needs_left_out(subject.document.step(source), step, path)


def _needs_left_out(source: Step, step: Step, path: str) -> Iterator[Finding]:
    """Find that a step needs what another returns, which may be left out where it is not."""
    if not set(source.when) <= set(step.when):
        yield _error(path, f"{source.id} may be left out, and {step.id} needs it", f"give {step.id} the same `when`")
    if source.only_if not in {None, step.only_if}:
        yield _error(path, f"{source.id} may be left out, and {step.id} needs it", f"give {step.id} the same `only_if`")


def _changes_are_guarded(subject: _Subject) -> Iterator[Finding]:
    document = subject.document
    for path, step, action in subject.steps():
        if action.tier < Tier.CLIENT_REVERSIBLE:
            continue
        if document.approval is None:
            fix = "add `approval: {role: approver}`"
            yield _error("approval", f"{step.id} changes something at a client and nobody approves it", fix)
        if step.verify is StepVerification.NONE:
            yield _error(f"{path}.verify", "its outcome is not read back", "add `verify: read_back`")
        if step.undo is StepUndo.NONE and step.irreversible is None:
            yield _error(path, "it neither says how it is undone nor why it cannot be", _undo_fix(action))


def _undo_is_true(subject: _Subject) -> Iterator[Finding]:
    for path, step, action in subject.steps():
        if step.undo is StepUndo.RESTORE and action.irreversible is not None:
            yield _error(f"{path}.undo", f"{action.name} cannot be undone", _undo_fix(action))
        if step.irreversible is not None and action.irreversible is None and action.tier > Tier.READ:
            yield _error(f"{path}.irreversible", f"{action.name} can be undone", "write `undo: restore` in its place")


def _undo_fix(action: KnownAction) -> str:
    if action.irreversible is None:
        return "add `undo: restore`"
    return f"add `irreversible:` with the reason, such as: {action.irreversible}"


def _identity_is_proven(subject: _Subject) -> Iterator[Finding]:
    sure = [(step.id, action) for _, step, action in subject.steps() if not step.when and not step.only_if]
    proving = {step_id for step_id, action in sure if action.proves_identity}
    called = {step_id for step_id, action in sure if action.is_call_back}
    for path, step, action in subject.steps():
        if not action.needs_proof:
            continue
        proofs = proving & subject.leaf(step).before
        if not proofs:
            fix = "put a step before it that has the person prove who they are, without `when` and `only_if`"
            yield _error(path, f"{action.name} hands a person access and nobody has proven who they are", fix)
        elif all(waits_between(subject.document.course, proof, step.id) for proof in proofs):
            fix = "have them prove it after the wait"
            yield _error(path, f"a proof lasts ten minutes, and the flow waits between it and {step.id}", fix)
        elif action.resets_proof and not called & proofs:
            fix = "put a step before it that calls the person back and checks the code, without `when` and `only_if`"
            yield _error(path, f"{action.name} renews how a person proves who they are, and nobody called back", fix)


def _nothing_is_forbidden(subject: _Subject) -> Iterator[Finding]:
    for path, _, action in subject.steps():
        if action.tier >= Tier.NEVER_AUTOMATED:
            yield _error(f"{path}.action", f"{action.name} is never automated", "leave it to a technician")


def _fits_stage(subject: _Subject) -> Iterator[Finding]:
    if subject.stage is not Stage.AUTO:
        return
    if subject.document.has_prompt:
        yield _error("steps", "it asks a technician something, and in `auto` nobody is there", "keep it at `ask`")
    for path, _, action in subject.steps():
        if action.tier >= Tier.HARD_GATE:
            yield _error(f"{path}.action", f"tier {action.tier} never runs by itself", "keep it at `ask`")


def _nothing_personal(subject: _Subject) -> Iterator[Finding]:
    for path, _, given in subject.givens():
        texts = texts_of(given.constant if given.kind == "constant" else given.prompt)
        found = next((what for text in texts if (what := looks_personal(text, subject.names))), None)
        if found:
            fix = "lift it to a parameter whose source says where it comes from"
            yield _error(path, f"it holds {found}, which is another one for the next ticket", fix)
    for path, text in _wordings(subject.document):
        found = looks_personal(text, subject.names)
        if found:
            yield _error(path, f"it holds {found}", "say it without")


def _wordings(document: Automation) -> Iterator[tuple[str, str]]:
    yield "title", document.title
    yield "description", document.description
    for step in document.steps:
        yield f"steps.{step.id}.title", step.title
    for part in ("required", "any", "forbidden"):
        for word in getattr(document.match, part):
            yield f"match.{part}", word.rstrip("*")


def _match_is_sound(subject: _Subject) -> Iterator[Finding]:
    rule = subject.document.match
    if rule.is_empty:
        fix = "add words under `required` or `any`, or `similarity` with `examples`"
        yield _error("match", "nothing in it picks tickets", fix)
    impossible = set(rule.required) & set(rule.forbidden)
    if impossible:
        fix = "remove it from one of them"
        yield _error("match", f"{', '.join(sorted(impossible))} is both required and forbidden", fix)
    if (rule.similarity is None) != (not rule.examples):
        yield _warning("match", "`similarity` and `examples` only count together", "add the other, or remove both")


def _preconditions_are_sound(subject: _Subject) -> Iterator[Finding]:
    document = subject.document
    checks = {each.check for each in document.preconditions}
    sources = {each.source for each in document.parameters.values()}
    for source, needed in _NEEDED.items():
        if source in sources and needed not in checks:
            yield _warning("preconditions", f"{source} is used and {needed} is not required", f"add `check: {needed}`")
    for number, each in enumerate(document.preconditions):
        if each.hours is not None and not is_zone(each.hours.zone):
            fix = "write it as in Europe/Berlin"
            yield _error(f"preconditions.{number}.hours.zone", f"there is no time zone {each.hours.zone}", fix)


_NEEDED = {
    FactSource.REQUESTER_MOBILE: Check.REQUESTER_HAS_MOBILE,
    FactSource.REQUESTER_DIRECTORY_USER: Check.REQUESTER_IS_NOT_PRIVILEGED,
    FactSource.REQUESTER_CONTACT: Check.REQUESTER_IS_KNOWN,
}


def _approval_is_short(subject: _Subject) -> Iterator[Finding]:
    rule = subject.document.approval
    is_hard = any(action.tier >= Tier.HARD_GATE for _, _, action in subject.steps())
    if rule and is_hard and rule.expires_minutes > MOST_MINUTES_FOR_HARD_GATES:
        yield _warning("approval.expires_minutes", "an approval this old no longer knows the ticket", "a day at most")


def _codes_are_asked(subject: _Subject) -> Iterator[Finding]:
    for name, each in subject.document.parameters.items():
        if each.kind is ParameterKind.CODE and each.source is not FactSource.TECHNICIAN:
            yield _error(f"parameters.{name}", "a code is only ever read out", "use the source technician")


def _flow_is_sound(subject: _Subject) -> Iterator[Finding]:
    for fault in faults(subject.document.course, {step.id for step in subject.document.steps}):
        yield _error(f"flow.{fault.position}" if fault.position else "flow", fault.problem, fault.fix)
    for path, step, given in subject.givens():
        leaf = subject.leaf(step)
        if given.kind == "item" and not leaf.is_in_loop:
            yield _error(
                path, "there is no item outside for_each", "put the step into one, or take the value elsewhere"
            )
        if _is_asked(subject, given) and (leaf.is_in_branch or leaf.is_in_loop):
            yield _error(path, "nobody can be asked in the midst of a branch or a loop", "ask before it")


def _is_asked(subject: _Subject, given: Given) -> bool:
    parameter = subject.document.parameters.get(given.parameter or "")
    return given.kind == "prompt" or (parameter is not None and parameter.source is FactSource.TECHNICIAN)


def _conditions_are_sound(subject: _Subject) -> Iterator[Finding]:
    for step in subject.document.steps:
        if step.only_if is not None:
            yield from _condition(step.only_if, f"steps.{step.id}.only_if", subject.leaf(step))
    for position, condition, leaf in choices(subject.document.course):
        yield from _condition(condition, f"flow.{position}.choose", leaf)


def _condition(condition: str, path: str, leaf: Leaf) -> Iterator[Finding]:
    found = problem(condition)
    if found is not None:
        yield _error(path, found, "write it as in steps.find.detail.count > 0")
    for name in sorted(set(_NAMED_STEP.findall(condition)) - leaf.before):
        yield _error(path, f"{name} does not surely come before it", "ask only of what has been done by then")
    if _ITEM.search(condition) and not leaf.is_in_loop:
        yield _error(path, "there is no item outside for_each", "ask of steps")


_NAMED_STEP = re.compile(r"\bsteps\.([a-z][a-z0-9_]*)")
_ITEM = re.compile(r"(?<![\w.])item\b")


def _loops_are_harmless(subject: _Subject) -> Iterator[Finding]:
    for path, step, action in subject.steps():
        if action.tier >= Tier.HARD_GATE and subject.leaf(step).is_in_loop:
            yield _error(path, f"{action.name} is of tier {action.tier}, and is not done by the dozen", "one at a time")


_RULES: tuple[Callable[[_Subject], Iterator[Finding]], ...] = (
    _actions_exist,
    _arguments_fit,
    _parameters_exist,
    _steps_refer_backwards,
    _changes_are_guarded,
    _undo_is_true,
    _identity_is_proven,
    _nothing_is_forbidden,
    _fits_stage,
    _nothing_personal,
    _match_is_sound,
    _preconditions_are_sound,
    _codes_are_asked,
    _flow_is_sound,
    _conditions_are_sound,
    _loops_are_harmless,
    _approval_is_short,
)
