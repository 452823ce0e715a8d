"""Which fields of a ticket deskhand writes, what each holds, and how a change of it is spelled in a PATCH."""

from collections.abc import Mapping

from deskhand.sdk.http import JsonBody
from deskhand.sdk.models import Level, Ticket, TicketUpdate

REFERENCES: Mapping[str, str] = {
    "type_id": "type",
    "subtype_id": "subType",
    "item_id": "item",
    "priority_id": "priority",
    "status_id": "status",
}
"""References are replaced whole: PSA answers a path such as ``type/id`` with success and changes nothing."""
LEVELS: Mapping[str, str] = {"impact": "impact", "urgency": "severity"}
FIELDS = (*REFERENCES, *LEVELS)


def wanted(update: TicketUpdate) -> dict[str, str]:
    """List the fields to change, in the order they must be written, with the values they shall hold."""
    values = {field: getattr(update, field) for field in FIELDS}
    return {field: str(value) for field, value in values.items() if value is not None}


def held(ticket: Ticket) -> dict[str, str | None]:
    """List what each field holds now: an identifier or a level."""
    references = {
        "type_id": ticket.type,
        "subtype_id": ticket.subtype,
        "item_id": ticket.item,
        "priority_id": ticket.priority,
        "status_id": ticket.status,
    }
    levels = {"impact": ticket.impact, "urgency": ticket.urgency}
    return {
        **{field: value.id if value is not None else None for field, value in references.items()},
        **{field: value.value if value is not None else None for field, value in levels.items()},
    }


def operations(values: Mapping[str, str | None]) -> dict[str, JsonBody]:
    """Spell values as PSA's fields; None empties a field."""
    spelled: dict[str, JsonBody] = {}
    for field, value in values.items():
        if field in LEVELS:
            spelled[LEVELS[field]] = Level(value).value.title() if value is not None else None
        else:
            spelled[REFERENCES[field]] = {"id": int(value)} if value is not None else None
    return spelled
