"""Tickets whose owner is not certain, and saying whose they are."""

from starlette.responses import Response

from deskhand.desk.refusals import DeskRefusedError
from deskhand.identity.resolution import Remembered
from deskhand.records import quarantine
from deskhand.web.shell.pages import page
from deskhand.web.visit import Visit

WAYS: tuple[Remembered, ...] = ("address", "domain", "device")


def listing(visit: Visit) -> Response:
    """Show the tickets that are held, the longest waiting first."""
    return page(
        visit,
        "tickets/quarantine.html",
        entries=quarantine.open_entries(visit.desk.records),
        companies=[each for each in visit.desk.mirror.companies() if each.is_active],
        ways=WAYS,
    )


def resolve(visit: Visit) -> Response:
    """Say whose ticket it is, and have it remembered where that is wanted."""
    chosen = visit.form.get("other", "") or visit.form.get("tenant", "")
    if not chosen:
        raise DeskRefusedError("Choose whose ticket it is.")
    what = next((way for way in WAYS if way == visit.form.get("remember")), None)
    visit.desk.holding.resolve(
        visit.who, visit.form.get("ticket", ""), chosen, remember_by=what, device=visit.form.get("device", "")
    )
    return visit.go("/quarantine")
