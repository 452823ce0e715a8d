"""What is asked of policy about one step: trusted facts only, in a document that can be kept and decided again."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, Field

from deskhand.automation.plan import Plan, PlannedStep
from deskhand.automation.stage import Stage
from deskhand.records.accounts import AUTOMATION, Account, Role
from deskhand.records.documents import StoredDocument
from deskhand.records.proofs import Proof

DESK = "desk"
"""Who asks where the desk writes what triage came to: neither a person nor an automation."""


class ApprovalFacts(StoredDocument):
    """An approval as it is presented: the votes on it that hold now. Names are account names in their one spelling."""

    plan_sha256: str
    requester: str
    people: frozenset[str]
    """The accounts that voted, and those in whose place some of them did."""
    entitled: frozenset[str]
    """The accounts whose right to approve was exercised."""
    votes: int
    """How many different people that is."""
    quorum: int = Field(default=1, ge=1)
    """How many the request asked for."""
    age: int
    """Whole seconds since the vote that decided it."""


class ProofFacts(StoredDocument):
    """An identity proof as it is presented; ``age`` is whole seconds."""

    person: str
    ticket: str
    plan: str
    method: str
    age: int
    unchanged_days: int = -1
    """For how many whole days the number had been theirs when they proved it; -1 where that is not known."""

    @classmethod
    def of(cls, proof: Proof, now: datetime) -> Self:
        """Say what a proof amounts to now."""
        return cls(
            person=proof.person_id,
            ticket=proof.ticket_id,
            plan=proof.plan_id,
            method=proof.method,
            age=seconds_since(proof.proven_at, now),
            unchanged_days=-1 if proof.unchanged_since is None else (proof.proven_at - proof.unchanged_since).days,
        )


class Rates(StoredDocument):
    """How much was begun in the last hour, without the run that asks."""

    at_tenant: int = 0
    """Runs of this client."""
    of_automation: int = 0
    """Runs of this automation at this client."""
    of_action: int = 0
    """How many times this action was carried out at this client."""
    everywhere: int = 0
    """Runs of all clients."""
    by_automations: int = 0
    """Runs of all clients that automations began by themselves."""


class Request(StoredDocument):
    """May this step be carried out now? The defaults are what is least: no role, no approval, no proof."""

    requested_by: str
    """An account's name, ``automation:<name>``, or `DESK`."""
    roles: frozenset[Role] = frozenset()
    """The roles the account has now; none where it is disabled, or for other clients."""
    action: str
    tier: int = Field(ge=0, le=4)
    needs_proof: bool = False
    resets_proof: bool = False
    """It renews how the person proves who they are."""
    plan_id: str = ""
    plan_sha256: str = ""
    plan_tenant: str
    ticket_id: str
    ticket_tenant: str
    """Whose the ticket is now, as identity says."""
    target_tenant: str
    """Whose the target is, as the vendor says; the ticket's where it is nobody's and the tenant ring let it through."""
    is_privileged: bool = False
    people: frozenset[str] = frozenset()
    """The PSA contacts that the step's arguments belong to."""
    sources: frozenset[str] = frozenset()
    """Where the step's arguments came from."""
    automation: str = ""
    stage: Stage | None = None
    """How far the automation has come at this client; None where the step comes from none."""
    is_stopped: bool = False
    approval: ApprovalFacts | None = None
    proof: ProofFacts | None = None
    rates: Rates = Rates()
    at: AwareDatetime

    @property
    def is_by_automation(self) -> bool:
        """Tell whether no person asks."""
        return self.requested_by.startswith(AUTOMATION)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a plan does not say and policy must know, as it is right before a step."""

    now: datetime
    ticket_tenant: str
    target_tenant: str
    is_privileged: bool = False
    requester: Account | None = None
    """The account that asked, as it is now; None for an automation and for an account that is gone."""
    stage: Stage | None = None
    is_stopped: bool = False
    approval: ApprovalFacts | None = None
    proof: Proof | None = None
    rates: Rates = field(default_factory=Rates)


def request_for(plan: Plan, step: PlannedStep, circumstances: Circumstances) -> Request:
    """Ask whether a step of a plan may be carried out in these circumstances."""
    requester, now = circumstances.requester, circumstances.now
    proof = circumstances.proof
    is_active = requester is not None and requester.is_active and requester.serves(plan.tenant.id)
    return Request(
        requested_by=plan.requested_by,
        roles=requester.roles if requester is not None and is_active else frozenset(),
        action=step.action,
        tier=step.tier,
        needs_proof=step.needs_proof,
        resets_proof=step.resets_proof,
        plan_id=plan.id,
        plan_sha256=plan.sha256(),
        plan_tenant=plan.tenant.id,
        ticket_id=plan.ticket_id,
        ticket_tenant=circumstances.ticket_tenant,
        target_tenant=circumstances.target_tenant,
        is_privileged=circumstances.is_privileged,
        people=frozenset(each.person for each in step.arguments.values() if each.person is not None),
        sources=frozenset(each.source.value for each in step.arguments.values()),
        automation=plan.automation.name if plan.automation is not None else "",
        stage=circumstances.stage,
        is_stopped=circumstances.is_stopped,
        approval=circumstances.approval,
        proof=None if proof is None else ProofFacts.of(proof, now),
        rates=circumstances.rates,
        at=now,
    )


def seconds_since(since: datetime, now: datetime) -> int:
    """Count whole seconds, rounded up, so that nothing lasts a second longer than it may; negative in the future."""
    return -int((since - now).total_seconds() // 1)
