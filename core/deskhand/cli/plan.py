"""`deskhand plan`: say what shall be done on a ticket, see what it would change, ask for approval."""

from pathlib import Path
from typing import Any, NoReturn

import click

from deskhand.cli.acting import acting, as_option
from deskhand.cli.answers import config_option, explaining_errors, fail, json_option, print_json, print_line
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.showing import approval_document, plan_document, print_plan, run_document
from deskhand.desk.desk import Desk
from deskhand.records.accounts import Account
from deskhand.records.approvals import Approval


@click.command(name="plan", help="Say what shall be done on a ticket, and see what it would change.")
@click.argument("ticket")
@click.argument("sentence")
@click.option("--submit", is_flag=True, help="Ask for approval at once, or run what needs none.")
@as_option
@config_option
@json_option
@explaining_errors
def command(ticket: str, sentence: str, name: str, config_path: Path, *, submit: bool, as_json: bool) -> None:
    """Plan, show the dry run, and ask for approval where told so."""
    with acting(config_path, name) as (desk, who):
        proposal = desk.resolving.propose(who, ticket, sentence)
        plan = proposal.plan
        if plan is None:
            _refuse(proposal.model_dump(mode="json"), as_json=as_json)
        previews = desk.resolving.preview(plan.id)
        document: dict[str, Any] = {"plan": plan_document(plan, previews), "engine": proposal.engine}
        if not as_json:
            print_plan(plan, previews)
        if submit:
            document |= _submit(desk, who, plan.id, as_json=as_json)
    if as_json:
        print_json(document)


def _refuse(document: dict[str, Any], *, as_json: bool) -> NoReturn:
    if as_json:
        print_json(document)
        raise click.exceptions.Exit(int(ExitCode.FAILED))
    for each in document["refusals"]:
        options = f" It could mean: {', '.join(each['options'])}." if each["options"] else ""
        print_line(f"“{each['clause']}”: {each['reason']}. {each['detail']}{options}")
    fail(ExitCode.FAILED, "no plan was made: say it anew, without what is named above or more exactly")


def _submit(desk: Desk, who: Account, plan_id: str, *, as_json: bool) -> dict[str, Any]:
    answer = desk.resolving.submit(who, plan_id)
    if isinstance(answer, Approval):
        if not as_json:
            print_line(f"Waits for approval {answer.id}: `deskhand approval approve {answer.id}`, by somebody else.")
        return {"approval": approval_document(answer)}
    if not as_json:
        print_line(f"Runs as {answer.id}: `deskhand runs show {answer.id}`.")
    return {"run": run_document(answer)}
