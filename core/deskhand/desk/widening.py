"""A new version's way from one client to five and the rest, and back where it fails; what an admin may do about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from deskhand.automation import plans
from deskhand.automation.stage import Stage
from deskhand.desk.authoring import said
from deskhand.desk.refusals import DeskRefusedError, require, require_all_clients
from deskhand.governance.breaker import INNOCENT, MaintenanceSettings
from deskhand.governance.canary import Evidence, lacks, room, widened
from deskhand.records import automations, canaries, diagnoses, reviews, runs
from deskhand.records.accounts import AUTOMATION, Account, Role
from deskhand.records.automations import Rollout, VersionState
from deskhand.records.canaries import Canary, Wave
from deskhand.records.database import Records
from deskhand.records.reviews import Mark, Subject
from deskhand.records.runs import Cause, Run, RunState
from deskhand.sdk.clock import Clock

log = structlog.get_logger(__name__)

ACTOR = "canary"
_MOST_RUNS = 1_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the newest version of an automation has come, and what it takes to go further."""

    canary: Canary
    evidence: Evidence
    lacking: str
    """Empty where it goes further at the next look, or nowhere further."""

    def lines(self, who: Account | None = None, names: Mapping[str, str] | None = None) -> list[str]:
        """Say for people how far it has come, who has it, who waits, and what it takes to go further.

        Clients the account is not for are only counted; without one it is the server's own operator who asks. ``names``
        are the clients' by their ids, which stand for those that have none there.
        """
        canary, known = self.canary, names or {}
        far = "wherever it was staged" if canary.wave is Wave.ALL else f"wave “{canary.wave}”"
        first = f"Version {canary.version} of {canary.automation}: {far}"
        if canary.wave is Wave.STOPPED:
            return [f"{first}: {canary.reason}. Each client is back where it was; mend it in a new version."]
        told = [first, f"Has it: {_named(canary.given, who, known)}"]
        if canary.waiting:
            told.append(f"Next: {_named(canary.waiting, who, known)}")
        if canary.is_under_way:
            told.append(f"Still missing: {self.lacking or 'nothing, it goes further within a minute'}")
        return told


