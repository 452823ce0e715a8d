"""What has happened at the practice before anyone looks: something of everything a page can show."""

from dataclasses import dataclass

from pydantic import SecretStr

from deskhand.automation.plan import Plan
from deskhand.governance.approval import Verdict
from deskhand.records.accounts import Account
from deskhand.records.approvals import Approval
from deskhand.records.runs import Run, RunState
from deskhand.records.switches import Level
from tests.browser.practice import MOBILE, TENANT, Practice
from tests.browser.under_way import UnderWay, set_going
from tests.journeys.office import wait_until

RESET = "verify the user via MFA, reset the password, revoke sessions and text them"
CONTAIN = 'add the user to the group "Sign-in review" and text them'


@dataclass(frozen=True)
class Places:
    """Where what happened can be seen."""

    resolved: str
    planned: str
    waiting: str
    failed: str
    run: str
    failed_run: str
    approval: str
    automation: str
    under_way: UnderWay

    def pages(self, company: int) -> dict[str, str]:
        """Name every page of panel and console."""
        automation = f"/automations/{self.automation}"
        return {
            "panel, done": f"/panel/{self.resolved}",
            "panel, planned": f"/panel/{self.planned}",
            "panel, waiting": f"/panel/{self.waiting}",
            "panel, correcting": f"/panel/{self.failed}?correct=1",
            "tickets": "/",
            "ticket": f"/tickets/{self.resolved}",
            "quarantine": "/quarantine",
            "approvals": "/approvals",
            "approval": f"/approvals/{self.approval}",
            "runs": "/runs",
            "run": f"/runs/{self.run}",
            "failed run": f"/runs/{self.failed_run}",
            "automations": "/automations",
            "automation": automation,
            "automation at a client": f"{automation}/clients/{company}",
            "version": f"{automation}/versions/2",
            "edit": f"{automation}/edit",
            "candidates": "/candidates",
            "govern": "/govern",
            "reviews": "/reviews",
            "record": "/record",
            "switches": "/switches",
            "accounts": "/accounts",
            "delegations": "/delegations",
            "branching run": f"/runs/{self.under_way.branching}",
            "panel, branching": f"/panel/{self.under_way.branching_ticket}",
            "approval on the way": f"/approvals/{self.under_way.on_the_way}",
            "held run": f"/runs/{self.under_way.held}",
            "approval by a manager": f"/approvals/{self.under_way.renewal}",
            "panel, called back": f"/panel/{self.under_way.renewing_ticket}",
            "automation, rolling out": f"/automations/{self.under_way.rolling_out}",
            "run of a paused automation": f"/runs/{self.under_way.paused}",
        }


def play(practice: Practice) -> Places:
    """Let it happen."""
    desk, maya, tom = practice.desk, practice.account("maya"), practice.account("tom")
    resolved = practice.ticket()
    run = finished(practice, carried_out(practice, resolved, RESET))
    automation = _automated(practice, run, maya, tom)
    planned, waiting, failed = (practice.ticket(f"Teams keeps asking for the password, {n}") for n in (1, 2, 3))
    plan_of(practice, planned, RESET)
    approval = asked(practice, plan_of(practice, waiting, RESET))
    failed_run = _failing(practice, failed)
    practice.stranger()
    under_way = set_going(practice, automation)
    desk.governing.throw(maya, Level.AUTOMATION, automation, "Being looked at")
    desk.maintaining.sample()
    return Places(resolved, planned, waiting, failed, run.id, failed_run, approval.id, automation, under_way)


def plan_of(practice: Practice, ticket: str, sentence: str) -> Plan:
    """Plan a sentence as Maya."""
    proposal = practice.desk.resolving.propose(practice.account("maya"), ticket, sentence)
    assert proposal.plan is not None, proposal.refusals
    return proposal.plan


def asked(practice: Practice, plan: Plan) -> Approval:
    """Ask for approval as Maya."""
    approval = practice.desk.resolving.submit(practice.account("maya"), plan.id)
    assert isinstance(approval, Approval)
    return approval


def carried_out(practice: Practice, ticket: str, sentence: str) -> Run:
    """Have a sentence carried out, with Tom's approval."""
    approval = asked(practice, plan_of(practice, ticket, sentence))
    run = practice.desk.resolving.decide(
        practice.account("tom"), approval.id, approval.plan_sha256, Verdict.APPROVE, "Called back, it is her"
    )
    assert isinstance(run, Run)
    return run


def finished(practice: Practice, run: Run) -> Run:
    """Read out the code, and wait for the end."""
    desk, maya = practice.desk, practice.account("maya")
    wait_until(lambda: desk.resolving.run(run.id).waits_for is not None, "the run waits for the code")
    wait = desk.resolving.run(run.id).waits_for
    assert wait is not None
    desk.resolving.answer(maya, run.id, wait.step_id, SecretStr(practice.telephones.code(MOBILE)))
    wait_until(lambda: desk.resolving.run(run.id).state.is_over, "the run is over")
    ended = desk.resolving.run(run.id)
    assert ended.state is RunState.DONE, ended
    return ended


def _automated(practice: Practice, run: Run, maya: Account, tom: Account) -> str:
    automating = practice.desk.automating
    draft = automating.draft_from_run(maya, run.id)
    record = automating.save_draft(maya, draft.document.name, draft.yaml)
    automating.back_test(record.name, record.version)
    automating.approve(tom, record.name, record.version, record.sha256)
    automating.stage(tom, record.name, str(practice.company), "shadow")
    practice.ticket("Locked out of Outlook again")
    automating.save_draft(maya, record.name, draft.yaml.replace("expires_minutes: 60", "expires_minutes: 30"))
    return record.name


def _failing(practice: Practice, ticket: str) -> str:
    """Approve a plan whose group is deleted in the meantime."""
    plan = plan_of(practice, ticket, CONTAIN)
    approval = asked(practice, plan)
    contents = practice.directory.tenants[TENANT].contents
    group = next(each for each, record in contents.groups.items() if record["displayName"] == "Sign-in review")
    kept, members = contents.groups.pop(group), contents.members.pop(group)
    run = practice.desk.resolving.decide(practice.account("tom"), approval.id, approval.plan_sha256, Verdict.APPROVE)
    assert isinstance(run, Run)
    wait_until(lambda: practice.desk.resolving.run(run.id).state.is_over, "the run has failed")
    contents.groups[group], contents.members[group] = kept, members
    practice.desk.maintaining.diagnose(run.id)
    return run.id
