"""What is worth automating next, from what recurs in closed tickets."""

from starlette.responses import Response

from deskhand.web.shell.pages import page
from deskhand.web.visit import Visit

MOST = 15


def listing(visit: Visit) -> Response:
    """Show what recurs, the most worthwhile first, with the tickets behind each."""
    return page(visit, "automations/candidates.html", candidates=visit.desk.maintaining.candidates(MOST))
