"""Keeping automations well: diagnoses and pauses, candidates, reviews, drift and reports, behind one name."""

from dataclasses import dataclass

from deskhand.agent.diagnosis.failed_run import Need
from deskhand.agent.planning.facts import PlanningFacts
from deskhand.automation.known import known
from deskhand.configuration.schema import Configuration
from deskhand.desk.automating import Automating
from deskhand.desk.candidates import Candidates, doables_of
from deskhand.desk.contexts import Contexts
from deskhand.desk.diagnosing import DIAGNOSIS, Diagnosing
from deskhand.desk.policies import Policies
from deskhand.desk.previewing import Previewer
from deskhand.desk.replaying import Replaying
from deskhand.desk.reporting import AutomationReport, Month, Reporting
from deskhand.desk.reviewing import Reviewing
from deskhand.desk.taxonomies import LiveTaxonomies
from deskhand.governance.drift import Drift
from deskhand.governance.permission import LivePermissions
from deskhand.knowledge.opportunities import Opportunity
from deskhand.mirror.mirror import Mirror
from deskhand.records.accounts import Account
from deskhand.records.automations import VersionRecord
from deskhand.records.database import Records
from deskhand.records.diagnoses import Diagnosis
from deskhand.records.reviews import Mark, Review, ReviewState, Subject
from deskhand.sdk.actions import AnyAction
from deskhand.sdk.clock import Clock


@dataclass(frozen=True, slots=True)
class Maintaining:
    """What people ask about automations that run. Raises DeskRefusedError, saying why, for misuse."""

    diagnosing: Diagnosing
    reviewing: Reviewing
    reporting: Reporting
    seeking: Candidates

    def diagnose(self, run_id: str) -> Diagnosis:
        """Say why a run failed and what would mend it, looking anew."""
        return self.diagnosing.diagnose(run_id)

    def diagnosis(self, run_id: str) -> Diagnosis | None:
        """Return what is known of a run's failure, without looking anew."""
        return self.diagnosing.diagnosis(run_id)

    def propose_change(self, run_id: str, who: Account = DIAGNOSIS) -> VersionRecord:
        """Save the change a diagnosis proposes as a draft, and back-test it; it is approved as any version."""
        return self.diagnosing.propose_change(run_id, who)

    def watch(self) -> tuple[Diagnosis, ...]:
        """Diagnose what failed since the last look, and pause what fails too often."""
        return self.diagnosing.watch()

    def candidates(self, limit: int = 20, client: str | None = None) -> list[Opportunity]:
        """Rank what is worth automating next."""
        return self.seeking.ranked(limit, client)

    def sample(self) -> int:
        """Draw decisions for review; return how many are new."""
        return self.reviewing.sample()

    def reviews(self, state: ReviewState = ReviewState.OPEN, limit: int = 100) -> list[Review]:
        """List what was drawn."""
        return self.reviewing.listed(state, limit)

    def mark(
        self, who: Account, subject: Subject, review_id: str, mark: Mark, right: str | None = None, comment: str = ""
    ) -> Review:
        """Say whether a decision was right, and what it should have been."""
        return self.reviewing.mark(who, subject, review_id, mark, right, comment)

    def drift(self) -> tuple[Drift, ...]:
        """Hold the latest decisions and marks against those before."""
        return self.reviewing.drift()

    def report(self, name: str) -> AutomationReport:
        """Report on one automation: who stands behind it, its runs and their outcomes."""
        return self.reporting.automation(name)

    def months(self, client: str | None = None) -> tuple[Month, ...]:
        """Report month by month and client by client."""
        return self.reporting.months(client)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The rooms and services that maintaining stands on."""

    configuration: Configuration
    records: Records
    mirror: Mirror
    actions: tuple[AnyAction, ...]
    """Of the configured connectors."""
    contexts: Contexts
    facts: PlanningFacts
    previewer: Previewer
    taxonomies: LiveTaxonomies
    automating: Automating
    permissions: LivePermissions
    clock: Clock


def maintaining(around: Surroundings) -> Maintaining:
    """Join what maintains; nothing is contacted."""
    configuration, records, mirror = around.configuration, around.records, around.mirror
    policies = Policies(configuration.policy, configuration.clients, mirror)
    replaying = Replaying(
        records=records,
        mirror=mirror,
        contexts=around.contexts,
        facts=around.facts,
        previewer=around.previewer,
        taxonomies=around.taxonomies,
        ticket_system=configuration.desk.ticket_system,
        actions=known(around.actions),
        names=around.automating.drafting.names,
        clock=around.clock,
    )
    needs = {each.name: Need(each.permission, each.documentation) for each in around.actions}
    return Maintaining(
        Diagnosing(records, around.automating, replaying, needs, configuration.maintenance, around.clock),
        Reviewing(records, mirror, policies, around.clock),
        Reporting(records, mirror),
        Candidates(mirror, policies, around.permissions, doables_of(around.actions), around.clock),
    )
