"""The rings governance joins to the gate: kill switch, policy, approval and identity proof."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from deskhand.automation.plan import Plan
from deskhand.automation.stage import Stage
from deskhand.governance import decisions, proof
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.governance.permission import Decision, LivePermissions, Permissions
from deskhand.governance.proof import ProofMethod, ProofRefusedError
from deskhand.governance.rates import last_hour, rates_in
from deskhand.governance.request import ApprovalFacts, Circumstances, ProofFacts, Request, request_for
from deskhand.governance.switches import Switches
from deskhand.governance.traffic.control import Controls
from deskhand.governance.votes import Electorate, presented
from deskhand.records import accounts, approvals, automations, places
from deskhand.records.accounts import AUTOMATION
from deskhand.records.approvals import MOST_VOTES, Approval, ApprovalState
from deskhand.records.database import Records, Transaction
from deskhand.sdk.actions import Tier
from deskhand.sdk.clock import Clock
from deskhand.sdk.traffic import errand
from deskhand.workflow.calls import Case, Mandate, RefusedError, RingName
from deskhand.workflow.rings import LeakRing, Rings, looked_at

Stages = Callable[[Plan], Stage | None]
"""Says how far a plan's automation has come at its client; None where the plan comes from none."""

NO_APPROVAL = "it needs an approval, and there is none"

Standing = Callable[[Plan], str | None]
"""Says why a plan is not covered by the approval of the automation it came from; None where it is covered."""


def governed(  # noqa: PLR0913  # each is what one ring asks
    records: Records,
    clock: Clock,
    *,
    permissions: LivePermissions | None = None,
    stage: Stages = lambda _plan: None,
    standing: Standing = lambda _plan: NO_APPROVAL,
    is_unanchored: Callable[[], bool] = lambda: False,
    scanner: LeakScanner | None = None,
    controls: Controls | None = None,
) -> Rings:
    """Return the rings that hold every call to the records' switches, grants, approvals and proofs.

    With a ``scanner`` no call carries a secret it knows.
    """
    return Rings(
        switch=SwitchRing(records),
        leak=LeakRing(scanner) if scanner is not None else None,
        policy=PolicyRing(records, clock, permissions or LivePermissions(records), stage),
        approval=ApprovalRing(records, clock, standing),
        proof=ProofRing(records, clock),
        budget=BudgetRing(controls) if controls is not None else None,
        record=RecordRing(is_unanchored),
    )


@dataclass(frozen=True, slots=True)
class SwitchRing:
    """Nobody has stopped everything, this tenant, this connector or this automation, and the automation is not paused.

    What an automation has changed may be undone while it is paused.
    """

    records: Records
    name: RingName = RingName.KILL_SWITCH

    def objection(self, case: Case) -> str | None:
        """Ask anew, each time."""
        call, mandate = case.call, case.call.mandate
        automation = mandate.plan.automation.name if mandate is not None and mandate.plan.automation else ""
        is_undo = mandate is not None and mandate.is_undo
        return self.stopped(call.context.tenant.id, call.connector.name, automation, is_undo=is_undo)

    def stopped(self, tenant: str, connector: str, automation: str, *, is_undo: bool = False) -> str | None:
        """Say what is stopped, since when and by whom, or None."""
        found = Switches(self.records).stopped(tenant, connector, automation)
        if found is not None or not automation or is_undo:
            return found.sentence if found is not None else None
        paused = automations.paused(self.records, automation)
        return f"Automation {automation} is paused: {paused}" if paused is not None else None


@dataclass(frozen=True, slots=True)
class BudgetRing:
    """A change is begun only where enough calls are left of the connector's hour to bring it to its end."""

    controls: Controls
    name: RingName = RingName.BUDGET

    def objection(self, case: Case) -> str | None:
        """Object to nothing for good: raise HeldBackError where it has to wait."""
        control = self.controls.of(case.call.connector.name)
        if control is not None:
            control.refuse_unaffordable(errand())
        return None


