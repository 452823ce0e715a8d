"""Everything a console page can show, with the same words in every place."""

from datetime import UTC, datetime

from deskhand.desk.desk import Desk
from deskhand.records import explanations, quarantine
from deskhand.records.database import Records
from deskhand.records.documents import (
    Choice,
    Decision,
    Entity,
    EntityKind,
    FieldName,
    Handling,
    OutcomeKind,
    SimilarTicket,
    Triage,
    Why,
)
from deskhand.sdk.models import (
    Company,
    EvidenceKind,
    Note,
    NoteKind,
    Reference,
    TenantEvidence,
    Ticket,
)

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def decision(field: FieldName, words: str, *, is_made: bool = True) -> Decision:
    return Decision(
        field=field,
        value="17" if is_made else None,
        label=words if is_made else None,
        confidence=0.83,
        evidence=(words, words),
        abstained_because=None if is_made else words,
        ranking=(Choice(value="17", label=words, probability=0.5),),
    )


def triage(ticket_id: str, words: str, *, is_made: bool = True) -> Triage:
    return Triage(
        ticket_id=ticket_id,
        ticket_version="1",
        tenant_id="7",
        language="en",
        summary=words,
        decisions=tuple(decision(field, words, is_made=is_made) for field in FieldName),
        entities=(Entity(kind=EntityKind.DEVICE, text=words, reference=words),),
        similar=(
            SimilarTicket(ticket_id=words or "9", summary=words, similarity=0.71, fix=words, hours=0.25, closed_at=AT),
        ),
        warnings=(words,),
        engine=words,
        seconds=0.12,
    )


def why(ticket_id: str, words: str = "Plain words", outcome: OutcomeKind = OutcomeKind.TRIAGED, **facts: object) -> Why:
    known: dict[str, object] = {
        "ticket_id": ticket_id,
        "outcome": outcome,
        "tenant_id": "7",
        "reasons": (words, words),
        "handling": Handling.APPLY,
        "note_id": "41",
        "applied": (FieldName.TYPE,),
        "triage": triage(ticket_id, words),
        "decided_at": AT,
    }
    return Why.model_validate({**known, **facts})


def save(desk: Desk, *whys: Why) -> None:
    save_to(desk.records, *whys)


def save_to(records: Records, *whys: Why) -> None:
    with records.transaction("test") as transaction:
        for each in whys:
            explanations.save(transaction, each)


def ticket(ticket_id: str, words: str) -> Ticket:
    return Ticket(
        id=ticket_id,
        version="1",
        summary=words,
        board=Reference("1", words),
        status=Reference("1", words),
        is_closed=False,
        created_at=AT,
        updated_at=AT,
        company=Reference("7", words),
        contact_name=words,
        contact_email=words,
    )


def fill(desk: Desk, words: str, ticket_id: str = "1") -> None:
    """Let one handled ticket and one that is held say these words wherever words can stand."""
    held = f"{ticket_id}0"
    desk.mirror.save_companies([Company("7", words or "?", "ACME")])
    desk.mirror.save_tickets([ticket(ticket_id, words), ticket(held, words)])
    desk.mirror.save_notes(ticket_id, [Note("1", ticket_id, words, NoteKind.DISCUSSION, AT, words, from_customer=True)])
    save(desk, why(ticket_id, words), why(held, words, OutcomeKind.QUARANTINED, triage=None, tenant_id=None))
    evidence = TenantEvidence(EvidenceKind.TEXT, Reference("7", words), words)
    with desk.records.transaction(words or "?") as transaction:
        quarantine.hold(
            transaction,
            "psa_connectwise",
            held,
            reason=words,
            candidates=[Reference("7", words)],
            suggestion=words,
            evidence=[evidence],
        )
        transaction.audit(words or "?", tenant=words, ticket=ticket_id, detail={"words": words})
