"""Holds what a desk did against what would have been right: how good, whose tickets, nothing lost or impossible."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from deskhand.governance.evaluation import FieldReport, evaluate, judged
from deskhand.records.documents import FieldName, Handling, OutcomeKind, TicketKind, Why
from deskhand.sdk.models import Level, Taxonomy, Ticket


@dataclass(frozen=True, slots=True)
class TicketTruth:
    """What would have been right for one ticket; a label is None where nobody knows it.

    ``company_id`` is the PSA's; None says that abstaining is right.
    """

    ticket_id: str
    company_id: str | None
    kind: TicketKind | None = None
    type: str | None = None
    subtype: str | None = None
    impact: Level | None = None
    urgency: Level | None = None


_LABELS: Mapping[FieldName, Callable[[TicketTruth], str | None]] = {
    FieldName.KIND: lambda truth: truth.kind,
    FieldName.TYPE: lambda truth: truth.type,
    FieldName.SUBTYPE: lambda truth: truth.subtype,
    FieldName.IMPACT: lambda truth: truth.impact,
    FieldName.URGENCY: lambda truth: truth.urgency,
}


def field_quality(whys: Iterable[Why], truths: Mapping[str, TicketTruth]) -> dict[FieldName, FieldReport]:
    """Judge each field that has labels. A ticket held for a person counts as not decided.

    Left out are tickets that policy leaves alone and those whose client could not be told.
    """
    considered = [
        (why, truths[why.ticket_id])
        for why in whys
        if why.ticket_id in truths and truths[why.ticket_id].company_id and why.outcome is not OutcomeKind.LEFT_ALONE
    ]
    reports = {}
    for field, label_of in _LABELS.items():
        rows = [
            judged(why.triage.decision(field) if why.triage else None, str(label))
            for why, truth in considered
            if (label := label_of(truth)) is not None
        ]
        if rows:
            reports[field] = evaluate(rows)
    return reports


@dataclass(frozen=True, slots=True)
class IdentityScore:
    """How well tickets were given to clients; each entry is a ticket's id.

    ``wrong``: given to a client it does not belong to, or to one where nobody could have told.
    ``cautious``: held for a person though its client could be told.
    """

    right: tuple[str, ...]
    wrong: tuple[str, ...]
    held: tuple[str, ...]
    cautious: tuple[str, ...]


def identity_score(whys: Iterable[Why], truths: Mapping[str, TicketTruth]) -> IdentityScore:
    """Hold the client each ticket was given to against the truth; what went wrong for other reasons is left out."""
    ends: dict[str, list[str]] = {"right": [], "wrong": [], "held": [], "cautious": []}
    for why in whys:
        truth = truths.get(why.ticket_id)
        if truth is not None and (why.tenant_id or why.outcome is OutcomeKind.QUARANTINED):
            ends[_identity_end(why.tenant_id, truth.company_id)].append(why.ticket_id)
    return IdentityScore(**{end: tuple(ids) for end, ids in ends.items()})


def _identity_end(given: str | None, right: str | None) -> str:
    if given is None:
        return "held" if right is None else "cautious"
    return "right" if given == right else "wrong"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Whether every ticket got what it should, exactly once; each entry is a ticket's id.

    ``lost``: no decision on the record, or no note though one was due. ``doubled``: more than one note.
    ``unasked``: a note where none may be, because the ticket was held or policy leaves it alone.
    """

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    unasked: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is amiss."""
        return not (self.lost or self.doubled or self.unasked)


def delivery(open_tickets: Iterable[str], whys: Iterable[Why], notes: Mapping[str, int]) -> Delivery:
    """Compare the PSA's tickets with the record; ``notes`` counts the desk's own notes in the PSA by ticket."""
    by_ticket = {why.ticket_id: why for why in whys}
    tickets = tuple(open_tickets)
    due = {ticket: is_note_due(by_ticket[ticket]) for ticket in tickets if ticket in by_ticket}
    return Delivery(
        lost=tuple(each for each in tickets if each not in due or (due[each] and not notes.get(each))),
        doubled=tuple(ticket for ticket, count in notes.items() if count > 1),
        unasked=tuple(ticket for ticket, count in notes.items() if count and not due.get(ticket, False)),
    )


def is_note_due(why: Why) -> bool:
    """Tell whether this end of a ticket leaves one note in the PSA."""
    return why.outcome is OutcomeKind.TRIAGED and why.handling in {Handling.SUGGEST, Handling.APPLY}


def impossible_values(
    tickets: Iterable[Ticket], taxonomies: Mapping[str, Taxonomy], priorities: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the tickets with a type, subtype or item their board does not list, or a priority the PSA does not offer.

    ``taxonomies`` are keyed by board id; ``priorities`` are ids, and none says that they are not checked.
    """
    offered = frozenset(priorities)
    return tuple(
        ticket.id
        for ticket in tickets
        if not _is_possible(ticket, taxonomies.get(ticket.board.id))
        or (offered and ticket.priority is not None and ticket.priority.id not in offered)
    )


def _is_possible(ticket: Ticket, taxonomy: Taxonomy | None) -> bool:
    if ticket.type is None:
        return ticket.subtype is None and ticket.item is None
    subtype = None if ticket.subtype is None else ticket.subtype.id
    item = None if ticket.item is None else ticket.item.id
    return taxonomy is not None and taxonomy.accepts(ticket.type.id, subtype, item)
