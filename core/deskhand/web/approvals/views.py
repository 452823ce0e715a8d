"""Requests for approval: the list, and the one page where a person decides in plain sight."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import RedirectResponse, Response

from deskhand.automation.plan import Plan
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance import proof
from deskhand.governance.approval import Verdict
from deskhand.governance.proof import ProofMethod, ProofState
from deskhand.records import proofs
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.records.database import Records
from deskhand.records.runs import Run
from deskhand.web.runs import story
from deskhand.web.shell.pages import Exact, page
from deskhand.web.visit import SEE_OTHER, MissingError, Visit


def listing(visit: Visit) -> Response:
    """Show what waits for a decision, and what was decided lately."""
    desk, now = visit.desk, visit.desk.clock()
    known = desk.resolving.approvals()
    waiting = [each for each in known if each.state is ApprovalState.PENDING and each.expires_at > now]
    return page(
        visit,
        "approvals/approvals.html",
        waiting=waiting,
        decided=[each for each in known if each not in waiting][:50],
        clients={each.tenant_id: _client(visit, each.tenant_id) for each in known},
    )


def decision(visit: Visit) -> Response:
    """Show exactly what is approved: the text that follows from the plan alone, beside what it would change now."""
    approval = _found(visit)
    plan = visit.desk.resolving.plan(approval.plan_id)
    told = story.of_plan(visit.desk, plan)
    is_open = approval.state is ApprovalState.PENDING and approval.expires_at > visit.desk.clock()
    rights = visit.desk.resolving.rights(visit.who, approval) if is_open else ()
    return page(
        visit,
        "approvals/decision.html",
        approval=approval,
        proving=_proving(visit.desk.records, plan),
        text=Exact(visit.desk.resolving.approval_text(plan.id)),
        story=told,
        back=visit.address,
        rights=rights,
        is_open=is_open,
        is_enough=_is_enough(approval, rights),
        is_own=visit.who.name in approval.own,
    )


def _is_enough(approval: Approval, rights: Sequence[str]) -> bool:
    """Tell whether one more vote, by one of these rights, may be the last that it takes."""
    given = [each.right_of for each in approval.votes if each.verdict == Verdict.APPROVE.value]
    has_manager = not approval.managers or not {*given, *rights}.isdisjoint(approval.managers)
    return has_manager and len(given) + 1 >= approval.quorum


@dataclass(frozen=True, slots=True)
class Proving:
    """How a step proves who the person concerned is, by what connector, and when it has."""

    title: str
    provider: str
    method: str
    strength: str
    unchanged_since: datetime | None
    proven_at: datetime | None


def _proving(records: Records, plan: Plan) -> list[Proving]:
    """Say for each step that proves somebody's identity how it does, and what came of it."""
    given = [each for each in proofs.of_plan(records, plan.id) if each.state is not ProofState.FAILED]
    found = []
    for step in plan.steps:
        shown = proof.shown_by(plan, step) if step.proves_identity else None
        if shown is not None:
            method = ProofMethod(shown.method)
            moments = [each.proven_at for each in given if (each.method, each.provider) == (method, shown.provider)]
            since = shown.unchanged_since
            at = max(moments, default=None)
            found.append(Proving(step.title, shown.provider, method.value, method.strength, since, at))
    return found


def decide(visit: Visit) -> Response:
    """Approve or deny the plan whose hash the page carried."""
    approval = _found(visit)
    try:
        verdict = Verdict(visit.form.get("verdict", ""))
    except ValueError as error:
        raise DeskRefusedError("Choose to approve or to deny.") from error
    came_of_it = visit.desk.resolving.decide(
        visit.who,
        approval.id,
        visit.form.get("plan_sha256", ""),
        verdict,
        visit.form.get("comment", "").strip(),
        on_behalf_of=visit.form.get("for") or None,
    )
    where = f"/runs/{came_of_it.id}" if isinstance(came_of_it, Run) else f"/approvals/{approval.id}"
    return RedirectResponse(where, SEE_OTHER)


def open_link(visit: Visit) -> Response:
    """Lead whoever comes from a note in the PSA, and has signed in by now, to the request."""
    try:
        wanted = visit.desk.resolving.open_link(visit.who, visit.path["token"])
    except DeskRefusedError as error:
        raise MissingError(str(error)) from error
    return RedirectResponse(f"/approvals/{wanted.id}", SEE_OTHER)


def _found(visit: Visit) -> Approval:
    try:
        return visit.desk.resolving.approval(visit.path["approval"])
    except DeskRefusedError as error:
        raise MissingError("There is no such request for approval.") from error


def _client(visit: Visit, tenant_id: str) -> str:
    company = visit.desk.mirror.company(tenant_id)
    return company.name if company else tenant_id
