"""`deskhand approval`: read exactly what somebody wants done, and approve or deny it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec

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
from deskhand.cli.delegating import delegate, delegations, end_delegation
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.showing import approval_document, run_document, standing_of
from deskhand.cli.stores import records_of
from deskhand.configuration.loading import load
from deskhand.governance.approval import Verdict
from deskhand.governance.approval import text as approval_text
from deskhand.records import approvals
from deskhand.records.approvals import Approval, ApprovalState

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Ballot:
    """What a person types to vote."""

    approval: str
    sha256: str | None
    comment: str
    on_behalf_of: str | None


def vote_options(function: Callable[Concatenate[Ballot, P], None]) -> Callable[..., None]:
    """Decorate a command with what a vote is made of, and hand it that first."""

    @click.argument("approval")
    @click.option("--sha256", help="The hash of the plan you have read; asked for where it is left out.")
    @click.option("--comment", default="", help="Why.")
    @click.option("--for", "on_behalf_of", help="Whose delegate you vote as, where you could vote for several.")
    @as_option
    @config_option
    @json_option
    @explaining_errors
    @wraps(function)
    def wrapped(
        approval: str,
        sha256: str | None,
        comment: str,
        on_behalf_of: str | None,
        *args: P.args,
        **options: P.kwargs,
    ) -> None:
        function(Ballot(approval, sha256, comment, on_behalf_of), *args, **options)

    return wrapped


@click.group(name="approval", help="Read what somebody wants done, and approve or deny it.")
def command() -> None:
    """Group the approval commands."""


for each in (delegate, delegations, end_delegation):
    command.add_command(each)


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
    rows = [
        (each.id, each.ticket_id, each.requested_by, each.state.value, standing_of(each), each.expires_at)
        for each in found
    ]
    print_table("Approvals", ("approval", "ticket", "asked for by", "state", "approved", "until"), rows)


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
    click.echo(text, nl=False)
    rows = [(each.by, each.on_behalf_of or "", each.verdict, each.at, each.comment) for each in found.votes]
    if rows:
        print_table(standing_of(found), ("vote of", "as delegate of", "", "at", "comment"), rows)


@command.command()
@vote_options
def approve(vote: Ballot, name: str, config_path: Path, *, as_json: bool) -> None:
    """Approve APPROVAL: its plan runs at once, or when as many have approved it as it takes."""
    _decide(vote, name, config_path, Verdict.APPROVE, as_json=as_json)


@command.command()
@vote_options
def deny(vote: Ballot, name: str, config_path: Path, *, as_json: bool) -> None:
    """Deny APPROVAL: nothing runs."""
    _decide(vote, name, config_path, Verdict.DENY, as_json=as_json)


def _decide(vote: Ballot, name: str, config_path: Path, verdict: Verdict, *, as_json: bool) -> None:
    approval, sha256 = vote.approval, vote.sha256
    with acting(config_path, name) as (desk, who):
        found = desk.resolving.approval(approval)
        if sha256 is None:
            click.echo(desk.resolving.approval_text(found.plan_id), nl=False)
            confirm(f"{verdict.value.capitalize()} this plan ({found.plan_sha256[:12]})?")
        sha256 = sha256 or found.plan_sha256
        answer = desk.resolving.decide(who, approval, sha256, verdict, vote.comment, on_behalf_of=vote.on_behalf_of)
    document = approval_document(answer) if isinstance(answer, Approval) else run_document(answer)
    if as_json:
        print_json(document)
    elif isinstance(answer, Approval):
        print_line(f"{answer.id} is {answer.state.value} ({standing_of(answer)}): nothing runs.")
    else:
        print_line(f"Approved; it runs as {answer.id}: `deskhand runs show {answer.id}`.")
