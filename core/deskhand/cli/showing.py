"""How plans, approvals and runs look in a terminal, and what machines get of them."""

from collections.abc import Sequence
from typing import Any

from deskhand.automation.plan import Plan
from deskhand.cli.answers import print_line, print_table
from deskhand.desk.previewing import LATE, StepPreview
from deskhand.records.approvals import Approval
from deskhand.records.runs import Run

TIERS = ("read", "PSA only", "change", "hard gate", "never")


def plan_document(plan: Plan, previews: Sequence[StepPreview]) -> dict[str, Any]:
    """Return a plan with its hash and its dry run."""
    dry_run = [
        {
            "step": each.step.id,
            "changes": [{"field": c.field, "current": c.current, "desired": c.desired} for c in each.changes],
            "problem": each.problem,
            "is_late": each.is_late,
            "is_privileged": each.is_privileged,
        }
        for each in previews
    ]
    return {**plan.model_dump(mode="json"), "sha256": plan.sha256(), "dry_run": dry_run}


def approval_document(approval: Approval) -> dict[str, Any]:
    """Return a request for approval."""
    return {
        "id": approval.id,
        "state": approval.state.value,
        "plan": approval.plan_id,
        "sha256": approval.plan_sha256,
        "ticket": approval.ticket_id,
        "tenant": approval.tenant_id,
        "requested_by": approval.requested_by,
        "expires_at": approval.expires_at.isoformat(),
        "decided_by": approval.decided_by,
        "comment": approval.comment,
        "quorum": approval.quorum,
        "votes": [each.model_dump(mode="json") for each in approval.votes],
    }


def standing_of(approval: Approval) -> str:
    """Say how many have approved a request, of how many it takes."""
    return f"{sum(each.verdict == 'approve' for each in approval.votes)} of {approval.quorum}"


def run_document(run: Run) -> dict[str, Any]:
    """Return a run."""
    return run.model_dump(mode="json")


def print_plan(plan: Plan, previews: Sequence[StepPreview]) -> None:
    """Print each step with what it would change."""
    rows = [
        (place, each.step.title, TIERS[each.step.tier], _changes(each), each.step.irreversible or "can be undone")
        for place, each in enumerate(previews, 1)
    ]
    print_table(f"Plan {plan.id} for {plan.tenant.name}", ("", "step", "tier", "would change", "undo"), rows)
    print_line(f"SHA-256 {plan.sha256()}")


def print_run(run: Run) -> None:
    """Print a run step by step."""
    rows = [(each.id, each.action, each.state.value, each.reference, each.error) for each in run.steps]
    print_table(
        f"Run {run.id}: {run.state.value.replace('_', ' ')}", ("step", "action", "state", "reference", "error"), rows
    )
    if run.waits_for is not None:
        print_line(f"Waits at {run.waits_for.step_id or run.waits_for.position}: {run.waits_for.text}")


def _changes(preview: StepPreview) -> str:
    if preview.problem:
        return f"cannot be looked at: {preview.problem}"
    if preview.is_late:
        return LATE
    changes = "; ".join(f"{each.field}: {each.current or 'nothing'} → {each.desired}" for each in preview.changes)
    return changes or "nothing: it is so already"
