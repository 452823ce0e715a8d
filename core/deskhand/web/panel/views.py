"""The panel's page and its parts, and what a technician does on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from deskhand.automation.plan import Proposal
from deskhand.automation.stage import Stage
from deskhand.desk.correcting import TicketChoices
from deskhand.desk.refusals import DeskRefusedError
from deskhand.records import explanations
from deskhand.records.documents import Decision, FieldName, Why
from deskhand.sdk.errors import ConnectorError
from deskhand.sdk.models import Ticket
from deskhand.web.live import changes_of
from deskhand.web.runs import story
from deskhand.web.shell.pages import part
from deskhand.web.visit import MissingError, Visit


@dataclass(frozen=True, slots=True)
class Row:
    """One field of the triage beside what the ticket says now."""

    decision: Decision
    was: str
    is_set: bool
    """The ticket has this value already."""


def panel(visit: Visit) -> Response:
    """Show the panel of one ticket."""
    return _page(visit, None, "")


def work(visit: Visit) -> Response:
    """Show the part that changes while a plan waits and runs."""
    ticket_id = visit.path["ticket"]
    return part(visit, "panel/work.html", **_work(visit, ticket_id, None))


def events(visit: Visit) -> Response:
    """Tell, as it happens, that something about the ticket has changed; not what."""
    ticket_id, desk = visit.path["ticket"], visit.desk
    return changes_of(lambda: story.fingerprint(desk, ticket_id), visit.query.get("seen", ""), desk.stopping)


def propose(visit: Visit) -> Response:
    """Plan what a sentence or an automation comes to; refusals are shown and keep nothing."""
    ticket_id, sentence = visit.path["ticket"], visit.form.get("sentence", "").strip()
    automation = visit.form.get("automation", "")
    if automation:
        proposal = visit.desk.recommending.recommend(visit.who, ticket_id, automation)
    elif sentence:
        proposal = visit.desk.resolving.propose(visit.who, ticket_id, sentence)
    else:
        raise DeskRefusedError("Say what to do on this ticket, in your own words.")
    if proposal.plan is not None and not visit.is_partial:
        return visit.go(panel_of(ticket_id))
    if visit.is_partial:
        return part(visit, "panel/work.html", **_work(visit, ticket_id, proposal))
    return _page(visit, proposal, sentence)


def submit(visit: Visit) -> Response:
    """Run a plan that only touches the PSA; ask for approval of any other."""
    plan = visit.desk.resolving.plan(visit.path["plan"])
    visit.desk.resolving.submit(visit.who, plan.id)
    return visit.done(panel_of(plan.ticket_id))


def offers(visit: Visit) -> Response:
    """Show the automations that fit the ticket and may be taken up here; nothing where that cannot be told now."""
    ticket_id, desk = visit.path["ticket"], visit.desk
    try:
        context, ticket, _ = desk.resolving.contexts.read(ticket_id)
        found = [each for each in desk.automating.matching(context, ticket) if each.stage.place >= Stage.ASK.place]
    except (DeskRefusedError, ConnectorError):
        found = []
    return part(visit, "panel/offers.html", ticket_id=ticket_id, offers=found)


def correction(visit: Visit) -> Response:
    """Show the form for other values, filled with what the ticket's board accepts right now."""
    ticket_id = visit.path["ticket"]
    return part(visit, "panel/correction.html", ticket_id=ticket_id, choices=_choices(visit, ticket_id))


def triage(visit: Visit) -> Response:
    """Set on the ticket what was suggested, or what the technician says instead."""
    ticket_id = visit.path["ticket"]
    if visit.form.get("what") == "correct":
        visit.desk.correcting.correct(visit.who, ticket_id, _corrected(visit.form))
    else:
        visit.desk.correcting.apply(visit.who, ticket_id)
    if visit.is_partial:
        return part(visit, "panel/triage.html", **_triage(visit, ticket_id))
    return visit.go(panel_of(ticket_id))


def panel_of(ticket_id: str) -> str:
    """Return the address of a ticket's panel."""
    return f"/panel/{quote(ticket_id, safe='')}"


def _page(visit: Visit, proposal: Proposal | None, sentence: str) -> Response:
    ticket_id = visit.path["ticket"]
    known = _triage(visit, ticket_id)
    wants_form = visit.query.get("correct") == "1"
    return part(
        visit,
        "panel/panel.html",
        **{**known, **_work(visit, ticket_id, proposal)},
        sentence=sentence,
        choices=_choices(visit, ticket_id) if wants_form else None,
        seen=story.fingerprint(visit.desk, ticket_id),
    )


def _triage(visit: Visit, ticket_id: str) -> dict[str, object]:
    why, ticket = explanations.find(visit.desk.records, ticket_id), visit.desk.mirror.ticket(ticket_id)
    if why is None and ticket is None:
        raise MissingError("This ticket has not been read yet. It appears here as soon as the desk has handled it.")
    company = visit.desk.mirror.company(why.tenant_id) if why is not None and why.tenant_id else None
    rows = _rows(why, ticket)
    return {
        "ticket_id": ticket_id,
        "why": why,
        "ticket": ticket,
        "client": company.name if company else "client not certain",
        "rows": rows,
        "pending": sum(row.decision.is_made and not row.is_set and row.was is not _OURS for row in rows),
    }


def _work(visit: Visit, ticket_id: str, proposal: Proposal | None) -> dict[str, object]:
    told = None if proposal is not None and proposal.refusals else story.of_ticket(visit.desk, ticket_id)
    return {
        "ticket_id": ticket_id,
        "story": told,
        "proposal": proposal,
        "back": panel_of(ticket_id),
        "now": visit.desk.clock(),
    }


def _rows(why: Why | None, ticket: Ticket | None) -> list[Row]:
    decisions = why.triage.decisions if why is not None and why.triage is not None else ()
    current = _current(ticket) if ticket is not None else {}
    return [
        Row(each, current.get(each.field, _OURS), current.get(each.field) == each.label and each.is_made)
        for each in decisions
    ]


_OURS = ""
"""The kind of a ticket is ours alone: the PSA has no field for it."""


def _current(ticket: Ticket) -> Mapping[FieldName, str]:
    named = {
        FieldName.TYPE: ticket.type,
        FieldName.SUBTYPE: ticket.subtype,
        FieldName.ITEM: ticket.item,
        FieldName.PRIORITY: ticket.priority,
    }
    words = {field: reference.name if reference else "none" for field, reference in named.items()}
    levels = {FieldName.IMPACT: ticket.impact, FieldName.URGENCY: ticket.urgency}
    return words | {field: level.value if level else "none" for field, level in levels.items()}


def _choices(visit: Visit, ticket_id: str) -> TicketChoices:
    return visit.desk.correcting.choices(ticket_id)


def _corrected(form: Mapping[str, str]) -> dict[FieldName, str]:
    """Return the values a technician chose; those left as they are, are left out."""
    type_id, _, subtype_id = form.get("category", "").partition("|")
    chosen = {
        FieldName.TYPE: type_id,
        FieldName.SUBTYPE: subtype_id,
        **{field: form.get(field.value, "") for field in _PLAIN},
    }
    return {field: value for field, value in chosen.items() if value}


_PLAIN = (FieldName.ITEM, FieldName.PRIORITY, FieldName.IMPACT, FieldName.URGENCY)
