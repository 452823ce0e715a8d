"""Which automations are for a ticket, and what each does about it: watch, be recommended, or begin."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import structlog
from pydantic import JsonValue

from deskhand.agent.drafting.back_test import compare
from deskhand.agent.planning.facts import PlanningFacts
from deskhand.automation import plans
from deskhand.automation.binding import bind
from deskhand.automation.document import Automation, Check
from deskhand.automation.known import KnownActions
from deskhand.automation.plan import Plan, Proposal, Refusal, RefusalReason
from deskhand.automation.stage import Stage
from deskhand.desk.automation_facts import LiveFacts, connectors_of
from deskhand.desk.refusals import DeskRefusedError
from deskhand.desk.shelf import Placed, Shelf
from deskhand.governance.breaker import Flood, MaintenanceSettings
from deskhand.governance.caps import Caps
from deskhand.knowledge.deeds import deeds_in, telling
from deskhand.knowledge.matching import Matcher, Reading, quoted, words_in
from deskhand.mirror.mirror import Mirror, problem_text
from deskhand.records import automations, places
from deskhand.records.accounts import AUTOMATION
from deskhand.records.automations import AutomationState, Shadow, ShadowOutcome, sha256_of
from deskhand.records.database import Records
from deskhand.records.documents import FieldName, Triage
from deskhand.sdk.actions import capability_of
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import ConnectorError, HeldBackError
from deskhand.sdk.models import NoteKind, TenantContext, Ticket

log = structlog.get_logger(__name__)

ACTOR = "desk"
BREAKER = "breaker"
MOST_COMPARED = 200
"""Shadows whose tickets are looked at in one go, the newest first."""

Begin = Callable[[Plan], object]
"""Keeps a plan and submits it, once for its id: a plan that was submitted before is left alone."""
Privileged = Callable[[Plan], Collection[str]]
"""Names the steps of a plan whose target holds power over others, as the vendors say now."""


@dataclass(frozen=True, slots=True)
class Match:
    """An automation that is for a ticket, how far it may go for this client, and why it matches."""

    automation: str
    title: str
    version: int
    stage: Stage
    score: float
    """How alike the ticket is to the rule's closest example, in [0, 1]."""
    reasons: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say it in one line, for people."""
        return f"{self.title} ({self.automation}, version {self.version}): {'; '.join(self.reasons)}"


@dataclass(frozen=True, slots=True)
class Recognising:
    """Holds tickets against approved automations. Nothing is carried out but through ``begin``."""

    records: Records
    mirror: Mirror
    shelf: Shelf
    actions: KnownActions
    facts: PlanningFacts
    privileged: Privileged
    begin: Begin
    clock: Clock
    desk_id: str
    placeholders: frozenset[str] = frozenset()
    """Types, case-folded, that mean nobody has chosen one yet."""
    caps: Caps = field(default_factory=Caps)
    flood: Flood = field(default_factory=lambda: Flood(MaintenanceSettings()))

    def matching(self, context: TenantContext, ticket: Ticket, triage: Triage | None = None) -> tuple[Match, ...]:
        """Return the automations that are for a ticket of this client, the furthest and most alike first."""
        reading = self.reading(ticket, triage)
        found = [match for each in self.shelf.at(context.tenant.id) if (match := self._match(each, reading))]
        return tuple(sorted(found, key=lambda each: (-each.stage.place, -each.score, each.automation)))

    def recommended(self, context: TenantContext, ticket: Ticket, triage: Triage | None = None) -> tuple[str, ...]:
        """Say, one line each, which automations a technician should be told of: not those that are only watched."""
        found = self.matching(context, ticket, triage)
        return tuple(each.sentence for each in found if each.stage is not Stage.SHADOW)

    def considered(self, context: TenantContext, ticket: Ticket, triage: Triage | None = None) -> tuple[Match, ...]:
        """Do about a triaged ticket what each stage says; doing it again after a crash changes nothing.

        Shadow: what it would do goes on the record. Auto: its plan begins, once, where nothing has to be asked and the
        ticket's type is decided; at most one automation begins on a ticket. A directory that cannot be asked makes a
        recommendation of it.
        """
        found = self.matching(context, ticket, triage)
        for match in found:
            if match.stage is Stage.SHADOW and not automations.has_shadow(self.records, match.automation, ticket.id):
                self._shadow(context, ticket, match)
        first = next((each for each in found if each.stage is Stage.AUTO), None)
        if first is not None and self._may_begin(first, context, ticket, triage):
            self._begin(context, ticket, first)
        return found

    def propose(
        self, name: str, context: TenantContext, ticket: Ticket, *, requested_by: str, plan_id: str
    ) -> Proposal:
        """Bind an automation, as it holds at the ticket's client, to a ticket. Raises the errors of directories."""
        return self._bound(self.shelf.placed(name, context.tenant.id), context, ticket, requested_by, plan_id)

    def compare(self) -> int:
        """Hold open shadows against what people did, where their tickets are closed by now; return how many were."""
        every = automations.shadows_of(self.records, limit=MOST_COMPARED)
        closed = [(each, did) for each in every if (did := self._done(each)) is not None]
        for shadow, did in closed:
            with self.records.transaction(ACTOR) as transaction:
                automations.compare_shadow(transaction, _compared(shadow, did))
        return len(closed)

    def reading(self, ticket: Ticket, triage: Triage | None) -> Reading:
        """Read a ticket as rules see it; its type is the one triage decided, else the one a person chose."""
        decision = triage.decision(FieldName.TYPE) if triage else None
        chosen = ticket.type.name if ticket.type else None
        if chosen is not None and chosen.strip().casefold() in self.placeholders:
            chosen = None
        kind = decision.label if decision and decision.is_made else chosen
        return Reading.of(problem_text(ticket.summary, self.mirror.notes(ticket.id)), kind)

    def examples(self, document: Automation) -> dict[str, frozenset[str]]:
        """Read the words of a rule's examples, as far as they are still mirrored."""
        tickets = (self.mirror.ticket(each) for each in document.match.examples)
        return {each.id: words_in(problem_text(each.summary, self.mirror.notes(each.id))) for each in tickets if each}

    def _match(self, placed: Placed, reading: Reading) -> Match | None:
        found = Matcher(placed.document.match, self.examples(placed.document)).judge(reading)
        if not found.is_match:
            return None
        document, version = placed.document, placed.record.version
        return Match(document.name, document.title, version, placed.stage, found.score, found.reasons)

    def _shadow(self, context: TenantContext, ticket: Ticket, match: Match) -> None:
        requested_by = f"{AUTOMATION}{match.automation}"
        proposal = self._tried(context, ticket, match, requested_by)
        steps = proposal.plan.steps if proposal.plan else ()
        shadow = Shadow(
            automation=match.automation,
            ticket_id=ticket.id,
            tenant_id=context.tenant.id,
            version=match.version,
            would=tuple(step.action for step in steps),
            refusals=tuple(each.detail for each in proposal.refusals),
            reasons=match.reasons,
        )
        with self.records.transaction(ACTOR) as transaction:
            automations.record_shadow(transaction, shadow)

    def _begin(self, context: TenantContext, ticket: Ticket, match: Match) -> None:
        full = None if plans.find(self.records, self._plan_id(ticket, match)) else self._full(context, match)
        if full is not None:
            self._meet_cap(context, match, full)
            return
        proposal = self._tried(context, ticket, match, f"{AUTOMATION}{match.automation}")
        reasons = [each.detail for each in proposal.refusals]
        if proposal.plan is not None:
            try:
                self.begin(proposal.plan)
            except HeldBackError:
                raise
            except (ConnectorError, DeskRefusedError) as error:
                reasons = [str(error)]
        if reasons:
            self._hold_back(context, match, reasons)

    def _full(self, context: TenantContext, match: Match) -> str | None:
        """Say which cap of an hour is met; runs that wait for their turn count as well, and the gate counts again."""
        with self.records.reading() as connection:
            found = places.submitted(connection, self.clock(), tenant=context.tenant.id, automation=match.automation)
        return self.caps.met(found, is_by_automation=True)

    def _meet_cap(self, context: TenantContext, match: Match, full: str) -> None:
        """Leave the ticket to people; and where many meet the cap, stop the automation until somebody has looked."""
        self._hold_back(context, match, [f"{full}: a person takes it from here"])
        if self.flood.met(match.automation, self.clock()):
            reason = f"{self.flood.settings.pause_when_held_back} tickets met its cap within an hour: {full}"
            with self.records.transaction(BREAKER) as transaction:
                automations.set_state(transaction, match.automation, AutomationState.PAUSED, reason)
            log.warning("automation paused", automation=match.automation, reason=reason)

    def _hold_back(self, context: TenantContext, match: Match, reasons: Sequence[str]) -> None:
        detail: dict[str, JsonValue] = {"automation": match.automation, "version": match.version}
        detail["reasons"] = [*reasons[:10]]
        with self.records.transaction(ACTOR) as transaction:
            transaction.audit("automation.held_back", tenant=context.tenant.id, ticket=context.ticket_id, detail=detail)

    def _tried(self, context: TenantContext, ticket: Ticket, match: Match, requested_by: str) -> Proposal:
        """Bind, or say why that is not possible now; a vendor that cannot be asked keeps no ticket from its note."""
        name = match.automation
        try:
            return self.propose(name, context, ticket, requested_by=requested_by, plan_id=self._plan_id(ticket, match))
        except HeldBackError:
            raise  # it goes on once calls go again, and the ticket waits for that
        except (ConnectorError, DeskRefusedError) as error:
            log.warning("automation not bound", automation=name, ticket=ticket.id, reason=str(error))
            return _refused(match.title, str(error), RefusalReason.NOT_AVAILABLE)

    def _bound(self, placed: Placed, context: TenantContext, ticket: Ticket, by: str, plan_id: str) -> Proposal:
        document = placed.document
        live = LiveFacts(self.facts, context, ticket, connectors_of(step.action for step in document.steps))
        proposal = bind(
            document,
            live,
            context,
            ticket,
            actions=self.actions,
            sha256=placed.sha256,
            plan_id=plan_id,
            requested_by=by,
            now=self.clock(),
        )
        if proposal.plan is None or Check.REQUESTER_IS_NOT_PRIVILEGED not in _checks(document):
            return proposal
        powerful = self.privileged(proposal.plan)
        if not powerful:
            return proposal
        problem = f"{quoted(sorted(powerful))} would change an account that holds power over others"
        return _refused(document.title, problem, RefusalReason.NOT_PERMITTED)

    def _plan_id(self, ticket: Ticket, match: Match) -> str:
        """Return the one plan id an automation has for a ticket: what was submitted is found again by it."""
        return f"p-{sha256_of(f'{self.desk_id}|{ticket.id}|{match.automation}')[:16]}"

    def _may_begin(self, match: Match, context: TenantContext, ticket: Ticket, triage: Triage | None) -> bool:
        """Let one automation begin on a ticket, and none on words alone where its rule also asks for a type."""
        begun = [each.automation for each in plans.of_ticket(self.records, ticket.id) if _is_by_itself(each)]
        if any(pin is not None and pin.name != match.automation for pin in begun):
            return False
        wanted = self.shelf.placed(match.automation, context.tenant.id).document.match.types
        return not wanted or self.reading(ticket, triage).type_name is not None

    def _done(self, shadow: Shadow) -> tuple[str, ...] | None:
        """Return what people did about an open shadow's ticket; None while it is not closed."""
        if shadow.outcome is not ShadowOutcome.OPEN:
            return None
        ticket = self.mirror.ticket(shadow.ticket_id)
        if ticket is None or not ticket.is_closed or not self.mirror.has_notes(shadow.ticket_id):
            return None
        notes = (note.text for note in self.mirror.notes(shadow.ticket_id) if note.kind is NoteKind.RESOLUTION)
        return deeds_in("\n".join(notes))


def _compared(shadow: Shadow, did: Sequence[str]) -> Shadow:
    wanted = telling(map(capability_of, shadow.would))
    outcome = ShadowOutcome(compare(frozenset(did), wanted)) if wanted else ShadowOutcome.UNKNOWN
    return shadow.model_copy(update={"outcome": outcome, "did": tuple(did)})


def _is_by_itself(plan: Plan) -> bool:
    return plan.requested_by.startswith(AUTOMATION)


def _checks(document: Automation) -> frozenset[Check]:
    return frozenset(each.check for each in document.preconditions)


def _refused(title: str, detail: str, reason: RefusalReason) -> Proposal:
    return Proposal(plan=None, refusals=(Refusal(clause=title, reason=reason, detail=detail),))
