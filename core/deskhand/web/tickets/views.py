"""The tickets that were handled, newest first, and each one's why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from deskhand.desk.desk import Desk
from deskhand.records import explanations
from deskhand.records.documents import Decision, FieldName, Handling, OutcomeKind, Why
from deskhand.web.shell.pages import page
from deskhand.web.visit import MissingError, Visit

PAGE = 50
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


def listing(visit: Visit) -> Response:
    """Show what was handled, by outcome and page."""
    desk, query = visit.desk, visit.query
    outcome = next((each for each in OutcomeKind if each.value == query.get("outcome")), None)
    number = page_number(query.get("page", ""))
    found = explanations.recent(desk.records, PAGE + 1, offset=number * PAGE, outcome=outcome)
    counts = explanations.counts(desk.records)
    return page(
        visit,
        "tickets/tickets.html",
        rows=[_row(desk, why) for why in found[:PAGE]],
        figures=_figures(desk.health().work, counts),
        filters=_filters(outcome, counts),
        model_line=desk.model_line,
        here=_link(outcome, number),
        newer=_link(outcome, number - 1) if number else None,
        older=_link(outcome, number + 1) if len(found) > PAGE else None,
    )


def ticket(visit: Visit) -> Response:
    """Show one ticket's triage and why."""
    ticket_id, desk = visit.path["ticket"], visit.desk
    why = explanations.find(desk.records, ticket_id)
    if why is None:
        raise MissingError("This ticket has not been handled.")
    return page(
        visit,
        "tickets/ticket.html",
        why=why,
        ticket=desk.mirror.ticket(ticket_id),
        notes=desk.mirror.notes(ticket_id) if why.tenant_id else (),
        client=client_of(desk, why),
        entries=desk.records.audit_entries(ticket=ticket_id),
        runs=desk.resolving.runs(ticket=ticket_id),
    )


def client_of(desk: Desk, why: Why) -> str:
    """Name the client a ticket belongs to."""
    company = desk.mirror.company(why.tenant_id) if why.tenant_id else None
    return company.name if company else "not certain"


def page_number(text: str) -> int:
    """Read the number of a page; what is none is the first."""
    return int(text) if text.isascii() and _PAGE_NUMBER.fullmatch(text) else 0


def _row(desk: Desk, why: Why) -> Row:
    known, triage = desk.mirror.ticket(why.ticket_id), why.triage
    path = (_label(why, FieldName.TYPE), _label(why, FieldName.SUBTYPE), _label(why, FieldName.ITEM))
    return Row(
        why=why,
        summary=known.summary if known else "",
        sub=triage.summary if triage else (why.reasons[0] if why.reasons else ""),
        client=client_of(desk, why),
        kind=_label(why, FieldName.KIND),
        type=triage.decision(FieldName.TYPE) if triage else None,
        path=" › ".join(filter(None, path)),
        priority=_label(why, FieldName.PRIORITY),
        written=_written(why),
    )


def _figures(work: Mapping[str, int], counts: Mapping[OutcomeKind, int]) -> list[dict[str, str]]:
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


def _link(outcome: OutcomeKind | None, number: int) -> str:
    query = {
        key: value for key, value in (("outcome", outcome.value if outcome else ""), ("page", number or "")) if value
    }
    return f"/?{urlencode(query)}" if query else "/"