@dataclass(frozen=True, slots=True)
class RecordRing:
    """Nothing of tier 3 is done while the record has been without an anchor outside this machine for too long."""

    is_unanchored: Callable[[], bool]
    name: RingName = RingName.RECORD

    def objection(self, case: Case) -> str | None:
        """Ask only where it matters."""
        if case.call.action.tier < Tier.HARD_GATE or not self.is_unanchored():
            return None
        return "the record's anchors are stale, and tier 3 waits for them: `deskhand audit anchor`"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What policy was asked and what it said, by which version of the grants."""

    request: Request
    decision: Decision
    version: int


@dataclass(frozen=True, slots=True)
class PolicyRing:
    """The guard rails and this client's grants allow it, now and in these circumstances."""

    records: Records
    clock: Clock
    permissions: LivePermissions
    stage: Stages
    name: RingName = RingName.POLICY

    def objection(self, case: Case) -> str | None:
        """Decide a planned call, and put a refusal on the record. The desk's own writing was decided before."""
        mandate = case.call.mandate
        if mandate is None:
            return None
        permissions = self.permissions.current()
        request = self._counted(self._request(case, mandate), mandate, permissions)
        judgement = Judgement(request, permissions.decide(request), permissions.version)
        case.memo[self.name] = judgement
        if judgement.decision.is_allowed:
            return None
        with self.records.transaction("gate") as transaction:
            _record(transaction, judgement)
        return judgement.decision.sentence

    def spend(self, transaction: Transaction, case: Case) -> None:
        """Count again where nobody can come between, decide again where that differs, and give the run its place."""
        found, mandate = case.memo.get(self.name), case.call.mandate
        if not isinstance(found, Judgement) or mandate is None:
            return
        judgement = self._recounted(transaction, found, mandate)
        if not judgement.decision.is_allowed:
            raise RefusedError(f"{case.call.action.name}: {judgement.decision.sentence}", ring=self.name)
        if not mandate.is_undo:
            places.take(
                transaction,
                mandate.run_id,
                tenant=judgement.request.ticket_tenant,
                automation=judgement.request.automation,
                requested_by=mandate.plan.requested_by,
            )
        _record(transaction, judgement)

    def _recounted(self, transaction: Transaction, found: Judgement, mandate: Mandate) -> Judgement:
        permissions, request = self.permissions.current(), found.request
        is_limited = any(row.per_hour is not None for row in permissions.table.standing(request).rows)
        rates = rates_in(
            transaction.connection,
            now=request.at,
            tenant=request.ticket_tenant,
            automation=request.automation,
            action=mandate.step.action if is_limited else "",
            run_id=mandate.run_id,
        )
        if rates == request.rates and permissions.version == found.version:
            return found
        again = request.model_copy(update={"rates": rates})
        return Judgement(again, permissions.decide(again), permissions.version)

    def _request(self, case: Case, mandate: Mandate) -> Request:
        plan, now, tenant = mandate.plan, self.clock(), case.call.context.tenant.id
        inspection = looked_at(case)
        automation = plan.automation.name if plan.automation is not None else ""
        circumstances = Circumstances(
            now=now,
            ticket_tenant=tenant,
            target_tenant=tenant,  # the tenant ring has compared it
            is_privileged=inspection.is_privileged,
            requester=accounts.find(self.records, plan.requested_by),
            stage=self.stage(plan),
            approval=self._approval(mandate, now),
            proof=proof.usable(self.records, plan, now),
            rates=last_hour(self.records, now=now, tenant=tenant, automation=automation, run_id=mandate.run_id),
        )
        request = request_for(plan, mandate.step, circumstances)
        return _to_undo(request, plan) if mandate.is_undo else request

    def _counted(self, request: Request, mandate: Mandate, permissions: Permissions) -> Request:
        """Add how often the action was carried out this hour, where a grant limits that: it takes reading the log."""
        if all(row.per_hour is None for row in permissions.table.standing(request).rows):
            return request
        rates = last_hour(
            self.records,
            now=request.at,
            tenant=request.ticket_tenant,
            automation=request.automation,
            action=mandate.step.action,
            run_id=mandate.run_id,
        )
        return request.model_copy(update={"rates": rates})

    def _approval(self, mandate: Mandate, now: datetime) -> ApprovalFacts | None:
        found = approvals.find(self.records, mandate.approval_id) if mandate.approval_id is not None else None
        if found is None:
            return None
        with self.records.reading() as connection:
            electorate = Electorate.of(connection, now)
        return presented(electorate, found, now)


def _record(transaction: Transaction, judgement: Judgement) -> None:
    decisions.record(transaction, judgement.request, judgement.decision, version=judgement.version)


def _to_undo(request: Request, plan: Plan) -> Request:
    """Ask as when the step was carried out: what was approved and proven then may be undone without either again."""
    approval = request.approval
    fresh = None if approval is None else approval.model_copy(update={"age": 0, "votes": MOST_VOTES})
    person = plan.person.id if plan.person is not None else ""
    shown = ProofFacts(person=person, ticket=plan.ticket_id, plan=plan.id, method=ProofMethod.CODE, age=0)
    stage = None if request.stage is None else Stage.AUTO  # paused or retired since, it may be put right all the same
    changed = {"approval": fresh, "proof": shown, "needs_proof": False, "resets_proof": False, "stage": stage}
    return request.model_copy(update=changed)


