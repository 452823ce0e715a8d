"""The console's pages: what was handled, whose is uncertain, what is on the record."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from deskhand.desk.desk import Desk
from deskhand.desk.health import Health, Light
from deskhand.knowledge.text import visible
from deskhand.records import explanations, quarantine
from deskhand.records.documents import Decision, FieldName, Handling, OutcomeKind, Why

PAGE = 50
NEWEST_ENTRIES = 200
_PAGE_NUMBER = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Row:
    """One ticket in the list."""

    why: Why
    summary: str
    sub: str
    client: str
    kind: str
    type: Decision | None
    path: str
    priority: str
    written: str


class Console:
    """Renders pages from what is on the record; it changes nothing."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._templates = Environment(
            loader=PackageLoader("deskhand.web"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["moment"] = lambda moment: f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        self._templates.filters["segment"] = lambda text: quote(text, safe="")

    async def tickets(self, request: Request) -> Response:
        """Show what was handled, newest first, by outcome and page."""
        return await run_in_threadpool(self._tickets, request.query_params)

    async def ticket(self, request: Request) -> Response:
        """Show one ticket's triage and why."""
        return await run_in_threadpool(self._ticket, request.path_params["ticket_id"])

    async def quarantine(self, request: Request) -> Response:
        """Show the tickets that are held."""
        del request
        return await run_in_threadpool(self._quarantine)

    async def record(self, request: Request) -> Response:
        """Show the newest entries of the audit log."""
        del request
        return await run_in_threadpool(self._record)

    async def not_found(self, request: Request, error: Exception) -> Response:
        """Say that there is no such page, without echoing its name."""
        del request, error
        return HTMLResponse("Not found. The console begins at /.", 404)

    async def unavailable(self, request: Request, error: Exception) -> Response:
        """Say what keeps records or mirror from being read, and what mends it."""
        del request
        return HTMLResponse(f"This page cannot be shown now. {escape(str(error))}", 503)

    def _tickets(self, query: Mapping[str, str]) -> Response:
        outcome = next((each for each in OutcomeKind if each.value == query.get("outcome")), None)
        page = _page_number(query.get("page", ""))
        found = explanations.recent(self._desk.records, PAGE + 1, offset=page * PAGE, outcome=outcome)
        counts = explanations.counts(self._desk.records)
        health = self._desk.health()
        return self._page(
            "tickets.html",
            "/",
            health,
            rows=[self._row(why) for why in found[:PAGE]],
            figures=_figures(health, counts),
            filters=_filters(outcome, counts),
            model_line=self._desk.model_line,
            newer=_link(outcome, page - 1) if page else None,
            older=_link(outcome, page + 1) if len(found) > PAGE else None,
        )

    def _ticket(self, ticket_id: str) -> Response:
        why = explanations.find(self._desk.records, ticket_id)
        if why is None:
            return HTMLResponse("This ticket has not been handled. The console begins at /.", 404)
        return self._page(
            "ticket.html",
            "",
            self._desk.health(),
            why=why,
            ticket=self._desk.mirror.ticket(ticket_id),
            notes=self._desk.mirror.notes(ticket_id) if why.tenant_id else (),
            client=self._client(why),
            entries=self._desk.records.audit_entries(ticket=ticket_id),
        )

    def _quarantine(self) -> Response:
        entries = quarantine.open_entries(self._desk.records)
        return self._page("quarantine.html", "/quarantine", self._desk.health(), entries=entries)

    def _record(self) -> Response:
        entries = self._desk.records.audit_entries(newest=NEWEST_ENTRIES)
        return self._page("record.html", "/record", self._desk.health(), entries=entries)

    def _page(self, template: str, here: str, health: Health, **values: object) -> Response:
        html = self._templates.get_template(template).render(
            desk_name=health.name,
            here=here,
            held=health.work.get("quarantined", 0),
            lights=[_chip(light) for light in health.lights],
            **values,
        )
        return HTMLResponse(html)

    def _row(self, why: Why) -> Row:
        ticket = self._desk.mirror.ticket(why.ticket_id)
        triage = why.triage
        return Row(
            why=why,
            summary=ticket.summary if ticket else "",
            sub=triage.summary if triage else (why.reasons[0] if why.reasons else ""),
            client=self._client(why),
            kind=_label(why, FieldName.KIND),
            type=triage.decision(FieldName.TYPE) if triage else None,
            path=" › ".join(
                filter(None, (_label(why, FieldName.TYPE), _label(why, FieldName.SUBTYPE), _label(why, FieldName.ITEM)))
            ),
            priority=_label(why, FieldName.PRIORITY),
            written=_written(why),
        )

    def _client(self, why: Why) -> str:
        company = self._desk.mirror.company(why.tenant_id) if why.tenant_id else None
        return company.name if company else "not certain"


def _shown(value: object) -> object:
    """Take out of plain text what could reorder or hide its neighbours; markup of our own templates stays."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _page_number(text: str) -> int:
    return int(text) if _PAGE_NUMBER.fullmatch(text) else 0


def _figures(health: Health, counts: Mapping[OutcomeKind, int]) -> list[dict[str, str]]:
    work = health.work
    figures = (
        ("Triaged", counts.get(OutcomeKind.TRIAGED, 0), "one note each"),
        ("Held", work.get("quarantined", 0), "whose ticket is not certain"),
        ("Left alone", counts.get(OutcomeKind.LEFT_ALONE, 0), "by policy, or closed"),
        ("For a person", work.get("needs review", 0), "handling failed"),
        ("Waiting", work.get("pending", 0), "in the queue"),
    )
    return [{"label": label, "value": f"{count:,}", "detail": detail} for label, count, detail in figures]


def _label(why: Why, field: FieldName) -> str:
    decision = why.triage.decision(field) if why.triage else None
    return (decision.label or "") if decision is not None and decision.is_made else ""


def _written(why: Why) -> str:
    if why.note_id is None:
        return "policy is off" if why.handling is Handling.OFF else ""
    return f"set {', '.join(field.value for field in why.applied)}" if why.applied else "note written"


def _chip(light: Light) -> dict[str, str]:
    tone = "" if light.is_quiet else "good" if light.is_well else "bad"
    return {"tone": tone, "text": light.text, "detail": light.detail}


def _filters(current: OutcomeKind | None, counts: Mapping[OutcomeKind, int]) -> Sequence[dict[str, object]]:
    everything = {"label": "All", "path": "/", "count": sum(counts.values()), "is_current": current is None}
    return [
        everything,
        *(
            {
                "label": kind.value.capitalize(),
                "path": _link(kind, 0),
                "count": counts.get(kind, 0),
                "is_current": kind is current,
            }
            for kind in OutcomeKind
        ),
    ]


def _link(outcome: OutcomeKind | None, page: int) -> str:
    query = {
        key: value for key, value in (("outcome", outcome.value if outcome else ""), ("page", page or "")) if value
    }
    return f"/?{urlencode(query)}" if query else "/"
