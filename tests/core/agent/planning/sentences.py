"""Reads the sentences and judges what a planner made of one."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from deskhand.automation.plan import PlannedStep, Proposal, SourceKind
from tests.core.agent.planning.office import CONTACTS, GROUPS, USERS

FILE = Path(__file__).with_name("sentences.yaml")
VERIFY = ("start_verification", "check_verification")
PAIRS = {"verify": VERIFY, "call_back": ("start_call_back", "check_call_back")}
_SHAPE = {"say", "plan", "refuse", "who", "group", "groups", "default_text", "held_out", "language"}


@dataclass(frozen=True)
class Sentence:
    """A sentence with the plan or the refusals that should come of it."""

    say: str
    plan: tuple[str, ...]
    refuse: tuple[str, ...]
    is_held_out: bool
    language: str
    expected: dict[str, Any] = field(repr=False)

    def problem(self, proposal: Proposal) -> str | None:
        """Say how a proposal differs from what should have come; None where it does not."""
        if self.refuse:
            reasons = tuple(each.reason.value for each in proposal.refusals)
            return None if reasons == self.refuse else f"refused {reasons or 'nothing'}"
        if proposal.plan is None:
            return "; ".join(f"{each.clause}: {each.reason.value}: {each.detail}" for each in proposal.refusals)
        actions = tuple(step.action.partition(".")[2] for step in proposal.plan.steps)
        if actions != self.plan:
            return f"planned {actions}"
        return self._wrong_argument(proposal.plan.steps)

    def _wrong_argument(self, steps: tuple[PlannedStep, ...]) -> str | None:
        who, groups = self.expected.get("who"), self.expected.get("groups") or [self.expected.get("group")]
        joined = [step for step in steps if "group_id" in step.arguments]
        for step, name in zip(joined, groups, strict=False):
            if step.arguments["group_id"].value != group_id(name):
                return f"{step.id} is about another group"
        about = [step for step in steps if {"user_id", "to"} & step.arguments.keys()]
        for step, name in zip(about, who if isinstance(who, list) else [who] * len(about), strict=True):
            held = {step.arguments[each].value for each in ("user_id", "to") if each in step.arguments}
            if name is not None and not held <= values_of(name):
                return f"{step.id} is about {held}"
        for name, value in self.expected.items():
            if name not in _SHAPE and not any(_has(step, name, value) for step in steps):
                return f"no step has {name} = {value}"
        if self.expected.get("default_text"):
            return None if _is_ours(steps[-1]) else "the text is not deskhand's own"
        return None


def _has(step: PlannedStep, name: str, value: object) -> bool:
    return name in step.arguments and step.arguments[name].value == value


def _is_ours(step: PlannedStep) -> bool:
    return step.arguments["text"].source is SourceKind.CONSTANT


def group_id(name: str) -> str:
    """Find a group of the client's."""
    return next(each.id for each in GROUPS["250"] if each.name == name)


def values_of(who: str | None) -> set[object]:
    """List the user ids and E.164 numbers of a person."""
    people = [each for each in (*CONTACTS, *USERS) if who in {each.name, *each.emails}]
    addresses = {address for each in people for address in each.emails}
    ids = {each.id for each in USERS if addresses & set(each.emails)}
    numbers = {
        "".join(c for c in phone.replace("(0)", "").replace("0031", "+31") if c in "+0123456789")
        for each in people
        for phone in each.phones
    }
    return {*ids, *numbers}


@cache
def sentences() -> tuple[Sentence, ...]:
    """Read every sentence."""
    return tuple(map(_sentence, yaml.safe_load(FILE.read_text(encoding="utf-8"))))


def _sentence(entry: dict[str, Any]) -> Sentence:
    named = [PAIRS.get(name, (name,)) for name in entry.get("plan", ())]
    return Sentence(
        say=entry["say"],
        plan=tuple(action for pair in named for action in pair),
        refuse=tuple(entry.get("refuse", ())),
        is_held_out=entry.get("held_out", False),
        language=entry.get("language", "en"),
        expected=entry,
    )
