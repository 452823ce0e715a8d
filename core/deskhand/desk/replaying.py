"""A failed run's ticket as it is now: what diagnosis may ask, and a changed automation tried on it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deskhand.agent.planning.facts import PlanningFacts
from deskhand.automation.binding import bind
from deskhand.automation.document import Automation, Check
from deskhand.automation.known import KnownActions
from deskhand.automation.linter import errors, lint
from deskhand.automation.plan import Plan, Proposal
from deskhand.desk.automation_facts import LiveFacts, connectors_of
from deskhand.desk.contexts import Contexts
from deskhand.desk.previewing import Previewer, StepPreview, privileged_of
from deskhand.desk.refusals import DeskRefusedError
from deskhand.desk.shelf import overlaid
from deskhand.desk.taxonomies import LiveTaxonomies
from deskhand.knowledge.matching import words_in
from deskhand.mirror.mirror import Mirror, problem_text
from deskhand.records import automations
from deskhand.records.automations import sha256_of
from deskhand.records.database import Records
from deskhand.records.diagnoses import Replay
from deskhand.sdk.actions import connector_of
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import ConnectorError
from deskhand.sdk.models import Reference, TenantContext, Ticket

REPLAYED_BY = "diagnosis"
_PLAN = "p-" + "0" * 16
"""The id of plans that are only looked at, and never kept."""


@dataclass(frozen=True, slots=True)
class Replaying:
    """What it takes to look at tickets and to try automations on them. Nothing is changed anywhere."""

    records: Records
    mirror: Mirror
    contexts: Contexts
    facts: PlanningFacts
    previewer: Previewer
    taxonomies: LiveTaxonomies
    ticket_system: str
    """The connector whose lists the boards' are."""
    actions: KnownActions
    names: Callable[[], tuple[str, ...]]
    """People and clients no document may name."""
    clock: Clock

    def of(self, plan: Plan) -> "TicketNow":
        """Read a failed plan's ticket as it is now. Raises DeskRefusedError and the connectors' errors."""
        context, ticket, _ = self.contexts.read(plan.ticket_id)
        if context.tenant.id != plan.tenant.id:
            raise DeskRefusedError(f"ticket {ticket.id} belongs to another client by now: nothing of it is replayed")
        return TicketNow(self, plan, context, ticket)


@dataclass(frozen=True, slots=True)
class TicketNow:
    """One ticket whose run failed. Methods may raise any error of :mod:`deskhand.sdk.errors`."""

    tools: Replaying
    plan: Plan
    context: TenantContext
    ticket: Ticket

    @property
    def actions(self) -> KnownActions:
        """The actions there are now."""
        return self.tools.actions

    def choices(self, action: str, argument: str, name: str) -> tuple[Reference, ...]:
        """List what an argument could be: what the ticket's board lists, or the client's groups of that name."""
        connector = connector_of(action)
        if argument == "group_id":
            return self.tools.facts.groups_named(self.context, connector, name)
        return self._listed(argument) if connector == self.tools.ticket_system else ()

    def lacks(self, check: Check) -> str | None:
        """Say why a check does not hold now; None where it holds, and for hours, which a failure says nothing of."""
        if check is Check.WITHIN_HOURS:
            return None
        if check is Check.REQUESTER_IS_NOT_PRIVILEGED:
            powerful = self.tools.previewer.privileged(self.plan)
            return f"{', '.join(powerful)} would touch an account that holds power over others" if powerful else None
        return self._live(step.action for step in self.plan.steps).lacks(check)

    def words(self, ticket_id: str) -> frozenset[str]:
        """Return the words of a ticket, as match rules see them; none where it is not mirrored."""
        ticket = self.tools.mirror.ticket(ticket_id)
        return words_in(problem_text(ticket.summary, self.tools.mirror.notes(ticket_id))) if ticket else frozenset()

    def replay(self, document: Automation) -> Replay:
        """Bind a changed automation, with the client's overlay, to the ticket, check it, and look at every step."""
        try:
            return self._replayed(document)
        except (DeskRefusedError, ConnectorError) as error:
            return Replay(is_green=False, lines=(f"It could not be tried: {error}",), would_run=False)

    def _replayed(self, document: Automation) -> Replay:
        found = errors(lint(document, self.actions, names=self.tools.names()))
        if found:
            return Replay(is_green=False, lines=tuple(map(str, found)), would_run=False)
        proposal = self._bound(document)
        if proposal.plan is None:
            return self._kept_off(document, proposal)
        looked = self.tools.previewer.preview(proposal.plan)
        powerful = privileged_of(looked)
        if powerful and Check.REQUESTER_IS_NOT_PRIVILEGED in {each.check for each in document.preconditions}:
            line = f"It keeps off this ticket: {', '.join(powerful)} would touch an account with power over others"
            return Replay(is_green=True, lines=(line,), would_run=False)
        return Replay(is_green=all(not each.problem for each in looked), lines=_lines(looked), would_run=True)

    def _kept_off(self, document: Automation, proposal: Proposal) -> Replay:
        """Count it as a mend where what was newly required is what keeps it off; any other refusal is a failure."""
        reasons = tuple(each.detail for each in proposal.refusals)
        expected = {reason for each in document.preconditions if (reason := self.lacks(each.check))}
        is_mend = set(reasons) <= expected
        lines = tuple(f"It keeps off this ticket: {each}" if is_mend else f"Not bound: {each}" for each in reasons)
        return Replay(is_green=is_mend, lines=lines, would_run=False)

    def _bound(self, document: Automation) -> Proposal:
        overlay = automations.rollout(self.tools.records, document.name, self.context.tenant.id).detail.overlay
        if overlay is not None:
            document, _ = overlaid(document, overlay.yaml)
        return bind(
            document,
            self._live(step.action for step in document.steps),
            self.context,
            self.ticket,
            actions=self.actions,
            sha256=sha256_of(document.model_dump_json()),
            plan_id=_PLAN,
            requested_by=REPLAYED_BY,
            now=self.tools.clock(),
        )

    def _live(self, actions: Iterable[str]) -> LiveFacts:
        return LiveFacts(self.tools.facts, self.context, self.ticket, connectors_of(actions))

    def _listed(self, argument: str) -> tuple[Reference, ...]:
        """List what the board has now: the vendor has just refused one of the values that were known."""
        self.tools.taxonomies.forget(self.ticket.board.id)
        board = self.tools.taxonomies.of(self.ticket.board.id)
        lists = {
            "status_id": board.statuses,
            "type_id": board.types,
            "subtype_id": tuple(Reference(each.id, each.name) for each in board.subtypes),
            "item_id": board.items,
        }
        if argument == "priority_id":
            return tuple(Reference(each.id, each.name) for each in self.tools.taxonomies.priorities())
        return lists.get(argument, ())


def _lines(looked: tuple[StepPreview, ...]) -> tuple[str, ...]:
    return tuple(f"{each.step.id}: {_line(each)}" for each in looked)


def _line(each: StepPreview) -> str:
    if each.problem:
        return f"it would fail: {each.problem}"
    if each.is_late:
        return "it is looked at when its turn comes"
    changes = "; ".join(f"{one.field}: {one.current} → {one.desired}" for one in each.changes)
    return changes[:300] or "it would change nothing"
