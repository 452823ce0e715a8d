"""From a technician's sentence to a finished run: propose, dry-run, ask for approval, decide, run, answer, undo."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from pydantic import JsonValue, SecretStr

from deskhand.agent.planning.planner import Planner
from deskhand.automation import plans
from deskhand.automation.plan import Plan, Proposal
from deskhand.automation.rules import ApprovalRule, ApproverRole
from deskhand.automation.stage import Stage
from deskhand.desk.closing import Closing
from deskhand.desk.contexts import Contexts
from deskhand.desk.governing import Governing, PlanNeed
from deskhand.desk.previewing import Previewer, StepPreview
from deskhand.desk.refusals import DeskRefusedError, require, require_client
from deskhand.governance import approval, proof
from deskhand.governance.approval import ApprovalRefusedError, Verdict
from deskhand.governance.leaks.scanner import LeakError, LeakScanner
from deskhand.governance.links import LinkRefusedError, Links
from deskhand.governance.standing import NOBODY
from deskhand.governance.votes import Electorate
from deskhand.records import approvals, runs
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.records.database import Records, Transaction
from deskhand.records.grants import Mode
from deskhand.records.runs import Run, RunState
from deskhand.sdk.clock import Clock
from deskhand.sdk.models import TenantContext, Ticket
from deskhand.workflow.engine import RunEngine

GOOD_FOR = timedelta(hours=4)
"""How long a request for approval stands."""


class Conditions(TypedDict):
    """What a request for approval asks for."""

    expires: datetime
    approvers: frozenset[str]
    quorum: int
    managers: frozenset[str]


AUTOMATION_ITSELF = Account("automation", "an approved automation", frozenset())
"""Stands for who asked in what an automation writes to the PSA by itself."""


@dataclass(frozen=True, slots=True)
class Resolving:
    """What a technician and an approver do about one ticket. Raises DeskRefusedError, saying why, for misuse.

    Raises the connector's errors where a vendor that must be asked cannot be reached.
    """

    records: Records
    contexts: Contexts
    planner: Planner
    governing: Governing
    previewer: Previewer
    scanner: LeakScanner
    closing: Closing
    engine: RunEngine
    clock: Clock
    rule: Callable[[Plan], ApprovalRule | None]
    """Returns what approval a plan's automation asks for."""
    links: Links

    def propose(self, who: Account, ticket_id: str, sentence: str) -> Proposal:
        """Plan what a sentence asks for; the plan, where there is one, is kept."""
        require(who, Role.TECHNICIAN)
        context, ticket, _ = self._read(ticket_id)
        require_client(who, context.tenant.id)
        proposal = self.planner.plan(
            context,
            ticket,
            sentence,
            requested_by=who.name,
            plan_id=new_plan_id(),
            permits=self.governing.permits(who, context),
        )
        return self.keep(who, proposal)

    def keep(self, who: Account, proposal: Proposal) -> Proposal:
        """Close a proposed plan with what goes back to the PSA, and keep it."""
        if proposal.plan is None:
            return proposal
        plan = self.closing.of(proposal.plan, who, self.clock())
        self._hold_no_secret(plan)
        with self.records.transaction(who.name) as transaction:
            plans.save(transaction, plan)
        return proposal.model_copy(update={"plan": plan})

    def plan(self, plan_id: str) -> Plan:
        """Find a plan."""
        found = plans.find(self.records, plan_id)
        if found is None:
            raise DeskRefusedError(f"there is no plan {plan_id}")
        return found

    def preview(self, plan_id: str) -> tuple[StepPreview, ...]:
        """Look at what each step would change; nothing is changed."""
        return self.previewer.preview(self.plan(plan_id))

    def approval_text(self, plan_id: str) -> str:
        """Write what a person approves, from the plan alone."""
        return approval.text(self.plan(plan_id))

    def submit(self, who: Account, plan_id: str) -> Approval | Run:
        """Run a plan at once where policy lets it, else ask for approval."""
        require(who, Role.TECHNICIAN)
        plan = self.plan(plan_id)
        if plan.requested_by != who.name:
            raise DeskRefusedError(f"plan {plan.id} was made by {plan.requested_by}: make your own from the sentence")
        require_client(who, plan.tenant.id)
        return self.start(plan, by=who.name)

    def start(self, plan: Plan, *, by: str, stage: Stage | None = None) -> Approval | Run:
        """Run a plan or ask for its approval, as policy says now, and keep it in the same commit where it is new.

        ``stage`` is how far the plan's automation may go at this client.
        """
        self._same_tenant(plan)
        self._refuse_unprovable(plan)
        privileged = self.previewer.privileged(plan)
        need = self.governing.need(plan, stage=stage, privileged=privileged)
        if need.mode not in {Mode.ASK, Mode.AUTO}:
            raise DeskRefusedError(f"policy does not let this plan run: {' '.join(need.reasons)}")
        try:
            with self.records.transaction(by) as transaction:
                if need.mode is Mode.AUTO:
                    return self.engine.submit(transaction, plan)
                if not plans.is_kept(transaction, plan):
                    plans.save(transaction, plan)
                return approval.request(transaction, plan, by=by, **self._conditions(plan, need))
        except LookupError as error:
            raise DeskRefusedError(str(error)) from error

    def begin(self, plan: Plan) -> None:
        """Have an automation's own plan run, or wait for what it needs; one that was kept before is left alone.

        What policy does not let run is on the record, and no error: the ticket has its note all the same.
        """
        if plans.find(self.records, plan.id) is not None:
            return
        closed = self.closing.of(plan, AUTOMATION_ITSELF, self.clock())
        try:
            self._hold_no_secret(closed)
            self.start(closed, by=plan.requested_by, stage=Stage.AUTO)
        except DeskRefusedError as error:
            with self.records.transaction(plan.requested_by) as transaction:
                detail = {"plan": plan.id, "reason": str(error)}
                transaction.audit("automation.held_back", tenant=plan.tenant.id, ticket=plan.ticket_id, detail=detail)

    def decide(
        self,
        who: Account,
        approval_id: str,
        plan_sha256: str,
        verdict: Verdict,
        comment: str = "",
        *,
        on_behalf_of: str | None = None,
    ) -> Run | Approval:
        """Vote: the approval that completes the quorum starts the run, or lets it go on, in the same commit.

        A denial ends the request.
        """
        wanted = self.approval(approval_id)
        plan = self.plan(wanted.plan_id)
        if verdict is Verdict.APPROVE:
            self._same_tenant(plan)
        try:
            with self.records.transaction(who.name) as transaction:
                decided = approval.decide(
                    transaction,
                    approval_id,
                    by=who,
                    plan_sha256=plan_sha256,
                    verdict=verdict,
                    comment=comment,
                    on_behalf_of=on_behalf_of,
                )
                return self._follow(transaction, plan, decided)
        except ApprovalRefusedError as error:
            with self.records.transaction(who.name) as transaction:
                approval.note_refusal(transaction, error)
            raise DeskRefusedError(str(error)) from error
        except LookupError as error:
            raise DeskRefusedError(str(error)) from error

    def expire(self) -> None:
        """End requests that waited too long; a run that waits for one takes the way its flow has for that."""
        with self.records.transaction("desk") as transaction:
            for late in approval.expire(transaction):
                self.engine.turn_away(transaction, late)

    def approval(self, approval_id: str) -> Approval:
        """Find a request for approval."""
        found = approvals.find(self.records, approval_id)
        if found is None:
            raise DeskRefusedError(f"there is no approval {approval_id}")
        return found

    def rights(self, who: Account, wanted: Approval) -> tuple[str, ...]:
        """Name the accounts in whose place, their own included, somebody could approve a request now."""
        with self.records.reading() as connection:
            return Electorate.of(connection, self.clock()).rights(wanted, who.name)

    def open_link(self, who: Account, token: str) -> Approval:
        """Find the request a link in a note leads to, once a person. Nothing is decided by it."""
        try:
            with self.records.transaction(who.name) as transaction:
                return self.links.open(transaction, token, by=who)
        except LinkRefusedError as error:
            raise DeskRefusedError(str(error)) from error

    def approvals(self, state: ApprovalState | None = None) -> tuple[Approval, ...]:
        """List requests for approval, newest first."""
        return approvals.listing(self.records, state)

    def run(self, run_id: str) -> Run:
        """Find a run."""
        found = runs.find(self.records, run_id)
        if found is None:
            raise DeskRefusedError(f"there is no run {run_id}")
        return found

    def runs(
        self,
        limit: int = 100,
        *,
        state: RunState | None = None,
        automation: str | None = None,
        tenant: str | None = None,
        ticket: str | None = None,
    ) -> list[Run]:
        """List runs, newest first; of one ticket, all of them."""
        if ticket is not None:
            return runs.of_ticket(self.records, ticket)[::-1]
        return runs.recent(self.records, limit, state=state, automation=automation, tenant=tenant)

    def events(self, run_id: str, *, patience: float = 3600) -> Iterator[Run]:
        """Yield the run as it is, and again whenever it has changed, until it is over; for ``patience`` seconds."""
        self.run(run_id)
        return runs.followed(self.records, run_id, patience=patience)

    def answer(self, who: Account, run_id: str, step_id: str, value: SecretStr) -> None:
        """Give the run what it waits for, such as the code a person read out."""
        require(who, Role.TECHNICIAN)
        require_client(who, self.run(run_id).tenant_id)
        self._engine(lambda: self.engine.answer(run_id, step_id, value, by=who.name))

    def cancel(self, who: Account, run_id: str) -> None:
        """Stop a run before its next step; what was done stays done."""
        require(who, Role.TECHNICIAN, Role.APPROVER, Role.ADMIN)
        require_client(who, self.run(run_id).tenant_id)
        self._engine(lambda: self.engine.cancel(run_id, by=who.name))

    def hold(self, who: Account, run_id: str) -> None:
        """Have a run wait before its next step until somebody lets it go on."""
        require(who, Role.TECHNICIAN, Role.APPROVER, Role.ADMIN)
        require_client(who, self.run(run_id).tenant_id)
        self._engine(lambda: self.engine.hold(run_id, by=who.name))

    def let_go(self, who: Account, run_id: str) -> None:
        """Have a run that is held go on."""
        require(who, Role.TECHNICIAN, Role.APPROVER, Role.ADMIN)
        require_client(who, self.run(run_id).tenant_id)
        self._engine(lambda: self.engine.let_go(run_id, by=who.name))

    def undo(self, who: Account, run_id: str, step_id: str | None = None) -> None:
        """Put back what a run changed, or one step of it, from the state captured before the change."""
        require(who, Role.TECHNICIAN)
        require_client(who, self.run(run_id).tenant_id)
        self._engine(lambda: self.engine.undo(run_id, by=who.name, step_id=step_id))

    def retry(self, who: Account, run_id: str, from_step: str | None = None) -> None:
        """Take a failed run up again at the step that failed; what was only read from a step on is read anew."""
        require(who, Role.TECHNICIAN)
        require_client(who, self.run(run_id).tenant_id)
        self._engine(lambda: self.engine.retry(run_id, by=who.name, from_step=from_step))

    def settle(self, who: Account, run_id: str, step_id: str, *, is_done: bool) -> None:
        """Say what a person found at the vendor about a step whose outcome is unknown."""
        require(who, Role.TECHNICIAN)
        require_client(who, self.run(run_id).tenant_id)
        self._engine(lambda: self.engine.settle(run_id, step_id, by=who.name, is_done=is_done))

    def reveal(self, who: Account, run_id: str, step_id: str) -> Mapping[str, SecretStr]:
        """Hand over what a step made for a person, such as a temporary password: once, to whoever asked for the run."""
        run = self.run(run_id)
        if run.requested_by != who.name or not who.has(Role.TECHNICIAN):
            raise DeskRefusedError(f"only {run.requested_by}, who asked for the run, may see what it made")
        require_client(who, run.tenant_id)
        found = self.engine.handover.take(run_id, step_id)
        if not found:
            raise DeskRefusedError("it was shown already, or the desk was restarted since: do the step again")
        with self.records.transaction(who.name) as transaction:
            detail: dict[str, JsonValue] = {"run": run_id, "step": step_id, "names": [*sorted(found)]}
            transaction.audit("secret.revealed", tenant=run.tenant_id, ticket=run.ticket_id, detail=detail)
        return found

    def _follow(self, transaction: Transaction, plan: Plan, decided: Approval) -> Run | Approval:
        """Do what a decision means, in its own commit."""
        if decided.state is ApprovalState.PENDING:
            return decided
        if decided.state is not ApprovalState.APPROVED:
            return self.engine.turn_away(transaction, decided) or decided
        if decided.way is not None:
            return self.engine.go_on(transaction, decided)
        return self.engine.submit(transaction, plan, approval_id=decided.id)

    def _conditions(self, plan: Plan, need: PlanNeed) -> Conditions:
        """Say until when a request stands, who alone may decide and how many it takes: by policy and by the rule."""
        conditions = self._asked(plan, need)
        named, quorum = conditions["approvers"], conditions["quorum"]
        if 0 < len(named) < quorum:
            raise DeskRefusedError(
                f"it takes {quorum} approvers, and only {', '.join(sorted(named))} may approve it: name more of them "
                "in the grant, or ask for fewer"
            )
        return conditions

    def _asked(self, plan: Plan, need: PlanNeed) -> Conditions:
        rule, now = self.rule(plan), self.clock()
        if rule is None:
            return {
                "expires": now + GOOD_FOR,
                "approvers": need.approvers,
                "quorum": need.quorum,
                "managers": need.managers,
            }
        until = now + min(GOOD_FOR, timedelta(minutes=rule.expires_minutes))
        able = self._admins(need.approvers) if rule.role is ApproverRole.ADMIN else need.approvers
        quorum = max(need.quorum, rule.quorum)
        return {"expires": until, "approvers": able, "quorum": quorum, "managers": need.managers}

    def _admins(self, named: frozenset[str]) -> frozenset[str]:
        able = {each.name for each in self.governing.accounts() if each.has(Role.ADMIN) and each.has(Role.APPROVER)}
        return frozenset(able & named if named else able) or frozenset({NOBODY})

    def _hold_no_secret(self, plan: Plan) -> None:
        try:
            self.scanner.refuse(plan.model_dump_json(), "the plan")
        except LeakError as error:
            raise DeskRefusedError(f"{error}: leave the secret out, and change it where it was typed") from error

    def _same_tenant(self, plan: Plan) -> None:
        now = self.contexts.of(plan.ticket_id).tenant
        if now.id != plan.tenant.id:
            raise DeskRefusedError(
                f"ticket {plan.ticket_id} belongs to {now.name} now and the plan was made for {plan.tenant.name}: "
                "make a new plan"
            )

    def _refuse_unprovable(self, plan: Plan) -> None:
        """Bother nobody with a plan whose person cannot prove who they are in time, whoever approves it."""
        locked = proof.lock_on(self.records, plan) if any(step.needs_proof for step in plan.steps) else None
        if locked is not None:
            raise DeskRefusedError(f"{locked}: see the person or ask the client, and work on another ticket")
        young = proof.too_new(plan, self.clock() + GOOD_FOR)
        if young is not None:
            raise DeskRefusedError(f"{young}: see the person or ask the client, until it is that old")

    def _read(self, ticket_id: str) -> tuple[TenantContext, Ticket, object]:
        context, ticket, notes = self.contexts.read(ticket_id)
        if ticket.is_closed:
            raise DeskRefusedError(f"ticket {ticket_id} is closed: open it again in the PSA first")
        return context, ticket, notes

    def _engine(self, act: Callable[[], object]) -> None:
        try:
            act()
        except LookupError as error:
            raise DeskRefusedError(str(error)) from error


def new_plan_id() -> str:
    """Return an identifier no other plan has."""
    return f"p-{secrets.token_hex(8)}"
