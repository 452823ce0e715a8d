"""`deskhand approval`: read exactly what somebody wants done, and approve or deny it."""

from pathlib import Path

import click

from deskhand.automation import plans
from deskhand.cli.acting import acting, as_option
from deskhand.cli.answers import (
    config_option,
    confirm,
    explaining_errors,
    fail,
    json_option,
    print_json,
    print_line,
    print_table,
)
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.showing import approval_document, run_document
from deskhand.cli.stores import records_of
from deskhand.configuration.loading import load
from deskhand.governance.approval import Verdict
from deskhand.governance.approval import text as approval_text
from deskhand.records import approvals
from deskhand.records.approvals import Approval, ApprovalState


@click.group(name="approval", help="Read what somebody wants done, and approve or deny it.")
def command() -> None:
    """Group the approval commands."""


@command.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Also those that were decided.")
@config_option
@json_option
@explaining_errors
def list_approvals(config_path: Path, *, everything: bool, as_json: bool) -> None:
    """List what waits for a decision, newest first."""
    with records_of(load(config_path)) as records:
        found = approvals.listing(records, None if everything else ApprovalState.PENDING)
    if as_json:
        print_json([approval_document(each) for each in found])
        return
    rows = [(each.id, each.ticket_id, each.requested_by, each.state.value, each.expires_at) for each in found]
    print_table("Approvals", ("approval", "ticket", "asked for by", "state", "until"), rows)


@command.command()
@click.argument("approval")
@config_option
@json_option
@explaining_errors
def show(approval: str, config_path: Path, *, as_json: bool) -> None:
    """Show exactly what APPROVAL would allow."""
    with records_of(load(config_path)) as records:
        found = approvals.find(records, approval)
        plan = plans.find(records, found.plan_id) if found is not None else None
    if found is None or plan is None:
        fail(ExitCode.FAILED, f"there is no approval {approval}: `deskhand approval list` shows what waits")
    text = approval_text(plan)
    if as_json:
        print_json({**approval_document(found), "text": text})
        return
    for line in text.splitlines():
        print_line(line)


@command.command()
@click.argument("approval")
@click.option("--sha256", help="The hash of the plan you have read; asked for where it is left out.")
@click.option("--comment", default="", help="Why.")
@as_option
@config_option
@json_option
@explaining_errors
def approve(approval: str, sha256: str | None, comment: str, name: str, config_path: Path, *, as_json: bool) -> None:
    """Approve APPROVAL: its plan runs at once."""
    _decide(approval, sha256, comment, name, config_path, Verdict.APPROVE, as_json=as_json)


@command.command()
@click.argument("approval")
@click.option("--sha256", help="The hash of the plan you have read; asked for where it is left out.")
@click.option("--comment", default="", help="Why.")
@as_option
@config_option
@json_option
@explaining_errors
def deny(approval: str, sha256: str | None, comment: str, name: str, config_path: Path, *, as_json: bool) -> None:
    """Deny APPROVAL: nothing runs."""
    _decide(approval, sha256, comment, name, config_path, Verdict.DENY, as_json=as_json)


def _decide(
    approval: str, sha256: str | None, comment: str, name: str, config_path: Path, verdict: Verdict, *, as_json: bool
) -> None:
    with acting(config_path, name) as (desk, who):
        found = desk.resolving.approval(approval)
        if sha256 is None:
            for line in desk.resolving.approval_text(found.plan_id).splitlines():
                print_line(line)
            confirm(f"{verdict.value.capitalize()} this plan ({found.plan_sha256[:12]})?")
        answer = desk.resolving.decide(who, approval, sha256 or found.plan_sha256, verdict, comment)
    document = approval_document(answer) if isinstance(answer, Approval) else run_document(answer)
    if as_json:
        print_json(document)
    elif isinstance(answer, Approval):
        print_line(f"{answer.id} is {answer.state.value}: nothing runs.")
    else:
        print_line(f"Approved; it runs as {answer.id}: `deskhand runs show {answer.id}`.")
