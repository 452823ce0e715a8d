"""A ticket and a triage that tests of policy start from."""

from datetime import UTC, datetime

from deskhand.records.documents import Decision, FieldName, Triage
from deskhand.sdk.models import Reference, Ticket

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BOARD = Reference("5", "Service")
TICKET = Ticket(
    id="100",
    version="1",
    summary="Locked out",
    board=BOARD,
    status=Reference("1", "New"),
    is_closed=False,
    created_at=NOW,
    updated_at=NOW,
)


def decision(field: FieldName, value: str | None, confidence: float = 0.95, *, is_calibrated: bool = True) -> Decision:
    label = None if value is None else f"name of {value}"
    doubt = "not sure" if value is None else None
    return Decision(
        field=field,
        value=value,
        label=label,
        confidence=confidence,
        is_calibrated=is_calibrated,
        abstained_because=doubt,
    )


def triage(*decisions: Decision) -> Triage:
    return Triage(
        ticket_id=TICKET.id,
        ticket_version=TICKET.version,
        tenant_id="1",
        language="en",
        summary="Locked out",
        decisions=decisions,
        engine="none",
        seconds=0.0,
    )
