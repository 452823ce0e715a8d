"""Decisions drawn for review, and what people say of them: their marks become labels."""

from starlette.responses import Response

from deskhand.desk.refusals import DeskRefusedError
from deskhand.records.reviews import Mark, ReviewState, Subject
from deskhand.web.shell.pages import page
from deskhand.web.visit import Visit

MOST = 25


def listing(visit: Visit) -> Response:
    """Show what waits for a mark, the longest waiting first, and whether anything drifts."""
    maintaining = visit.desk.maintaining
    waiting = maintaining.reviews(ReviewState.OPEN, MOST)
    return page(
        visit,
        "governing/reviews.html",
        reviews=[(each, maintaining.reviewing.choices(each)) for each in waiting],
        marked=maintaining.reviews(ReviewState.MARKED, MOST),
        drift=maintaining.drift(),
    )


def mark(visit: Visit) -> Response:
    """Say whether a decision was right, and what it should have been."""
    form = visit.form
    try:
        subject, said = Subject(form.get("subject", "")), Mark(form.get("mark", ""))
    except ValueError as error:
        raise DeskRefusedError("Choose right, wrong or unsure.") from error
    right = (form.get("right") or None) if said is Mark.WRONG else None
    visit.desk.maintaining.mark(visit.who, subject, form.get("id", ""), said, right, form.get("comment", ""))
    return visit.go("/reviews")
