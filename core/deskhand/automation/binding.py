"""From an automation and one ticket's facts to a Plan: nothing gets in but facts and reviewed constants."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from deskhand.automation.document import (
    DAYS,
    Automation,
    Check,
    FactSource,
    Given,
    Hours,
    Parameter,
    Precondition,
    Step,
)
from deskhand.automation.flow import ITEM, leaves, pruned
from deskhand.automation.known import KnownAction, KnownActions
from deskhand.automation.linter import errors, lint
from deskhand.automation.plan import (
    Argument,
    AutomationPin,
    Named,
    Plan,
    PlannedStep,
    Proposal,
    Refusal,
    RefusalReason,
    SourceKind,
)
from deskhand.sdk.models import TenantContext, Ticket

_TRUSTED = frozenset({SourceKind.TICKET, SourceKind.DIRECTORY})
"""What a fact may come from; whatever else a provider returns is refused."""


class Facts(Protocol):
    """What may be known about one ticket's tenant and requester, from records, never from the ticket's text."""

    def value(self, parameter: Parameter) -> Argument | Refusal:
        """Return the fact a parameter stands for, with its source, or why there is none."""
        ...

    def lacks(self, check: Check) -> str | None:
        """Say why a check does not hold, in words for people; None where it holds."""
        ...


@dataclass(frozen=True, slots=True)
class _Binding:
    """One automation being bound; refusals gather, so that a person learns of all at once."""

    automation: Automation
    actions: KnownActions
    facts: Facts
    refusals: list[Refusal] = field(default_factory=list)

    def argument(self, step: Step, name: str, given: Given) -> Argument:
        """Return an argument; where its fact is missing, the reason joins the refusals."""
        if given.kind == "step":
            return Argument(source=SourceKind.STEP, origin=str(given.step))
        if given.kind == "item":
            return Argument(source=SourceKind.STEP, origin=f"{ITEM}.{given.item}")
        if given.kind == "prompt":
            return Argument(source=SourceKind.PROMPT, origin=str(given.prompt))
        if given.kind == "constant":
            origin = f"constant of {self.automation.name}, version {self.automation.version}"
            found = Argument(source=SourceKind.CONSTANT, value=given.constant, origin=origin)
        else:
            found = self._fact(self.automation.parameters[str(given.parameter)])
        if not found.is_late:
            self._check(step, name, found)
        return found

    def _fact(self, parameter: Parameter) -> Argument:
        if parameter.source is FactSource.TECHNICIAN:
            return Argument(source=SourceKind.PROMPT, origin=str(parameter.question))
        found = self.facts.value(parameter)
        if isinstance(found, Argument) and found.source in _TRUSTED:
            return found
        if isinstance(found, Argument):
            problem = f"{parameter.source} came from {found.source}, which is no fact"
            found = Refusal(clause=self.automation.title, reason=RefusalReason.NOT_PERMITTED, detail=problem)
        if found not in self.refusals:
            self.refusals.append(found)
        return Argument(source=SourceKind.DIRECTORY, origin=parameter.source)

    def _check(self, step: Step, name: str, found: Argument) -> None:
        problem = self.actions[step.action].problem(name, found.value)
        if problem and not self.refusals:
            self.refuse(f"{step.id}.{name} ({found.origin}): {problem}", RefusalReason.FACT_MISSING)

    def refuse(self, detail: str, reason: RefusalReason) -> None:
        self.refusals.append(Refusal(clause=self.automation.title, reason=reason, detail=detail))


def bind(  # noqa: PLR0913  # everything a plan is made of, by name
    automation: Automation,
    facts: Facts,
    context: TenantContext,
    ticket: Ticket,
    *,
    actions: KnownActions,
    sha256: str,
    plan_id: str,
    requested_by: str,
    now: datetime,
) -> Proposal:
    """Return a plan pinned to this version (``sha256`` of the text as approved), or every reason why there is none.

    Sources are as strict as for a technician's sentence: a value is a fact of this tenant, a constant of the reviewed
    document, or known only while the run goes on. An automation that no longer passes its checks is not bound.
    """
    binding = _Binding(automation, actions, facts)
    _refuse_unfit(binding, context, ticket, now)
    if not binding.refusals:
        steps = tuple(_steps(binding))
        _refuse_unproven(binding, steps)
    if binding.refusals:
        return Proposal(plan=None, refusals=tuple(binding.refusals))
    person = context.requester
    return Proposal(
        plan=Plan(
            id=plan_id,
            ticket_id=ticket.id,
            tenant=Named(id=context.tenant.id, name=context.tenant.name),
            requested_by=requested_by,
            person=Named(id=person.id, name=person.name) if person else None,
            automation=AutomationPin(name=automation.name, version=automation.version, sha256=sha256),
            steps=steps,
            flow=pruned(automation.flow, {step.id for step in steps}),
            on_failure=automation.on_failure,
        )
    )


def unmet(automation: Automation, facts: Facts, now: datetime) -> tuple[str, ...]:
    """Say which preconditions do not hold, in words for people."""
    return tuple(reason for each in automation.preconditions if (reason := _lacks(each, facts, now)))


def _refuse_unfit(binding: _Binding, context: TenantContext, ticket: Ticket, now: datetime) -> None:
    if ticket.id != context.ticket_id:
        binding.refuse(f"whose ticket {ticket.id} is was not established", RefusalReason.NOT_PERMITTED)
    for finding in errors(lint(binding.automation, binding.actions)):
        binding.refuse(f"it no longer passes its checks: {finding}", RefusalReason.NOT_AVAILABLE)
    for reason in unmet(binding.automation, binding.facts, now):
        binding.refuse(reason, RefusalReason.FACT_MISSING)


def _steps(binding: _Binding) -> Iterator[PlannedStep]:
    for step in binding.automation.steps:
        if any(binding.facts.lacks(check) for check in step.when):
            continue
        arguments = {name: binding.argument(step, name, given) for name, given in step.arguments.items()}
        yield _planned(step, binding.actions[step.action], _of_one_person(arguments))


def _of_one_person(arguments: Mapping[str, Argument]) -> dict[str, Argument]:
    """Say of what is known only during the run whose it is: the person's whom the step's facts are about."""
    people = {each.person for each in arguments.values() if each.person is not None}
    if len(people) != 1:
        return dict(arguments)
    changed = {"person": next(iter(people))}
    return {name: each.model_copy(update=changed) if each.is_late else each for name, each in arguments.items()}


def _planned(step: Step, action: KnownAction, arguments: Mapping[str, Argument]) -> PlannedStep:
    return PlannedStep(
        id=step.id,
        action=step.action,
        title=step.title,
        tier=action.tier,
        effect=action.effect,
        irreversible=action.irreversible,
        undo_hours=action.undo_hours,
        needs_proof=action.needs_proof,
        proves_identity=action.proves_identity,
        only_if=step.only_if,
        retry=step.retry,
        timeout_minutes=step.timeout_minutes,
        is_call_back=action.is_call_back,
        resets_proof=action.resets_proof,
        arguments=arguments,
    )


def _refuse_unproven(binding: _Binding, steps: tuple[PlannedStep, ...]) -> None:
    if not steps:
        binding.refuse("nothing is left to do: every step's `when` fails here", RefusalReason.FACT_MISSING)
    flow = pruned(binding.automation.course, {step.id for step in steps})
    before = {leaf.step_id: leaf.before for leaf in leaves(flow)}
    proving = {step.id for step in steps if step.proves_identity and step.only_if is None}
    called = {step.id for step in steps if step.is_call_back and step.only_if is None}
    for step in steps:
        if step.needs_proof and not proving & before[step.id]:
            binding.refuse(f"{step.id} needs a proof of identity before it", RefusalReason.NOT_PERMITTED)
        elif step.resets_proof and not called & before[step.id]:
            binding.refuse(f"{step.id} needs a call-back before it", RefusalReason.NOT_PERMITTED)


def _lacks(precondition: Precondition, facts: Facts, now: datetime) -> str | None:
    if precondition.hours is not None:
        return _outside(precondition.hours, now)
    return facts.lacks(precondition.check)


def _outside(hours: Hours, now: datetime) -> str | None:
    there = now.astimezone(ZoneInfo(hours.zone))
    is_within = DAYS[there.weekday()] in hours.days and hours.start <= f"{there:%H:%M}" < hours.end
    return None if is_within else f"it is outside {hours.start}–{hours.end} {hours.zone}, {', '.join(hours.days)}"
