"""Automations: the list, one with its versions and stages, and deciding on a version."""

from starlette.responses import Response

from deskhand.web.shell.pages import page
from deskhand.web.visit import Visit


def listing(visit: Visit) -> Response:
    """Show every automation."""
    return page(visit, "automations/automations.html", automations=())


automation = version = approve = reject = effective = draft = edit = back_test = stage = overlay = change_state = (
    listing
)
