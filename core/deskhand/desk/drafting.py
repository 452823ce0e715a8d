"""Makes drafts from what the desk knows: a run and its plan, or a ticket's notes, and every mirrored closed ticket."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deskhand.agent.drafting.drafts import Draft, Source, draft_from_notes, draft_from_run
from deskhand.agent.planning.facts import PlanningFacts
from deskhand.automation import plans
from deskhand.automation.known import KnownActions
from deskhand.automation.plan import Plan, SourceKind
from deskhand.desk.automation_facts import LiveFacts, connectors_of, group_names, names_of, ticket_facts
from deskhand.desk.contexts import Contexts
from deskhand.desk.recognising import Recognising
from deskhand.desk.refusals import DeskRefusedError
from deskhand.knowledge.corpus import Corpus
from deskhand.mirror.mirror import Mirror
from deskhand.records import explanations, runs
from deskhand.records.database import Records
from deskhand.records.runs import Run, RunState
from deskhand.sdk.models import NoteKind, TenantContext, Ticket
from deskhand.sdk.roles import TicketSystem


@dataclass(frozen=True, slots=True)
class Drafting:
    """Reads what a draft is made of. Raises the connector's errors where the PSA or a directory cannot be read."""

    records: Records
    mirror: Mirror
    contexts: Contexts
    system: TicketSystem
    facts: PlanningFacts
    actions: KnownActions
    recognising: Recognising
    own_companies: frozenset[str] = frozenset()
    """The PSA identifiers of the MSP itself: its name stands in texts to every client."""

    def from_run(self, run_id: str, taken: Sequence[str]) -> Draft:
        """Draft from a run. Raises DeskRefusedError and NothingToDraftError."""
        run = runs.find(self.records, run_id)
        plan = plans.find(self.records, run.plan_id) if run else None
        if run is None or plan is None:
            raise DeskRefusedError(f"there is no run {run_id}; `deskhand runs list` shows what there is")
        if run.state is not RunState.DONE:
            raise DeskRefusedError(f"run {run_id} is {run.state.value}: draft from one that is done")
        context, ticket, _ = self.contexts.read(run.ticket_id)
        if context.tenant.id != plan.tenant.id:
            raise DeskRefusedError(f"ticket {ticket.id} belongs to another client than when the run was made")
        source = self._source(context, ticket, plan, run)
        return draft_from_run(plan, run, source, self.corpus(), self.actions, taken)

    def from_ticket(self, ticket_id: str, taken: Sequence[str]) -> Draft:
        """Draft from a ticket's resolution notes and time entries. Raises DeskRefusedError and NothingToDraftError."""
        context, ticket, notes = self.contexts.read(ticket_id)
        told = [note.text for note in notes if note.kind is NoteKind.RESOLUTION and not note.from_customer]
        told += [entry.notes for entry in self.system.time_entries(ticket_id) if entry.notes]
        if not told:
            raise DeskRefusedError(f"nobody wrote on ticket {ticket_id} what was done: add a resolution note there")
        source = self._source(context, ticket)
        return draft_from_notes("\n".join(told), source, self.corpus(), self.actions, taken)

    def corpus(self) -> Corpus:
        """Read every closed ticket of the mirror."""
        return Corpus.of(self.mirror.each_closed_ticket())

    def names(self) -> tuple[str, ...]:
        """Return the names of all clients and their people, of two words or more: no document may hold one."""
        companies = [each for each in self.mirror.companies() if each.identifier not in self.own_companies]
        people = (person for each in companies for person in self.mirror.people(each.id))
        whole = (each.name for each in companies if " " in each.name.strip())
        return names_of(people, *whole)

    def _source(
        self, context: TenantContext, ticket: Ticket, plan: Plan | None = None, run: Run | None = None
    ) -> Source:
        live = LiveFacts(self.facts, context, ticket, connectors_of(self._used(plan)))
        groups = _groups(live, plan, run) if plan and run else {}
        people = self.mirror.people(context.tenant.id)
        why = explanations.find(self.records, ticket.id)
        reading = self.recognising.reading(ticket, why.triage if why else None)
        return Source(ticket.id, reading, ticket_facts(live, groups, people))

    def _used(self, plan: Plan | None) -> Iterable[str]:
        return (step.action for step in plan.steps) if plan else self.actions


def _groups(live: LiveFacts, plan: Plan, run: Run) -> dict[str, str]:
    """Find the names of groups whose ids the plan holds, so that they are looked up by name the next time."""
    found: dict[str, str] = {}
    for step in plan.steps:
        argument = step.arguments.get("group_id")
        if argument is None or argument.source is not SourceKind.DIRECTORY:
            continue
        changed = [change.field for each in run.steps if each.id == step.id for change in each.changes]
        found.update(group_names(live, str(argument.value), (*changed, step.clause)))
    return found