@dataclass(frozen=True, slots=True)
class ApprovalRing:
    """What reaches further than the PSA, or touches a privileged target, has been approved by someone else.

    Up to tier 2 the approval of an automation's version covers what it begins by itself, where it may at this client.
    """

    records: Records
    clock: Clock
    standing: Standing
    name: RingName = RingName.APPROVAL

    def objection(self, case: Case) -> str | None:
        """Compare the used approval with the plan, to the byte."""
        call, mandate = case.call, case.call.mandate
        if call.action.tier < Tier.CLIENT_REVERSIBLE and not looked_at(case).is_privileged:
            return None
        if mandate is None:
            return NO_APPROVAL
        if mandate.approval_id is None:
            return self._without(case, mandate)
        approval = approvals.find(self.records, mandate.approval_id)
        if approval is None:
            return f"there is no approval {mandate.approval_id}"
        return _unfit(approval, mandate) or _too_old(approval, mandate, self.clock())

    def _without(self, case: Case, mandate: Mandate) -> str | None:
        """Judge a call nobody approved: up to tier 2 an automation's own version, or a person's grant, may cover it.

        Whether a grant does, policy has decided by now: without one it asks for an approval itself. What an
        automation did while its version stood may be undone when it stands no more.
        """
        if case.call.action.tier > Tier.CLIENT_REVERSIBLE or looked_at(case).is_privileged:
            return NO_APPROVAL
        is_own = mandate.plan.requested_by.startswith(AUTOMATION) and not mandate.is_undo
        return self.standing(mandate.plan) if is_own else None


def _unfit(approval: Approval, mandate: Mandate) -> str | None:
    plan = mandate.plan
    if (approval.ticket_id, approval.tenant_id) != (plan.ticket_id, plan.tenant.id):
        return f"approval {approval.id} was given for another ticket or client"
    if (approval.plan_id, approval.plan_sha256) != (plan.id, plan.sha256()):
        return f"approval {approval.id} was given for another plan"
    if approval.state is not ApprovalState.USED:
        return f"approval {approval.id} is {approval.state.value}, and not one this run was started by"
    voters = {approval.decided_by, *(name for each in approval.votes for name in (each.by, each.right_of))}
    if approval.decided_by is None or voters & {*approval.own, approval.requested_by, plan.requested_by}:
        return f"approval {approval.id} was given by whoever asked for it"
    if len({each.by for each in approval.votes}) < approval.quorum:
        return f"approval {approval.id} takes {approval.quorum} people, and fewer approved it"
    return None


def _too_old(approval: Approval, mandate: Mandate, now: datetime) -> str | None:
    """Refuse what expired since; what was approved may be undone whenever that is wanted."""
    if mandate.is_undo or now < approval.expires_at:
        return None
    return f"approval {approval.id} has expired: make a new plan"


@dataclass(frozen=True, slots=True)
class ProofRing:
    """What hands a person access goes to someone who has just proven to be that person."""

    records: Records
    clock: Clock
    name: RingName = RingName.PROOF

    def objection(self, case: Case) -> str | None:
        """Look for a proof where one is needed, and ask nobody for one who is locked on the ticket."""
        call, mandate = case.call, case.call.mandate
        if mandate is not None and call.action.proves_identity:
            return proof.lock_on(self.records, mandate.plan)
        if not call.action.needs_proof and (mandate is None or mandate.is_undo or not mandate.step.needs_proof):
            return None
        if mandate is None or mandate.plan.person is None:
            return "it needs an identity proof, and nobody says whose"
        return self._wanting(mandate, mandate.plan.person.id, is_renewal=call.action.resets_proof)

    def _wanting(self, mandate: Mandate, person: str, *, is_renewal: bool) -> str | None:
        """Say what a step lacks: to be about this plan's person and nobody else, who has shown who they are."""
        people = {each.person for each in mandate.step.arguments.values() if each.person is not None}
        if people != {person}:
            return f"step {mandate.step.id} is not about the person whose proof this plan has"
        found = proof.usable(self.records, mandate.plan, self.clock())
        if found is None:
            never = f"person {person} has not proven who they are for this plan in the last ten minutes"
            return proof.lock_on(self.records, mandate.plan) or never
        if is_renewal and not proof.is_call_back_to_an_old_number(found):
            return f"person {person} was not called back on a number unchanged for 30 days"
        return None

    def spend(self, transaction: Transaction, case: Case) -> None:
        """Mark the proof as used by this plan."""
        mandate = case.call.mandate
        if mandate is None or mandate.is_undo or not mandate.step.needs_proof:
            return
        found = proof.usable(self.records, mandate.plan, self.clock())
        try:
            if found is not None:
                proof.use(transaction, found)
                return
        except ProofRefusedError as error:
            raise RefusedError(f"{case.call.action.name}: {error}", ring=self.name) from error
        raise RefusedError(f"{case.call.action.name}: the identity proof has just expired", ring=self.name)
