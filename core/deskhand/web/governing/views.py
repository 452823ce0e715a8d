"""Looking after it: figures, the record, the kill switch."""

from dataclasses import dataclass
from datetime import timedelta

from starlette.responses import Response

from deskhand.desk.refusals import DeskRefusedError
from deskhand.records.approvals import ApprovalState
from deskhand.records.switches import Level, Switch
from deskhand.web.automations.views import rows
from deskhand.web.governing import figures
from deskhand.web.shell.pages import page
from deskhand.web.visit import Visit

NEWEST_ENTRIES = 100
LONG_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with what to make of it, and how it went week by week."""

    label: str
    value: str
    remark: str
    tone: str
    weekly: tuple[float, ...]


def govern(visit: Visit) -> Response:
    """Show what it has been good for, what failed, what waits, and every automation."""
    weeks = figures.weeks(visit.desk)
    return page(
        visit,
        "governing/govern.html",
        weeks=weeks,
        figures=_figures(visit, weeks),
        automations=rows(visit.desk),
        minutes=round(figures.TRIAGE_HOURS * 60),
    )


def record(visit: Visit) -> Response:
    """Show the newest entries of the log."""
    return page(
        visit,
        "governing/record.html",
        entries=visit.desk.records.audit_entries(newest=NEWEST_ENTRIES),
    )


def switches(visit: Visit) -> Response:
    """Show what is stopped, and what can be."""
    desk = visit.desk
    return page(
        visit,
        "governing/switches.html",
        thrown=[each for each in desk.governing.switches() if _concerns(visit, each)],
        companies=[each for each in desk.mirror.companies() if each.is_active],
        connectors=sorted(desk.connections.connectors),
        automations=[each.record.name for each in desk.automating.listing()],
        clients={each.id: each.name for each in desk.mirror.companies()},
    )


def throw(visit: Visit) -> Response:
    """Stop everything, a client, a connector or an automation."""
    level, subject = _named(visit.form.get("what", ""))
    visit.desk.governing.throw(visit.who, level, subject, visit.form.get("reason", ""))
    return visit.go("/switches")


def release(visit: Visit) -> Response:
    """Let it go again."""
    level, subject = _named(visit.form.get("what", ""))
    visit.desk.governing.release(visit.who, level, subject, visit.form.get("reason", ""))
    return visit.go("/switches")


def _concerns(visit: Visit, switch: Switch) -> bool:
    """Tell whether a thrown switch is the visitor's to know: those of other clients are not."""
    return switch.level is not Level.TENANT or visit.who.serves(switch.subject)


def _named(what: str) -> tuple[Level, str]:
    """Read ``level:subject``. Raises DeskRefusedError."""
    level, _, subject = what.partition(":")
    try:
        return Level(level), subject
    except ValueError as error:
        raise DeskRefusedError("Choose what to stop.") from error


def _figures(visit: Visit, weeks: tuple[figures.Week, ...]) -> list[Figure]:
    now = visit.desk.clock()
    pending = visit.desk.resolving.approvals(ApprovalState.PENDING)
    waiting = [each for each in pending if each.expires_at > now]
    late = sum(now - each.requested_at > LONG_WAIT for each in waiting)
    runs, failed = sum(week.runs for week in weeks), sum(week.failed for week in weeks)
    return [
        Figure("Hours saved", f"{sum(week.hours for week in weeks):,.1f} h", "", "", tuple(w.hours for w in weeks)),
        Figure("Runs", f"{runs:,}", "", "", tuple(float(week.runs) for week in weeks)),
        Figure(
            "Failed runs",
            f"{failed:,}",
            f"{failed / runs:.1%}" if runs else "",
            "warn" if failed else "good",
            tuple(float(week.failed) for week in weeks),
        ),
        Figure("Waiting for approval", f"{len(waiting):,}", f"{late} over 1 h" if late else "", "bad", ()),
    ]
