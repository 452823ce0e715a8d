"""Who votes in whose place: the list, and the forms to lend one's approving and to end that."""

from datetime import UTC, date, datetime, time, timedelta

from starlette.responses import Response

from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance.votes import WORKING
from deskhand.records.accounts import Role
from deskhand.web.shell.pages import page
from deskhand.web.visit import Visit


def listing(visit: Visit) -> Response:
    """Show every delegation, and let an approver add one."""
    governing, now = visit.desk.governing, visit.desk.clock()
    known = governing.delegations()
    open_now = [each for each in known if each.ended_by is None and now < each.ends_at]
    is_admin = visit.may(Role.ADMIN)
    return page(
        visit,
        "approvals/delegations.html",
        serving=open_now,
        over=[each for each in known if each not in open_now][:50],
        endable={each.id for each in open_now if is_admin or visit.who.name in {each.delegator, each.delegate}},
        people=[each for each in governing.accounts() if each.is_active and not WORKING.isdisjoint(each.roles)],
        can_delegate=visit.may(Role.APPROVER),
        now=now,
    )


def add(visit: Visit) -> Response:
    """Let somebody vote in the visitor's place, until the end of a day."""
    form = visit.form
    visit.desk.governing.delegate(
        visit.who,
        form.get("to", ""),
        starts_at=_midnight(form["since"]) if form.get("since") else None,
        ends_at=_midnight(form.get("until", "")) + timedelta(days=1),
        reason=form.get("reason", ""),
    )
    return visit.go("/delegations")


def end(visit: Visit) -> Response:
    """End a delegation now."""
    visit.desk.governing.end_delegation(visit.who, visit.form.get("delegation", ""))
    return visit.go("/delegations")


def _midnight(day: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(day), time(), UTC)
    except (ValueError, OverflowError) as error:
        raise DeskRefusedError("Choose a day.") from error
