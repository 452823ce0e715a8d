"""What it has been good for, week by week: reckoned from the record, by a rule that is told beside the figures."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from deskhand.desk.desk import Desk
from deskhand.records import explanations
from deskhand.records.accounts import AUTOMATION
from deskhand.records.documents import OutcomeKind
from deskhand.records.runs import Run, RunState

WEEKS = 12
MOST_RUNS = 2_000
MOST_TRIAGES = 2_000
TRIAGE_HOURS = 2 / 60
"""What a triage is taken to save: two minutes. Stated on the page."""
_FAILED = frozenset({RunState.FAILED, RunState.NEEDS_REVIEW})


@dataclass(frozen=True, slots=True)
class Week:
    """One week, from its Monday; hours saved by what ran by itself, by what a technician asked for, and by triage."""

    monday: date
    automated: float = 0.0
    assisted: float = 0.0
    triage: float = 0.0
    runs: int = 0
    failed: int = 0

    @property
    def label(self) -> str:
        """The week's number, as ISO 8601 counts."""
        return f"W{self.monday.isocalendar().week:02}"

    @property
    def hours(self) -> float:
        """All hours saved."""
        return self.automated + self.assisted + self.triage


def weeks(desk: Desk) -> tuple[Week, ...]:
    """Reckon the last twelve weeks, oldest first, the present one included."""
    this = _monday(desk.clock())
    mondays = [this - timedelta(weeks=back) for back in reversed(range(WEEKS))]
    ran = [run for run in desk.resolving.runs(MOST_RUNS) if not run.is_shadow]
    recent = explanations.recent(desk.records, MOST_TRIAGES, outcome=OutcomeKind.TRIAGED)
    triaged = Counter(_monday(why.decided_at) for why in recent)
    return tuple(_week(desk, monday, ran, triaged[monday]) for monday in mondays)


def _week(desk: Desk, monday: date, ran: Sequence[Run], triaged: int) -> Week:
    of_it = [run for run in ran if _monday(run.started_at) == monday]
    done = [run for run in of_it if run.state is RunState.DONE]
    by_itself = [run for run in done if run.requested_by.startswith(AUTOMATION)]
    return Week(
        monday=monday,
        automated=_saved(desk, by_itself),
        assisted=_saved(desk, (run for run in done if run not in by_itself)),
        triage=triaged * TRIAGE_HOURS,
        runs=len(of_it),
        failed=sum(run.state in _FAILED for run in of_it),
    )


def _saved(desk: Desk, runs: Iterable[Run]) -> float:
    """Add up what similar tickets took people, by their time entries; a run without such tickets counts nothing."""
    return sum(_usual_hours(desk, run.ticket_id) for run in runs)


def _usual_hours(desk: Desk, ticket_id: str) -> float:
    why = explanations.find(desk.records, ticket_id)
    similar = why.triage.similar if why is not None and why.triage is not None else ()
    hours = [each.hours for each in similar if each.hours is not None]
    return median(hours) if hours else 0.0


def _monday(moment: datetime) -> date:
    day = moment.date()
    return day - timedelta(days=day.weekday())
