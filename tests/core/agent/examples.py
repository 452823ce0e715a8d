"""An invented client with its board, people and devices, and tickets to triage for it."""

from datetime import UTC, datetime

from deskhand.records.documents import Choice, Decision, Entity, EntityKind, FieldName, SimilarTicket, Triage
from deskhand.sdk.models import (
    Device,
    Note,
    NoteKind,
    Person,
    Priority,
    Reference,
    Subtype,
    Taxonomy,
    TenantContext,
    Ticket,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BOARD = Reference("b1", "Service")
CLIENT = Reference("c1", "Marlow Tern")
OTHER_CLIENT = Reference("c2", "Pellard")
CONTEXT = TenantContext(CLIENT, "new", None, ())
PRIORITIES = tuple(Priority(f"p{rank}", f"Priority {rank}", rank) for rank in range(1, 5))
_LABELS = {
    "Identity": ("Password", "Codes"),
    "Printing": ("Paper", "Toner"),
    "Network": ("Wireless", "Tunnel"),
    "Needs triage": (),
}
TAXONOMY = Taxonomy(
    BOARD,
    tuple(Reference(f"t{place}", name) for place, name in enumerate(_LABELS)),
    tuple(
        Subtype(f"s-{name}", name, frozenset({f"t{place}"}))
        for place, names in enumerate(_LABELS.values())
        for name in names
    ),
    (Reference("i1", "Tray"), Reference("i2", "Drum")),
    (),
)
PEOPLE = (
    Person("p1", "Anna Müller", CLIENT, ("anna@marlow.example",)),
    Person("p2", "Bob Vogt", CLIENT, ("bob@marlow.example",)),
    Person("p3", "Bobby Lenz", CLIENT),
    Person("p4", "Carl Lenz", CLIENT),
    Person("p5", "Old Timer", CLIENT, is_active=False),
    Person("q1", "Dora Canary", OTHER_CLIENT, ("dora@pellard.example",)),
)
DEVICES = (
    Device("d1", "MT-WS-114", CLIENT),
    Device("d2", "SHARED-01", CLIENT),
    Device("e1", "PE-SRV-9", OTHER_CLIENT),
    Device("e2", "SHARED-01", OTHER_CLIENT),
)


def ticket(summary: str, *, ticket_id: str = "new", source: str = "") -> Ticket:
    return Ticket(
        id=ticket_id,
        version="1",
        summary=summary,
        board=BOARD,
        status=Reference("n", "New"),
        is_closed=False,
        created_at=NOW,
        updated_at=NOW,
        company=CLIENT,
        source=Reference("s", source) if source else None,
    )


def message(text: str) -> Note:
    return Note("n1", "new", text, NoteKind.DISCUSSION, NOW, from_customer=True)


def triage(  # every place a stranger's words can stand
    *,
    summary: str = "I am locked out",
    entity: str = "MT-WS-114",
    past_summary: str = "locked out again",
    fix: str = "unlocked the account",
    warning: str = "",
    evidence: str = "words: “locked out”",
) -> Triage:
    """Make a triage with a stranger's words wherever they may stand."""
    return Triage(
        ticket_id="100",
        ticket_version="1",
        tenant_id="c1",
        language="en",
        summary=summary,
        decisions=(
            made(FieldName.KIND, "incident", "incident", 0.95, evidence),
            made(FieldName.TYPE, "t0", "Identity", 0.84, evidence),
            made(FieldName.SUBTYPE, "s-Password", "Password", 0.8, evidence),
            Decision(
                field=FieldName.ITEM, value=None, label=None, confidence=0, abstained_because="no item was ever used"
            ),
            made(FieldName.IMPACT, "low", "low", 0.7, evidence),
            made(FieldName.URGENCY, "high", "high", 0.9, evidence),
            made(FieldName.PRIORITY, "p2", "Priority 2", 0.63, "matrix"),
        ),
        entities=(Entity(kind=EntityKind.DEVICE, text=entity, reference="d1"),),
        similar=(SimilarTicket(ticket_id="77", summary=past_summary, similarity=0.81, fix=fix, hours=0.25),),
        warnings=(warning,) if warning else (),
        engine="none",
        seconds=0.01,
    )


def made(field: FieldName, value: str, label: str, confidence: float, evidence: str) -> Decision:
    return Decision(
        field=field,
        value=value,
        label=label,
        confidence=confidence,
        is_calibrated=field is FieldName.TYPE,
        evidence=(evidence,),
        ranking=(Choice(value=value, label=label, probability=confidence),),
    )
