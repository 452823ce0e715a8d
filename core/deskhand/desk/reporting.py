"""What automations have come to: who stands behind each, its runs and their outcomes, and the minutes it saved."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import TypeVar

from deskhand.automation import plans
from deskhand.desk.refusals import DeskRefusedError
from deskhand.desk.shelf import document_of
from deskhand.mirror.mirror import Mirror
from deskhand.records import automations, diagnoses, reviews, runs
from deskhand.records.automations import AutomationRecord, Rollout, ShadowOutcome, VersionRecord
from deskhand.records.database import Records
from deskhand.records.diagnoses import Diagnosis
from deskhand.records.reviews import Mark, Subject
from deskhand.records.runs import Run, RunState

K = TypeVar("K")

MOST_RUNS = 20_000
FEWEST_TIMED = 3
"""Past tickets with time recorded below which nothing is estimated."""
BASIS = "estimate: the median time people recorded on the example tickets of the match rule, less what this one took"


@dataclass(frozen=True, slots=True)
class Saved:
    """Minutes that runs saved, as far as they can be told; ``estimated`` is how many runs that rests on."""

    minutes: float
    estimated: int
    runs: int
    basis: str = BASIS


@dataclass(frozen=True, slots=True)
class AutomationReport:
    """One automation, from its authors to its outcomes. Shadow runs are counted apart from runs."""

    record: AutomationRecord
    versions: tuple[VersionRecord, ...]
    rollouts: tuple[Rollout, ...]
    outcomes: Mapping[RunState, int]
    by_version: Mapping[int, Mapping[RunState, int]]
    by_client: Mapping[str, Mapping[RunState, int]]
    causes: Mapping[str, int]
    """Failed runs by cause; those not diagnosed yet under “not diagnosed”."""
    saved: Saved
    shadows: Mapping[ShadowOutcome, int]
    marks: Mapping[Mark, int]
    """What people said of the runs they reviewed."""
    diagnoses: tuple[Diagnosis, ...]
    """The latest, newest first."""


@dataclass(frozen=True, slots=True)
class Month:
    """What automations did for one client in one calendar month, in UTC."""

    month: str
    tenant_id: str
    client: str
    runs: int
    done: int
    causes: Mapping[str, int]
    saved: Saved


@dataclass(frozen=True, slots=True)
class Reporting:
    """Reads the record; changes nothing."""

    records: Records
    mirror: Mirror

    def automation(self, name: str) -> AutomationReport:
        """Report on one automation. Raises DeskRefusedError where there is none of that name."""
        record = automations.find(self.records, name)
        if record is None:
            raise DeskRefusedError(f"there is no automation {name}; `deskhand automation list` shows what there is")
        mine = self._runs(runs.recent(self.records, MOST_RUNS, automation=name))
        marked = [each for each in reviews.marked(self.records) if each.subject is Subject.RUN]
        return AutomationReport(
            record=record,
            versions=tuple(automations.versions(self.records, name)),
            rollouts=tuple(automations.rollouts_of(self.records, automation=name)),
            outcomes=_states(mine),
            by_version=_grouped(mine, self._version_of(mine)),
            by_client=_grouped(mine, {each.id: each.tenant_id for each in mine}),
            causes=self._causes(mine),
            saved=self._saved(mine),
            shadows=Counter(each.outcome for each in automations.shadows_of(self.records, automation=name)),
            marks=Counter(each.mark for each in marked if each.automation == name and each.mark is not None),
            diagnoses=tuple(diagnoses.recent(self.records, 5, automation=name)),
        )

    def months(self, client: str | None = None) -> tuple[Month, ...]:
        """Report month by month and client by client, the latest first; of one client (its PSA id), or of all."""
        found: dict[tuple[str, str], list[Run]] = defaultdict(list)
        for run in self._runs(runs.recent(self.records, MOST_RUNS, tenant=client)):
            found[f"{_ended(run):%Y-%m}", run.tenant_id].append(run)
        listed = sorted((self._month(*key, some) for key, some in found.items()), key=lambda each: each.client)
        return tuple(sorted(listed, key=lambda each: each.month, reverse=True))

    def _month(self, month: str, tenant_id: str, mine: Sequence[Run]) -> Month:
        company = self.mirror.company(tenant_id)
        done = sum(each.state is RunState.DONE for each in mine)
        name = company.name if company else tenant_id
        return Month(month, tenant_id, name, len(mine), done, self._causes(mine), self._saved(mine))

    def _runs(self, some: Iterable[Run]) -> list[Run]:
        return [each for each in some if not each.is_shadow]

    def _causes(self, mine: Sequence[Run]) -> dict[str, int]:
        known = diagnoses.causes(self.records)
        bad = [each for each in mine if each.state in {RunState.FAILED, RunState.NEEDS_REVIEW}]
        return dict(
            Counter(known[each.id].value if each.id in known else "not diagnosed" for each in bad).most_common()
        )

    def _saved(self, mine: Sequence[Run]) -> Saved:
        done = [each for each in mine if each.state is RunState.DONE]
        usual = {name: self._usual_minutes(name) for name in {each.automation for each in done}}
        saved = [minutes for each in done if (minutes := self._saved_by(each, usual[each.automation])) is not None]
        return Saved(sum(saved), len(saved), len(done))

    def _saved_by(self, run: Run, usual: float | None) -> float | None:
        """Return what a run saved: the usual time, less what people recorded on its ticket."""
        ticket = self.mirror.ticket(run.ticket_id)
        if usual is None or ticket is None:
            return None
        return max(usual - (ticket.hours_worked or 0.0) * 60, 0.0)

    def _usual_minutes(self, name: str) -> float | None:
        """Return the median time people recorded on the tickets an automation was learned from; None for too few."""
        record = automations.current(self.records, name) if name else None
        if record is None:
            return None
        tickets = (self.mirror.ticket(each) for each in document_of(record).match.examples)
        hours = [each.hours_worked for each in tickets if each is not None and each.hours_worked]
        return median(hours) * 60 if len(hours) >= FEWEST_TIMED else None

    def _version_of(self, mine: Sequence[Run]) -> dict[str, int]:
        found: dict[str, int] = {}
        for run in mine:
            plan = plans.find(self.records, run.plan_id)
            found[run.id] = plan.automation.version if plan and plan.automation else 0
        return found


def _ended(run: Run) -> datetime:
    return run.ended_at or run.started_at


def _states(mine: Iterable[Run]) -> dict[RunState, int]:
    return dict(Counter(each.state for each in mine))


def _grouped(mine: Sequence[Run], keys: Mapping[str, K]) -> dict[K, dict[RunState, int]]:
    found: dict[K, list[Run]] = defaultdict(list)
    for run in mine:
        found[keys[run.id]].append(run)
    return {key: _states(some) for key, some in found.items()}