@dataclass(frozen=True, slots=True)
class Widening:
    """Moves versions from wave to wave. Raises DeskRefusedError, saying why, for misuse."""

    records: Records
    clock: Clock
    settings: MaintenanceSettings

    def progress(self, name: str) -> Progress | None:
        """Say how far the newest approved version has come; None where it never stood at auto."""
        current = automations.current(self.records, name)
        canary = canaries.find(self.records, name, current.version) if current is not None else None
        if canary is None:
            return None
        evidence = self._evidence(canary)
        lacking = lacks(canary, evidence, self.clock(), self.settings) if canary.is_under_way else ""
        return Progress(canary, evidence, lacking)

    def look(self) -> None:
        """Widen what has proven itself, and take back what failed."""
        for canary in canaries.under_way(self.records):
            evidence = self._evidence(canary)
            if evidence.failures:
                self._stop(canary, evidence.failures)
            elif not lacks(canary, evidence, self.clock(), self.settings):
                self._widen(canary, ACTOR)

    def admitted(self, rollout: Rollout) -> tuple[Canary, Rollout]:
        """Say what holds at a client staged at auto: its version now, or when its turn comes. Nothing is kept."""
        name, version, tenant = rollout.automation, rollout.detail.version, rollout.tenant_id
        canary = canaries.find(self.records, name, version)
        if canary is None or canary.wave is Wave.STOPPED:
            canary = self._begun(name, version, tenant)
        elif tenant not in canary.clients:
            canary = canary.model_copy(update={"clients": (*canary.clients, tenant)})
        if tenant not in canary.given and (canary.wave is Wave.ALL or room(canary)):
            canary = canary.model_copy(update={"given": (*canary.given, tenant)})
        held = automations.rollout(self.records, name, tenant)
        if tenant in canary.given:
            return canary, _moved(held, version, rollout)
        return canary, held if held.stage == Stage.AUTO else replace(rollout, stage=Stage.ASK.value)

    def without(self, rollout: Rollout) -> Canary | None:
        """Return what is under way without a client that is moved back from auto; None where it was in nothing."""
        current = automations.current(self.records, rollout.automation)
        canary = canaries.find(self.records, rollout.automation, current.version) if current is not None else None
        if canary is None or rollout.tenant_id not in canary.clients:
            return None
        clients = tuple(each for each in canary.clients if each != rollout.tenant_id)
        given = tuple(each for each in canary.given if each != rollout.tenant_id)
        return canary.model_copy(update={"clients": clients, "given": given})

    def hold(self, who: Account, name: str, reason: str) -> Canary:
        """Keep a version where it is until an admin lets it go on."""
        return self._put(who, self._under_way(who, name), "held", held_by=who.name, reason=said(reason))

    def go_on(self, who: Account, name: str, reason: str) -> Canary:
        """Let a version that was held go further."""
        return self._put(who, self._under_way(who, name), "released", held_by="", reason=said(reason))

    def ahead(self, who: Account, name: str, reason: str) -> Canary:
        """Take the next wave now, without its evidence."""
        canary = self._under_way(who, name).model_copy(update={"held_by": "", "reason": said(reason)})
        return self._widen(canary, who.name)

    def first(self, who: Account, name: str, tenants: Iterable[str]) -> Canary:
        """Choose whose turn comes next, in this order; who has the version keeps it."""
        canary, wanted = self._under_way(who, name), tuple(dict.fromkeys(tenants))
        strangers = [each for each in wanted if each not in canary.clients]
        if strangers:
            raise DeskRefusedError(f"{name} is not staged at auto for {', '.join(strangers)}: stage it there first")
        order = (*wanted, *(each for each in canary.clients if each not in wanted))
        return self._put(who, canary, "ordered", clients=order)

    def _begun(self, name: str, version: int, tenant: str) -> Canary:
        others = automations.rollouts_of(self.records, automation=name)
        waiting = [each.tenant_id for each in others if each.stage == Stage.AUTO and each.tenant_id != tenant]
        now = self.clock()
        return Canary(
            automation=name, version=version, clients=(tenant, *waiting), given=(tenant,), began_at=now, since=now
        )

    def _widen(self, canary: Canary, by: str) -> Canary:
        wider = widened(canary, self.clock())
        joining = self._rollouts(canary, (each for each in wider.given if each not in canary.given))
        with self.records.transaction(by) as transaction:
            for held in joining:
                automations.put_rollout(transaction, _moved(held, canary.version, held), what="advanced")
            return canaries.put(transaction, wider, "widened", by)

    def _stop(self, canary: Canary, failures: tuple[str, ...]) -> None:
        reason = f"version {canary.version} failed: {'; '.join(failures[:5])}"
        log.warning("roll-out stopped", automation=canary.automation, version=canary.version, reason=reason)
        having = [each for each in self._rollouts(canary, canary.given) if each.detail.version == canary.version]
        back = [self._back(each, reason) for each in having if each.stage == Stage.AUTO]
        with self.records.transaction(ACTOR) as transaction:
            for each in back:
                automations.put_rollout(transaction, each, what="fell_back")
            stopped = canary.model_copy(update={"wave": Wave.STOPPED, "given": (), "reason": reason[:500]})
            canaries.put(transaction, stopped, "stopped", ACTOR)

    def _rollouts(self, canary: Canary, tenants: Iterable[str]) -> list[Rollout]:
        return [automations.rollout(self.records, canary.automation, each) for each in tenants]

    def _back(self, held: Rollout, reason: str) -> Rollout:
        """Return a client's rollout as it was before: the version that stood at auto, or no further than ask."""
        detail = held.detail
        before = automations.find_version(self.records, held.automation, detail.before) if detail.before else None
        is_usable = before is not None and before.state is VersionState.APPROVED
        version = detail.before if is_usable else detail.version
        stage = Stage.AUTO if is_usable else Stage.ASK
        changes = {"version": version, "before": 0, "by": ACTOR, "reason": reason[:500]}
        return replace(held, stage=stage.value, detail=detail.model_copy(update=changes))

    def _evidence(self, canary: Canary) -> Evidence:
        mine = [each for each in self._runs(canary) if each.tenant_id in canary.given]
        wrong = tuple(f"run {each.id} {why}" for each in mine if (why := self._fault(each)))
        well = [each for each in mine if each.state is RunState.DONE and _ended(each) >= canary.since]
        return Evidence(len(well), wrong)

    def _runs(self, canary: Canary) -> list[Run]:
        """List the runs this version began by itself since it is on its way."""
        found = runs.recent(self.records, _MOST_RUNS, automation=canary.automation)
        own = [each for each in found if each.started_at >= canary.began_at and not each.is_shadow]
        return [each for each in own if each.requested_by.startswith(AUTOMATION) and self._is_of(each, canary.version)]

    def _is_of(self, run: Run, version: int) -> bool:
        plan = plans.find(self.records, run.plan_id)
        return plan is not None and plan.automation is not None and plan.automation.version == version

    def _fault(self, run: Run) -> str:
        """Say in a few words what is wrong with a run; empty where nothing is, or it is not over."""
        if run.undone_by is not None or run.state is RunState.UNDONE:
            return f"was undone by {run.undone_by}"
        review = reviews.find(self.records, Subject.RUN, run.id)
        if review is not None and review.mark is Mark.WRONG:
            return "was marked wrong"
        if run.state not in {RunState.FAILED, RunState.NEEDS_REVIEW}:
            return ""
        found = diagnoses.find(self.records, run.id)
        is_innocent = found is not None and found.cause in INNOCENT
        refused = any(each.cause is Cause.REFUSED for each in run.steps)
        return "" if is_innocent or (refused and run.state is RunState.FAILED) else f"is {run.state.value}"

    def _under_way(self, who: Account, name: str) -> Canary:
        require(who, Role.ADMIN)
        require_all_clients(who)
        found = self.progress(name)
        if found is None or not found.canary.is_under_way:
            raise DeskRefusedError(f"no version of {name} is on its way: `deskhand automation rollout {name}`")
        return found.canary

    def _put(self, who: Account, canary: Canary, what: str, **changes: object) -> Canary:
        with self.records.transaction(who.name) as transaction:
            return canaries.put(transaction, canary.model_copy(update=changes), what, who.name)


def _named(tenants: tuple[str, ...], who: Account | None, names: Mapping[str, str]) -> str:
    """Name the clients an account is for, and count the others."""
    shown = [names.get(each, each) for each in tenants if who is None or who.serves(each)]
    others = len(tenants) - len(shown)
    return ", ".join([*shown, *([f"{others} other client{'s' * (others != 1)}"] if others else [])]) or "nobody"


def _moved(held: Rollout, version: int, wanted: Rollout) -> Rollout:
    """Return a client's rollout with a version at auto, remembering the one that stood there."""
    was_auto = held.stage == Stage.AUTO and held.detail.version not in {0, version}
    before = held.detail.version if was_auto else held.detail.before
    changes = {"version": version, "before": before if before != version else 0}
    return replace(wanted, stage=Stage.AUTO.value, detail=wanted.detail.model_copy(update=changes))


def _ended(run: Run) -> datetime:
    return run.ended_at or run.started_at
