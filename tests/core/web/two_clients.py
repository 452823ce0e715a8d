"""A desk with two clients: the same things happened at each, in words that only whoever serves it may see."""

from dataclasses import dataclass, replace
from datetime import timedelta

from deskhand.automation import plans
from deskhand.automation.plan import Plan
from deskhand.desk.desk import Desk
from deskhand.desk.governing import OPERATOR
from deskhand.records import approvals, automations, quarantine, runs
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.records.automations import Rollout, RolloutDetail, Shadow, VersionState
from deskhand.records.runs import Run, RunState, StepRecord, StepState
from deskhand.records.switches import Level
from deskhand.sdk.clock import utc_now
from deskhand.sdk.models import Company, Note, NoteKind, Reference
from tests.core.automation.examples import TEXT
from tests.core.governance.plan_examples import plan, reset
from tests.core.web import documents

AUTOMATION = "locked-account"


@dataclass(frozen=True)
class Client:
    """One client: its id, its words, and what there is of it."""

    id: str
    words: str

    @property
    def ticket(self) -> str:
        return f"{self.id}047110000"

    @property
    def names(self) -> dict[str, str]:
        """What stands for each part of an address."""
        number = f"{int(self.id):016x}"
        ids = {"run": f"r-{number}", "plan": f"p-{number}", "approval": f"a-{number}", "step": "reset"}
        ids["token"] = f"{ids['approval']}.1.{'x' * 43}"
        return {**ids, "ticket": self.ticket, "tenant": self.id, "name": AUTOMATION, "version": "1"}

    @property
    def tells(self) -> tuple[str, ...]:
        """What a page that shows anything of it would hold."""
        return (self.words, self.ticket, *(self.names[each] for each in ("run", "plan", "approval")))


OURS = Client("7", "Words of ours")
THEIRS = Client("8", "Canary of theirs")


def fill(desk: Desk) -> None:
    """Let something of everything be there of both."""
    with desk.records.transaction("test") as transaction:
        draft = automations.save_draft(transaction, AUTOMATION, 1, TEXT, author="ada", title="Let in", evidence={})
        automations.decide(transaction, draft, VersionState.APPROVED, by="bob")
    for client in (OURS, THEIRS):
        _mirrored(desk, client)
        documents.save(desk, documents.why(client.ticket, client.words, tenant_id=client.id))
        _worked(desk, client)
        desk.governing.throw(OPERATOR, Level.TENANT, client.id, client.words)


def _mirrored(desk: Desk, client: Client) -> None:
    at, company = utc_now(), Reference(client.id, client.words)
    desk.mirror.save_companies([Company(client.id, client.words, f"C{client.id}")])
    tickets = [documents.ticket(each, client.words) for each in (client.ticket, f"{client.id}01")]
    desk.mirror.save_tickets([replace(each, company=company) for each in tickets])
    note = Note("1", client.ticket, client.words, NoteKind.DISCUSSION, at, client.words, from_customer=True)
    desk.mirror.save_notes(client.ticket, [note])


def _worked(desk: Desk, client: Client) -> None:
    asked = plan(reset(), ticket_id=client.ticket, tenant=client.id, number=int(client.id), sentence=client.words)
    shadow = Shadow(automation=AUTOMATION, ticket_id=client.ticket, tenant_id=client.id, version=1, reasons=("x",))
    with desk.records.transaction("test") as transaction:
        plans.save(transaction, asked)
        approvals.add(transaction, _approval(client, asked))
        runs.start(transaction, _run(client, asked))
        rollout = Rollout(AUTOMATION, client.id, "shadow", RolloutDetail(by="ada", reason=client.words))
        automations.put_rollout(transaction, rollout, what="staged")
        automations.record_shadow(transaction, shadow)
        candidates = [Reference(client.id, client.words)]
        quarantine.hold(
            transaction,
            "psa_connectwise",
            f"{client.id}02",
            reason=client.words,
            candidates=candidates,
            suggestion="",
            evidence=[],
        )
        transaction.audit("words.said", tenant=client.id, ticket=client.ticket, detail={"words": client.words})


def _approval(client: Client, asked: Plan) -> Approval:
    return Approval(
        id=client.names["approval"],
        plan_id=asked.id,
        plan_sha256=asked.sha256(),
        ticket_id=asked.ticket_id,
        tenant_id=client.id,
        requested_by="ann",
        state=ApprovalState.PENDING,
        requested_at=utc_now(),
        expires_at=utc_now() + timedelta(hours=1),
        comment=client.words,
        own=("ann",),
    )


def _run(client: Client, asked: Plan) -> Run:
    step = StepRecord(id="reset", action=asked.steps[0].action, state=StepState.FAILED, error=client.words)
    return Run(
        id=client.names["run"],
        plan_id=asked.id,
        plan_sha256=asked.sha256(),
        ticket_id=asked.ticket_id,
        tenant_id=client.id,
        automation=AUTOMATION,
        state=RunState.FAILED,
        steps=(step,),
        requested_by="ann",
        started_at=utc_now(),
        ended_at=utc_now(),
    )
