"""An automation's way through the clients: off, shadow, ask, auto; what differs at one; paused, resumed, retired."""

from dataclasses import dataclass, field, replace

from deskhand.automation.linter import lint
from deskhand.automation.overlay import Effective
from deskhand.automation.stage import Stage
from deskhand.desk.authoring import WORKING, Authoring, refuse_findings, said
from deskhand.desk.refusals import DeskRefusedError, require, require_all_clients, require_client
from deskhand.desk.shelf import Placed, document_of, overlaid
from deskhand.desk.widening import Widening
from deskhand.governance.breaker import MaintenanceSettings
from deskhand.records import automations, canaries
from deskhand.records.accounts import Account, Role
from deskhand.records.automations import AutomationState, OverlayRecord, Rollout, ShadowOutcome, VersionRecord
from deskhand.records.canonical import written_time

ENOUGH_SHADOWS = 3
"""Closed tickets on which people did the same, before an automation may begin by itself."""
_DECIDING = (Role.APPROVER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class RollingOut(Authoring):
    """Stages, overlays and pauses. Raises DeskRefusedError, saying why and what would mend it, for misuse."""

    maintenance: MaintenanceSettings = field(default_factory=MaintenanceSettings)

    @property
    def widening(self) -> Widening:
        """How new versions go from one client to all: whoever asks, it knows every client."""
        return Widening(self.recognising.records, self.recognising.clock, self.maintenance)

    def stage(self, who: Account, name: str, tenant_id: str, stage: str, reason: str = "") -> Rollout:
        """Move an automation at a client. Back is always allowed; forward goes one stage at a time.

        ``auto`` takes ENOUGH_SHADOWS closed tickets on which people did what this version would have done, and none on
        which they did something else. An admin's ``reason`` stands in for either, and goes on the record. An automation
        that asks questions, or has a step of tier 3 or more, never reaches ``auto``. What is staged at ``auto`` is the
        newest approved version; it holds there when the client's turn comes (`widening`), and until then what did.
        """
        require_client(who, tenant_id)
        wanted = _stage_named(stage)
        placed = self.shelf.newest(name, tenant_id)
        require(who, *(WORKING if wanted.place <= placed.stage.place else _DECIDING))
        if wanted is not Stage.OFF:
            self._refuse_unfit(placed, wanted)
        doubts = self._doubts(placed, wanted)
        if doubts and not (reason.strip() and who.has(Role.ADMIN)):
            raise DeskRefusedError(f"{doubts}; an admin may do it all the same, with a reason")
        made = {"by": who.name, "reason": reason.strip()[:500], "at": written_time(self.recognising.clock())}
        detail = placed.rollout.detail.model_copy(update={"version": placed.record.version, **made})
        return self._stage(who, Rollout(name, tenant_id, wanted.value, detail))

    def rollout(self, name: str, tenant_id: str) -> Rollout:
        """Return how far an automation has come at a client."""
        return automations.rollout(self.records, name, tenant_id)

    def effective(self, name: str, tenant_id: str) -> Effective:
        """Return the approved version as it holds at a client, and every difference from its base with its reason."""
        placed = self.shelf.placed(name, tenant_id)
        return Effective(placed.document, placed.differences)

    def overlay(self, who: Account, name: str, tenant_id: str, yaml: str) -> Rollout:
        """Propose what is different at a client; it holds once somebody else has approved it."""
        require(who, *WORKING)
        require_client(who, tenant_id)
        self._refuse_unfit_overlay(name, yaml)
        rollout = automations.rollout(self.records, name, tenant_id)
        proposed = OverlayRecord(yaml=yaml, sha256=automations.sha256_of(yaml), author=who.name)
        detail = rollout.detail.model_copy(update={"proposed": proposed})
        return self._put(who, replace(rollout, detail=detail), "overlay_proposed")

    def approve_overlay(self, who: Account, name: str, tenant_id: str, sha256: str) -> Rollout:
        """Have exactly the proposed overlay with this hash hold. Nobody approves their own."""
        require(who, Role.APPROVER)
        require_client(who, tenant_id)
        rollout = automations.rollout(self.records, name, tenant_id)
        proposed = rollout.detail.proposed
        if proposed is None or proposed.sha256 != sha256:
            raise DeskRefusedError("that overlay is not the one proposed for this client: look at it again")
        if proposed.author == who.name:
            raise DeskRefusedError(f"{who.name} wrote this overlay: somebody else has to approve it")
        self._refuse_unfit_overlay(name, proposed.yaml)
        approved = proposed.model_copy(update={"approver": who.name})
        detail = rollout.detail.model_copy(update={"proposed": None, "overlay": approved})
        return self._put(who, replace(rollout, detail=detail), "overlay_approved")

    def drop_overlay(self, who: Account, name: str, tenant_id: str, reason: str) -> Rollout:
        """Have the base hold at a client again. An overlay is only ever stricter, so an approver decides."""
        require(who, Role.APPROVER)
        require_client(who, tenant_id)
        rollout = automations.rollout(self.records, name, tenant_id)
        if rollout.detail.overlay is not None and rollout.detail.overlay.author == who.name:
            raise DeskRefusedError(f"{who.name} wrote this overlay: somebody else has to drop it")
        detail = rollout.detail.model_copy(update={"proposed": None, "overlay": None, "reason": said(reason)})
        return self._put(who, replace(rollout, detail=detail), "overlay_dropped")

    def pause(self, who: Account, name: str, reason: str) -> None:
        """Stop an automation at every client, at once."""
        require(who, *WORKING)
        require_all_clients(who)
        self._set_state(who, name, AutomationState.PAUSED, reason, {AutomationState.APPROVED, AutomationState.DRAFT})

    def resume(self, who: Account, name: str, reason: str) -> None:
        """Let a paused automation go on where it stood."""
        require(who, *_DECIDING)
        require_all_clients(who)
        is_approved = automations.current(self.records, name) is not None
        state = AutomationState.APPROVED if is_approved else AutomationState.DRAFT
        self._set_state(who, name, state, reason, {AutomationState.PAUSED})

    def retire(self, who: Account, name: str, reason: str) -> None:
        """Stop an automation for good; its versions and its runs stay on the record."""
        require(who, *_DECIDING)
        require_all_clients(who)
        usable = set(AutomationState) - {AutomationState.RETIRED}
        self._set_state(who, name, AutomationState.RETIRED, reason, usable)

    def _stage(self, who: Account, wanted: Rollout) -> Rollout:
        canary, holding = self.widening.without(wanted), wanted
        if wanted.stage == Stage.AUTO:
            canary, holding = self.widening.admitted(wanted)
        with self.records.transaction(who.name) as transaction:
            automations.put_rollout(transaction, holding, what="staged")
            if canary is not None:
                canaries.put(transaction, canary, "staged", who.name)
        return holding

    def _set_state(
        self, who: Account, name: str, state: AutomationState, reason: str, fitting: set[AutomationState]
    ) -> None:
        found = automations.find(self.records, name)
        if found is None:
            raise DeskRefusedError(f"there is no automation {name}; `deskhand automation list` shows what there is")
        if found.state not in fitting:
            raise DeskRefusedError(f"{name} is {found.state.value}: that cannot become {state.value}")
        why = said(reason)
        with self.records.transaction(who.name) as transaction:
            automations.set_state(transaction, name, state, why)

    def _refuse_unfit(self, placed: Placed, wanted: Stage) -> None:
        found = automations.find(self.records, placed.document.name)
        if found is None or found.state is not AutomationState.APPROVED:
            state = found.state.value if found else "gone"
            raise DeskRefusedError(f"{placed.document.name} is {state}: `deskhand automation resume` comes first")
        refuse_findings(lint(placed.document, self.recognising.actions, stage=wanted))

    def _doubts(self, placed: Placed, wanted: Stage) -> str:
        """Say what speaks against going so far; empty where nothing does."""
        if wanted.place > placed.stage.place + 1:
            return f"it stands at {placed.stage} there, and goes one stage at a time"
        if wanted is not Stage.AUTO:
            return ""
        tenant = placed.rollout.tenant_id
        every = automations.shadows_of(self.records, automation=placed.document.name, tenant_id=tenant)
        outcomes = [each.outcome for each in every if each.version == placed.record.version]
        agreeing = sum(each in {ShadowOutcome.SAME, ShadowOutcome.PARTLY} for each in outcomes)
        others = outcomes.count(ShadowOutcome.OTHER)
        if others:
            return f"on {others} of {len(outcomes)} shadowed tickets people did something else"
        if agreeing < ENOUGH_SHADOWS:
            return f"people did the same on {agreeing} shadowed tickets so far, not on {ENOUGH_SHADOWS}"
        return ""

    def _refuse_unfit_overlay(self, name: str, yaml: str) -> None:
        record = self._current(name)
        document, _ = overlaid(document_of(record), yaml)
        refuse_findings(lint(document, self.recognising.actions, names=self.drafting.names()))

    def _current(self, name: str) -> VersionRecord:
        record = automations.current(self.records, name)
        if record is None:
            raise DeskRefusedError(f"no version of {name} is approved; an overlay needs one to lie on")
        return record

    def _put(self, who: Account, rollout: Rollout, what: str) -> Rollout:
        with self.records.transaction(who.name) as transaction:
            automations.put_rollout(transaction, rollout, what=what)
        return rollout


def _stage_named(name: str) -> Stage:
    try:
        return Stage(name)
    except ValueError as error:
        raise DeskRefusedError(f"there is no stage {name}: it is one of {', '.join(Stage)}") from error
