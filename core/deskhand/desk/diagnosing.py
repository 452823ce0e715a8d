"""Failed runs of this desk: diagnosed from the record, mended by a draft, and stopped where they keep failing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from deskhand.agent.diagnosis.changes import Surroundings
from deskhand.agent.diagnosis.diagnosing import Diagnostician, Try
from deskhand.agent.diagnosis.failed_run import ENDED_BADLY, FailedRun, Need
from deskhand.automation import plans
from deskhand.automation.document import Automation, Check
from deskhand.automation.known import KnownActions
from deskhand.automation.plan import Plan
from deskhand.desk.automating import Automating
from deskhand.desk.refusals import DeskRefusedError, require, require_all_clients
from deskhand.desk.replaying import Replaying
from deskhand.desk.shelf import document_of
from deskhand.governance.breaker import Ending, MaintenanceSettings, tripped
from deskhand.records import automations, diagnoses, runs
from deskhand.records.accounts import Account, Role
from deskhand.records.automations import AutomationState, VersionRecord, VersionState
from deskhand.records.database import Records
from deskhand.records.diagnoses import Diagnosis, Replay
from deskhand.records.runs import Cause, Run
from deskhand.sdk.actions import connector_of
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import AuthorizationError, ConnectorError, UnavailableError
from deskhand.sdk.models import Reference

log = structlog.get_logger(__name__)

DIAGNOSIS = Account("diagnosis", "Diagnosis", frozenset({Role.TECHNICIAN}))
"""Who writes proposed versions and pauses automations. Nobody signs in as it, and it approves nothing."""
MOST_LOOKED_AT = 200
MOST_EARLIER = 30
_WORKING = (Role.TECHNICIAN, Role.APPROVER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Diagnosing:
    """Raises DeskRefusedError, saying why, for misuse."""

    records: Records
    automating: Automating
    replaying: Replaying
    needs: Mapping[str, Need]
    settings: MaintenanceSettings
    clock: Clock
    _hopeless: set[str] = field(default_factory=set, init=False)
    """Runs of which nothing can be said; they are not looked at again before the next start."""

    def diagnose(self, run_id: str) -> Diagnosis:
        """Say why a run failed and what would mend it, and keep that in place of an earlier diagnosis."""
        failed = self._failed(run_id)
        around, replay = self._around(failed)
        doctor = Diagnostician(lambda name: automations.next_version(self.records, name))
        found = doctor.diagnose(failed, around, replay, self.clock())
        with self.records.transaction(DIAGNOSIS.name) as transaction:
            diagnoses.save(transaction, found)
        return found

    def diagnosis(self, run_id: str) -> Diagnosis | None:
        """Return what is known of a run's failure, without looking anew."""
        return diagnoses.find(self.records, run_id)

    def propose_change(self, run_id: str, who: Account = DIAGNOSIS) -> VersionRecord:
        """Save the change a diagnosis proposes as a draft, and back-test it; it is approved as any version.

        Its author is the diagnosis, whoever asks for it.
        """
        require(who, *_WORKING)
        require_all_clients(who)
        found = diagnoses.find(self.records, run_id) or self.diagnose(run_id)
        if found.change is None:
            raise DeskRefusedError(f"there is no change to propose. {found.todo}")
        name = found.change.automation
        newest = next(iter(automations.versions(self.records, name)), None)
        if newest is not None and newest.state is VersionState.DRAFT:
            raise DeskRefusedError(f"version {newest.version} of {name} is a draft still: approve or reject it first")
        current = automations.current(self.records, name)
        if current is not None and current.version != found.change.from_version:
            raise DeskRefusedError(
                f"version {current.version} of {name} is approved since: the change is of an older one"
            )
        record = self.automating.save_draft(DIAGNOSIS, name, found.change.yaml)
        value = {"run": run_id, "rule": found.change.rule, "because": found.change.because, "asked_by": who.name}
        with self.records.transaction(who.name) as transaction:
            automations.put_evidence(transaction, record, "diagnosis", dict(value))
        self.automating.back_test(name, record.version)
        return self.automating.version(name, record.version)

    def watch(self) -> tuple[Diagnosis, ...]:
        """Diagnose what failed since the last look, and pause what fails too often; cheap where nothing did."""
        missing = diagnoses.missing(self.records, MOST_LOOKED_AT)
        found = tuple(each for run_id in missing if (each := self._diagnosed(run_id)) is not None)
        for name in sorted({each.automation for each in found} - {""}):
            self.check(name)
        return found

    def check(self, name: str) -> str | None:
        """Pause an automation where its breaker trips; return the reason, or None where it goes on."""
        record, version = automations.find(self.records, name), automations.current(self.records, name)
        if record is None or version is None or record.state is not AutomationState.APPROVED:
            return None
        reason = tripped(self.endings(name), version.version, self.settings)
        if reason is not None:
            self.automating.pause(DIAGNOSIS, name, reason)
            log.warning("automation paused", automation=name, reason=reason, next="see `deskhand automation report`")
        return reason

    def endings(self, name: str) -> Sequence[Ending]:
        """List how an automation's latest runs ended, newest first."""
        causes = diagnoses.causes(self.records)
        ended = [each for each in self._of(name) if each.ended_at is not None and not each.is_shadow]
        return [
            Ending(run.id, plan.automation.version, run.ended_at, causes.get(run.id) if _is_bad(run) else None)
            for run, plan in self._with_plans(ended)
            if plan.automation is not None and run.ended_at is not None and (run.id in causes or not _is_bad(run))
        ]

    def _diagnosed(self, run_id: str) -> Diagnosis | None:
        run = runs.find(self.records, run_id)
        if run is None or run.is_shadow or run_id in self._hopeless:
            return None
        try:
            return self.diagnose(run_id)
        except DeskRefusedError as error:
            self._hopeless.add(run_id)
            log.warning("run not diagnosed", run=run_id, reason=str(error))
            return None

    def _failed(self, run_id: str) -> FailedRun:
        run = runs.find(self.records, run_id)
        if run is None:
            raise DeskRefusedError(f"there is no run {run_id}; `deskhand runs list` shows those there are")
        plan = plans.find(self.records, run.plan_id)
        if plan is None or not _is_bad(run):
            raise DeskRefusedError(f"run {run_id} is {run.state.value}: only a failed run is diagnosed")
        record = self._version(plan)
        others = [each for each in runs.recent(self.records, MOST_LOOKED_AT) if each.id != run_id]
        mine = [each for each in self._of(run.automation) if each.id != run_id] if run.automation else []
        try:
            return FailedRun(
                run=run,
                plan=plan,
                document=document_of(record) if record else None,
                text=record.yaml if record else "",
                lately=[each for each in others if not each.is_shadow],
                earlier=self._with_plans(mine),
                needs=self.needs,
                is_accepted_now=self._accepts(run),
            )
        except ValueError as error:
            raise DeskRefusedError(f"{error}: there is nothing to diagnose") from error

    def _accepts(self, run: Run) -> bool | None:
        """Ask the vendor whether it accepts the credential, where a step was refused for it; None for all others."""
        refused = next((each for each in run.steps if each.cause is Cause.AUTHORIZATION), None)
        connector = self.replaying.previewer.connectors.get(connector_of(refused.action)) if refused else None
        if connector is None:
            return None
        try:
            connector.check()
        except AuthorizationError:
            return False
        except ConnectorError:
            return None
        return True

    def _around(self, failed: FailedRun) -> tuple[Surroundings, Try]:
        """Look at the ticket as it is now; where that is not possible the cause is told from the record alone."""
        try:
            now = self.replaying.of(failed.plan)
        except (DeskRefusedError, ConnectorError) as error:
            return Unreachable(self.replaying.actions, str(error)), _never
        return now, now.replay

    def _version(self, plan: Plan) -> VersionRecord | None:
        pin = plan.automation
        return automations.find_version(self.records, pin.name, pin.version) if pin else None

    def _of(self, name: str) -> list[Run]:
        return runs.recent(self.records, MOST_EARLIER, automation=name)

    def _with_plans(self, some: Sequence[Run]) -> list[tuple[Run, Plan]]:
        found = ((each, plans.find(self.records, each.plan_id)) for each in some)
        return [(run, plan) for run, plan in found if plan is not None]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A ticket that cannot be looked at now, and so no ground for any change."""

    actions: KnownActions
    reason: str

    def choices(self, action: str, argument: str, name: str) -> tuple[Reference, ...]:
        """Raise UnavailableError: nobody can be asked."""
        del action, argument, name
        raise UnavailableError(self.reason)

    def lacks(self, check: Check) -> str | None:
        """Raise UnavailableError: nobody can be asked."""
        del check
        raise UnavailableError(self.reason)

    def words(self, ticket_id: str) -> frozenset[str]:
        """Return none."""
        del ticket_id
        return frozenset()


def _never(_document: Automation) -> Replay:
    return Replay(is_green=False, lines=("The ticket cannot be read now.",), would_run=False)


def _is_bad(run: Run) -> bool:
    return run.state in ENDED_BADLY
