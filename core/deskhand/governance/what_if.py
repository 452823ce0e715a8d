"""What another table of grants would have changed: the decisions on the record, decided again by it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from deskhand.governance.decisions import RecordedDecision, recorded
from deskhand.governance.permission import Decision, Need, Permissions
from deskhand.records import grants
from deskhand.records.database import Records
from deskhand.records.grants import Mode

MOST_EXAMPLES = 3


@dataclass(frozen=True, slots=True, order=True)
class Takes:
    """What a step takes: how far it is let go, how many approvals where it is asked for, whether a proof."""

    mode: Mode
    approvals: int = 0
    proof: bool = False

    @classmethod
    def of(cls, need: Need) -> "Takes":
        """Say it of a need."""
        return cls(need.mode, need.quorum if need.mode is Mode.ASK else 0, need.needs_proof)


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that would have been another: allowed or not, or taking more or less than it took.

    ``before`` and ``after`` say what the step took then, and would take; ``instead`` is how the very request, with the
    approval it had, would have been decided.
    """

    recorded: RecordedDecision
    before: Takes
    after: Takes
    instead: Decision


@dataclass(frozen=True, slots=True)
class Kind:
    """Differences of one kind, for people to read instead of each: ``examples`` are numbers of audit entries."""

    client: str
    action: str
    before: Takes
    after: Takes
    was_allowed: bool
    is_allowed: bool
    rules: tuple[str, ...]
    count: int
    examples: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """How many decisions were decided again, and those that would have been others, newest first."""

    decisions: int
    differences: tuple[Difference, ...]

    def kinds(self) -> tuple[Kind, ...]:
        """Count the differences by client, action, what it took and would take, and the rule that would decide."""
        found: dict[tuple[str, str, Takes, Takes, bool, bool, tuple[str, ...]], list[int]] = {}
        for each in self.differences:
            request, was, instead = each.recorded.request, each.recorded.is_allowed, each.instead
            key = (request.ticket_tenant, request.action, each.before, each.after, was, instead.is_allowed)
            found.setdefault((*key, instead.rules), []).append(each.recorded.seq)
        kinds = (Kind(*key, len(seqs), tuple(seqs[:MOST_EXAMPLES])) for key, seqs in found.items())
        return tuple(sorted(kinds, key=lambda kind: (-kind.count, kind.client, kind.action, kind.after)))


def what_if(records: Records, proposed: Permissions, *, since: datetime) -> WhatIf:
    """Decide again what was recorded since a moment, beside the table that held for each decision."""
    then, seen = _tables(records, proposed), 0
    differences: list[Difference] = []
    for each in recorded(records, since=since):
        seen += 1
        differences += _differences(each, then.get(each.version), proposed)
    return WhatIf(seen, tuple(differences))


def _tables(records: Records, proposed: Permissions) -> Mapping[int, Permissions]:
    """Return every table there was, by its version; before the first there was none."""
    past = {each.version: Permissions(each.grants, rules=proposed.rules) for each in grants.versions(records)}
    return {0: Permissions(rules=proposed.rules), **past}


def _differences(decided: RecordedDecision, then: Permissions | None, proposed: Permissions) -> Iterator[Difference]:
    request = decided.request
    if then is not None and then.table.standing(request) == proposed.table.standing(request):
        return  # the same rows have a say, so nothing can differ
    instead, after = proposed.decide(request), Takes.of(proposed.need(request))
    before = after if then is None else Takes.of(then.need(request))
    if (before, decided.is_allowed) != (after, instead.is_allowed):
        yield Difference(decided, before, after, instead)
