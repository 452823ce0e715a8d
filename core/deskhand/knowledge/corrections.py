"""Closed tickets as reviewers say they should have been filed: what people corrected is what is learned."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from deskhand.mirror.tickets import PastTicket
from deskhand.records.documents import FieldName
from deskhand.sdk.models import Level, Reference, Ticket

Corrections = Mapping[FieldName, Reference]
"""What each field of one ticket should be."""


def corrected(past: Sequence[PastTicket], labels: Mapping[str, Corrections]) -> list[PastTicket]:
    """Return the tickets with the fields that people corrected, by ticket id, set right; order and others stay."""
    return [
        replace(each, ticket=_filed(each.ticket, labels[each.ticket.id])) if each.ticket.id in labels else each
        for each in past
    ]


def _filed(ticket: Ticket, right: Corrections) -> Ticket:
    """File a ticket rightly; below a field that was wrong, only what was corrected too still means anything."""
    impact, urgency = right.get(FieldName.IMPACT), right.get(FieldName.URGENCY)
    kind = right.get(FieldName.TYPE, ticket.type)
    is_moved = kind is not None and (ticket.type is None or ticket.type.id != kind.id)
    subtype = right.get(FieldName.SUBTYPE, None if is_moved else ticket.subtype)
    is_moved = is_moved or (subtype is not None and (ticket.subtype is None or ticket.subtype.id != subtype.id))
    return replace(
        ticket,
        type=kind,
        subtype=subtype,
        item=right.get(FieldName.ITEM, None if is_moved else ticket.item),
        impact=Level(impact.id) if impact else ticket.impact,
        urgency=Level(urgency.id) if urgency else ticket.urgency,
    )
