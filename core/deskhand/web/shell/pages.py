"""How a template becomes an answer: autoescaped, its strings made inert, under a nonce of its own."""

import hashlib
from datetime import datetime
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, Response

from deskhand.desk.health import Health, Light
from deskhand.knowledge.text import visible
from deskhand.records import approvals
from deskhand.records.accounts import Role
from deskhand.records.approvals import ApprovalState
from deskhand.records.failures import RecordsUnavailableError
from deskhand.web.visit import Visit

PLACES = (
    ("/", "Tickets", "inbox"),
    ("/quarantine", "Quarantine", "hand"),
    ("/approvals", "Approvals", "shield"),
    ("/runs", "Runs", "run"),
    ("/automations", "Automations", "robot"),
    ("/govern", "Govern", "chart"),
    ("/reviews", "Reviews", "tag"),
    ("/record", "Record", "book"),
    ("/switches", "Switches", "power"),
    ("/accounts", "Accounts", "people"),
)
"""Where the console leads: path, name and icon."""


_PARTS_OF = {"/tickets": "/", "/candidates": "/automations"}


class Exact(str):
    """Words a person relies on letter by letter: what cannot be seen is written out instead of left out."""

    __slots__ = ()


def page(visit: Visit, template: str, **values: object) -> Response:
    """Return a whole page of the console, in its frame."""
    health = visit.desk.health()
    frame = {
        "desk_name": health.name,
        "here": _place_of(visit.address),
        "places": [each for each in PLACES if each[0] != "/accounts" or visit.may(Role.ADMIN, Role.AUDITOR)],
        "counts": _counts(visit, health),
        "lights": [_chip(light) for light in health.lights],
    }
    return part(visit, template, frame=frame, **values)


def part(visit: Visit, template: str, **values: object) -> Response:
    """Return a template alone: a part of a page, or a page outside the console's frame."""
    return HTMLResponse(render(visit, template, **values))


def with_status(answer: Response, status: int) -> Response:
    """Return an answer that is no success."""
    answer.status_code = status
    return answer


def render(visit: Visit, template: str, **values: object) -> str:
    """Fill in a template."""
    return _templates().get_template(template).render(visit=visit, **values)


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("deskhand.web", ""),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["moment"] = _moment
    templates.filters["segment"] = lambda text: quote(text, safe="")
    templates.globals["static"] = _static
    return templates


@cache
def _static(name: str) -> str:
    """Return the address of a static file, which changes with its content so that browsers may keep it."""
    content = (files("deskhand.web") / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def _shown(value: object) -> object:
    """Take out of plain text what could reorder or hide its neighbours; markup of our own templates stays."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return written_out(value) if isinstance(value, Exact) else visible(value)


def written_out(text: str) -> str:
    """Return the text as it is, with every character that cannot be seen written as its code."""
    return "".join(each if each == "\n" or each.isprintable() else f"\\u{{{ord(each):x}}}" for each in text)


def _place_of(address: str) -> str:
    """Return the place of the console a page belongs to; a ticket's belongs to the list of tickets."""
    first = f"/{address.split('/')[1]}"
    return first if any(first == path for path, _, _ in PLACES) else _PARTS_OF.get(first, "")


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "—"


def _counts(visit: Visit, health: Health) -> dict[str, int]:
    try:
        waiting = len(approvals.listing(visit.desk.records, ApprovalState.PENDING))
    except RecordsUnavailableError:
        waiting = 0
    return {"/quarantine": health.work.get("quarantined", 0), "/approvals": waiting}


def _chip(light: Light) -> dict[str, str]:
    tone = "" if light.is_quiet else "good" if light.is_well else "bad"
    return {"tone": tone, "text": light.text, "detail": light.detail}
