"""The approved automations as they hold at each client: version, overlay, and how far they have come there."""

from dataclasses import dataclass
from functools import lru_cache

import structlog

from deskhand.automation.document import Automation
from deskhand.automation.overlay import EffectiveDifference, Overlay, OverlayRefusedError, effective
from deskhand.automation.plan import Plan, SourceKind
from deskhand.automation.rules import ApprovalRule
from deskhand.automation.stage import Stage
from deskhand.automation.yaml_form import YamlRefusedError, load, read
from deskhand.desk.refusals import DeskRefusedError
from deskhand.records import automations
from deskhand.records.accounts import AUTOMATION
from deskhand.records.automations import AutomationState, Rollout, VersionRecord, VersionState
from deskhand.records.database import Records
from deskhand.sdk.actions import Tier

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Placed:
    """An approved automation at one client.

    ``stage`` is how far it may go there now: never further than ask while another version than the staged one holds,
    and off while it is paused or retired. ``sha256`` pins the text as approved and the overlay as approved.
    """

    document: Automation
    record: VersionRecord
    rollout: Rollout
    stage: Stage
    sha256: str
    differences: tuple[EffectiveDifference, ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Reads the records anew each time, so that a pause holds at once. Raises DeskRefusedError for what is missing."""

    records: Records

    def placed(self, name: str, tenant_id: str) -> Placed:
        """Return the version in force at a client: the one that stands at auto there, else the newest approved."""
        newest = self.newest(name, tenant_id)
        staged = newest.rollout.detail.version
        if newest.rollout.stage != Stage.AUTO or staged in {0, newest.record.version}:
            return newest
        try:
            held = self.pinned(name, staged, tenant_id)
        except DeskRefusedError:
            return newest
        return held if held.stage is Stage.AUTO else newest

    def newest(self, name: str, tenant_id: str) -> Placed:
        """Return the newest approved version as it would hold at a client."""
        found = automations.find(self.records, name)
        record = automations.current(self.records, name)
        if found is None or record is None:
            raise DeskRefusedError(f"no version of {name} is approved; `deskhand automation list` shows what is there")
        rollout = automations.rollout(self.records, name, tenant_id)
        return _placed(record, rollout, is_usable=found.state is AutomationState.APPROVED)

    def at(self, tenant_id: str) -> tuple[Placed, ...]:
        """Return every automation that is not off at a client, by name."""
        rollouts = automations.rollouts_of(self.records, tenant_id=tenant_id)
        placed = (self._placed_or_none(each.automation, tenant_id) for each in rollouts if each.stage != Stage.OFF)
        return tuple(each for each in placed if each is not None and each.stage is not Stage.OFF)

    def stage(self, plan: Plan) -> Stage | None:
        """Say how far a plan's automation may go at its client now; None for a plan that comes from none."""
        if plan.automation is None:
            return None
        try:
            placed = self.pinned(plan.automation.name, plan.automation.version, plan.tenant.id)
        except DeskRefusedError:
            return Stage.OFF
        return placed.stage if placed.sha256 == plan.automation.sha256 else Stage.OFF

    def approval_rule(self, plan: Plan) -> ApprovalRule | None:
        """Return what approval a plan's automation asks for as it holds at the client; None where it asks for none."""
        if plan.automation is None:
            return None
        return self.pinned(plan.automation.name, plan.automation.version, plan.tenant.id).document.approval

    def standing(self, plan: Plan) -> str | None:
        """Say why the approval of an automation's version does not cover a plan; None where it does.

        It covers what the approved text does, with its constants, at a client where it stands at auto, and what the
        desk writes to the ticket afterwards.
        """
        pin = plan.automation
        if pin is None or plan.requested_by != f"{AUTOMATION}{pin.name}":
            return "it needs an approval, and there is none"
        try:
            placed = self.pinned(pin.name, pin.version, plan.tenant.id)
        except DeskRefusedError as error:
            return str(error)
        if placed.stage is not Stage.AUTO or placed.sha256 != pin.sha256:
            return f"version {pin.version} of {pin.name} does not stand at auto for this client as it was approved"
        if placed.record.approver is None or placed.record.approver in placed.record.authors:
            return f"version {pin.version} of {pin.name} was approved by nobody else"
        return _departure(plan, placed.document)

    def _placed_or_none(self, name: str, tenant_id: str) -> Placed | None:
        """Leave out what cannot be used: one of them must not keep the others from a ticket."""
        try:
            return self.placed(name, tenant_id)
        except DeskRefusedError as error:
            log.warning("automation left out", automation=name, tenant=tenant_id, reason=str(error))
            return None

    def pinned(self, name: str, version: int, tenant_id: str) -> Placed:
        """Return a certain version as it holds at a client; it is off there unless it was approved."""
        found = automations.find(self.records, name)
        record = automations.find_version(self.records, name, version)
        if found is None or record is None:
            raise DeskRefusedError(f"{name} has no version {version}")
        is_usable = found.state is AutomationState.APPROVED and record.state is VersionState.APPROVED
        return _placed(record, automations.rollout(self.records, name, tenant_id), is_usable=is_usable)


def document_of(record: VersionRecord) -> Automation:
    """Read a version's text. Raises DeskRefusedError where it is not what its hash says, or no automation any more."""
    if automations.sha256_of(record.yaml) != record.sha256:
        raise DeskRefusedError(f"{record.name} {record.version} is not the text its hash says: `deskhand audit verify`")
    try:
        return _loaded(record.yaml)
    except YamlRefusedError as error:
        raise DeskRefusedError(f"{record.name} {record.version} cannot be read by this version: {error}") from error


def overlaid(document: Automation, text: str) -> tuple[Automation, tuple[EffectiveDifference, ...]]:
    """Lay an overlay's text over a document. Raises DeskRefusedError, with the fix."""
    try:
        found = effective(document, read(text, Overlay))
    except (YamlRefusedError, OverlayRefusedError) as error:
        raise DeskRefusedError(f"the overlay cannot be used: {error}") from error
    return found.document, found.differences


def _placed(record: VersionRecord, rollout: Rollout, *, is_usable: bool) -> Placed:
    document, sha256 = document_of(record), record.sha256
    differences: tuple[EffectiveDifference, ...] = ()
    overlay = rollout.detail.overlay
    stage = _stage(record, rollout) if is_usable else Stage.OFF
    if overlay is not None:
        document, differences = overlaid(document, overlay.yaml)
        sha256 = automations.sha256_of(f"{record.sha256}\n{overlay.sha256}")
    return Placed(document, record, rollout, stage, sha256, differences)


def _stage(record: VersionRecord, rollout: Rollout) -> Stage:
    stage = Stage(rollout.stage)
    is_meant = record.version in {rollout.detail.version, rollout.detail.before}
    return stage if is_meant or stage.place <= Stage.ASK.place else Stage.ASK


def _departure(plan: Plan, document: Automation) -> str | None:
    """Say where a plan does something its automation's text does not; steps may be left out, never put in."""
    known = {step.id: step for step in document.steps}
    for step in plan.steps:
        written = known.get(step.id)
        if written is None and step.tier <= Tier.PSA_REVERSIBLE:
            continue
        if written is None or written.action != step.action:
            return f"step {step.id} is not one of {document.name}"
        for name, argument in step.arguments.items():
            given = written.arguments.get(name)
            if given is None or (given.kind == "constant") != (argument.source is SourceKind.CONSTANT):
                return f"{step.id}.{name} is not given as {document.name} gives it"
            if given.kind == "constant" and given.constant != argument.value:
                return f"{step.id}.{name} is not the constant of {document.name}"
    return None


@lru_cache(maxsize=256)
def _loaded(text: str) -> Automation:
    return load(text)
