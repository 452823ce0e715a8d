"""What came of a rehearsal: delivered once, nothing impossible, nobody's ticket mistaken, and how good it was."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from deskhand.demo.scoring import (
    Delivery,
    IdentityScore,
    delivery,
    field_quality,
    identity_score,
    impossible_values,
)
from deskhand.demo.story import StoryReport
from deskhand.demo.world import RehearsalWorld
from deskhand.desk.desk import Desk
from deskhand.desk.stores import verify_records
from deskhand.governance.evaluation import FieldReport
from deskhand.records import explanations
from deskhand.records.audit.verification import Verification
from deskhand.records.documents import FieldName, OutcomeKind, Why
from deskhand.sdk.models import NoteKind
from deskhand.sdk.roles import TicketSystem


@dataclass(frozen=True, slots=True)
class DemoReport:
    """The verdict. ``calls_per_ticket`` counts every request of the run, history included."""

    tickets: int
    outcomes: Mapping[OutcomeKind, int]
    notes: int
    delivery: Delivery
    impossible: tuple[str, ...]
    identity: IdentityScore
    quality: Mapping[FieldName, FieldReport]
    audit: Verification
    engine: str
    history: str
    seconds: float
    calls_per_ticket: float
    story: StoryReport | None = None
    """What came of the story that follows the tickets."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Name every broken promise; none is a success."""
        found = {
            "lost": self.delivery.lost,
            "doubled": self.delivery.doubled,
            "noted though not due": self.delivery.unasked,
            "given an impossible value": self.impossible,
            "given to the wrong client": self.identity.wrong,
        }
        broken = [f"{len(ids)} tickets {what}: {', '.join(ids[:10])}" for what, ids in found.items() if ids]
        if not self.audit.ok:
            broken.append(f"the audit log does not verify: {self.audit.reason}")
        if self.story is not None and self.story.problem:
            broken.append(self.story.problem)
        return tuple(broken)


def judge(desk: Desk, world: RehearsalWorld, *, seconds: float, calls: int) -> DemoReport:
    """Read back from record and PSA what happened, and hold it against what would have been right."""
    system = desk.connections.ticket_system
    whys = _explanations(desk)
    notes = _own_notes(system, world, desk.configuration.desk.name)
    tickets = [system.ticket(number) for number in world.open_tickets]
    taxonomies = {board.id: system.taxonomy(board.id) for board in system.boards()}
    return DemoReport(
        tickets=len(world.open_tickets),
        outcomes=Counter(why.outcome for why in whys),
        notes=sum(notes.values()),
        delivery=delivery(world.open_tickets, whys, notes),
        impossible=impossible_values(tickets, taxonomies, [each.id for each in system.priorities()]),
        identity=identity_score(whys, world.truths),
        quality=field_quality(whys, world.truths),
        audit=verify_records(desk.configuration),
        engine=str(desk.engine.identity()),
        history=str(desk.judgement.history),
        seconds=seconds,
        calls_per_ticket=calls / max(1, len(world.open_tickets)),
    )


def _explanations(desk: Desk) -> list[Why]:
    return explanations.recent(desk.records, explanations.count(desk.records))


def _own_notes(system: TicketSystem, world: RehearsalWorld, name: str) -> dict[str, int]:
    """Count the desk's notes by ticket. Only internal notes count: a customer cannot write one."""
    return {
        number: sum(
            each.kind is NoteKind.INTERNAL and each.text.startswith(f"{name} triage:") for each in system.notes(number)
        )
        for number in world.open_tickets
    }
