"""`deskhand automation`: draft, edit, check, back-test, compare and approve what the desk may do again."""

from pathlib import Path
from typing import TextIO

import click

from deskhand.automation.known import known
from deskhand.automation.linter import errors, lint
from deskhand.automation.schema_form import schema
from deskhand.automation.yaml_form import YamlRefusedError, load
from deskhand.cli.acting import acting, as_option, desk_of
from deskhand.cli.answers import config_option, explaining_errors, fail, json_option, print_json, print_line
from deskhand.cli.automation_rollout import ROLLOUT_COMMANDS
from deskhand.cli.automation_showing import (
    draft_document,
    finding_document,
    listed_document,
    print_back_test,
    print_draft,
    print_findings,
    print_listing,
    print_version,
    version_document,
)
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.maintaining import MAINTENANCE_COMMANDS

automation_argument = click.argument("automation")
version_option = click.option(
    "--version", "-v", type=int, default=None, help="Which version; the newest where left out."
)
hash_option = click.option("--sha256", required=True, help="The hash of the text you read, as `show` prints it.")


@click.group(name="automation", help="Draft, check, back-test, approve and roll out automations.")
def command() -> None:
    """Group the automation commands."""


for each in (*ROLLOUT_COMMANDS, *MAINTENANCE_COMMANDS):
    command.add_command(each)


@command.command(name="list")
@config_option
@json_option
@explaining_errors
def list_automations(config_path: Path, *, as_json: bool) -> None:
    """List automations with their versions and where they are rolled out."""
    with desk_of(config_path) as desk:
        found = desk.automating.listing()
    if as_json:
        print_json([listed_document(each) for each in found])
    else:
        print_listing(found)


@command.command(name="show")
@automation_argument
@version_option
@click.option("--yaml", "only_text", is_flag=True, help="Print the text alone, as a file to edit.")
@config_option
@json_option
@explaining_errors
def show(automation: str, version: int | None, config_path: Path, *, only_text: bool, as_json: bool) -> None:
    """Show a version: its text, its hash, who wrote and approved it, and its back-test."""
    with desk_of(config_path) as desk:
        record = desk.automating.version(automation, version)
        tested = desk.automating.tested(record)
    if only_text:
        click.echo(record.yaml, nl=False)
    elif as_json:
        print_json(version_document(record, tested))
    else:
        print_version(record, tested)


@command.command(name="draft")
@click.option("--run", "run_id", help="Draft from this finished run.")
@click.option("--ticket", "ticket_id", help="Draft from what technicians wrote about this ticket.")
@click.option("--save", "is_saved", is_flag=True, help="Keep it as a draft at once.")
@as_option
@config_option
@json_option
@explaining_errors
def draft(  # the options a person types
    run_id: str | None, ticket_id: str | None, name: str, config_path: Path, *, is_saved: bool, as_json: bool
) -> None:
    """Draft an automation from a finished run, or from a ticket's resolution notes."""
    if (run_id is None) == (ticket_id is None):
        fail(ExitCode.USAGE, "name one of --run and --ticket")
    with acting(config_path, name) as (desk, who):
        service = desk.automating
        made = service.draft_from_run(who, run_id) if run_id else service.draft_from_ticket(who, str(ticket_id))
        saved = service.save_draft(who, made.name, made.yaml) if is_saved else None
    if as_json:
        print_json(draft_document(made, saved))
    else:
        print_draft(made, saved)


@command.command(name="save")
@automation_argument
@click.argument("file", type=click.File(encoding="utf-8"))
@as_option
@config_option
@json_option
@explaining_errors
def save(automation: str, file: TextIO, name: str, config_path: Path, *, as_json: bool) -> None:
    """Keep a text (FILE, or - for what is piped in) as the open draft, or as the next version."""
    yaml = file.read()
    with acting(config_path, name) as (desk, who):
        record = desk.automating.save_draft(who, automation, yaml)
        findings = desk.automating.lint(record.yaml)
    if as_json:
        print_json({**version_document(record, None), "findings": [finding_document(each) for each in findings]})
        return
    print_line(f"Saved as version {record.version} of {automation}. SHA-256 {record.sha256}")
    print_findings(findings)


@command.command(name="lint")
@click.argument("file", type=click.File(encoding="utf-8"))
@json_option
@explaining_errors
def lint_text(file: TextIO, *, as_json: bool) -> None:
    """Check a text with the installed plugins' actions; needs no configuration. Names of people are not known here."""
    from deskhand.registry import Registry  # noqa: PLC0415  # imports every plugin

    try:
        document = load(file.read())
    except YamlRefusedError as error:
        fail(ExitCode.FAILED, str(error))
    actions = [action for plugin in Registry.discover().plugins.values() for action in plugin.actions]
    findings = lint(document, known(actions))
    if as_json:
        print_json([finding_document(each) for each in findings])
    else:
        print_findings(findings)
    if errors(findings):
        raise click.exceptions.Exit(int(ExitCode.FAILED))


@command.command(name="back-test")
@automation_argument
@version_option
@click.option("--tenant", "tenants", multiple=True, help="Only this client's tickets; then it is no evidence.")
@config_option
@json_option
@explaining_errors
def back_test(
    automation: str, version: int | None, tenants: tuple[str, ...], config_path: Path, *, as_json: bool
) -> None:
    """Hold a version against every mirrored closed ticket: what it matches, what people did, where it is wrong."""
    with desk_of(config_path) as desk:
        record = desk.automating.version(automation, version)
        found = desk.automating.back_test(automation, record.version, tenants or None)
    if as_json:
        print_json({**found.model_dump(mode="json"), "summary": found.summary, "agreement": found.agreement})
    else:
        print_back_test(found)


@command.command(name="diff")
@automation_argument
@click.argument("one", type=int)
@click.argument("other", type=int)
@config_option
@json_option
@explaining_errors
def diff(automation: str, one: int, other: int, config_path: Path, *, as_json: bool) -> None:
    """Compare two versions, line by line and field by field."""
    with desk_of(config_path) as desk:
        text = desk.automating.diff(automation, one, other)
        fields = desk.automating.differences(automation, one, other)
    if as_json:
        listed = [{"path": each.path, "before": each.before, "after": each.after} for each in fields]
        print_json({"unified": text, "fields": listed})
        return
    for line in text.splitlines():
        print_line(line)
    for each in fields:
        print_line(str(each))


@command.command(name="approve")
@automation_argument
@click.option("--version", "-v", type=int, required=True, help="Which version.")
@hash_option
@click.option("--comment", default="", help="What to keep beside the approval.")
@as_option
@config_option
@json_option
@explaining_errors
def approve(  # the options a person types
    automation: str, version: int, sha256: str, comment: str, name: str, config_path: Path, *, as_json: bool
) -> None:
    """Approve exactly the text with this hash: by someone other than whoever wrote at it."""
    with acting(config_path, name) as (desk, who):
        record = desk.automating.approve(who, automation, version, sha256, comment)
        tested = desk.automating.tested(record)
    if as_json:
        print_json(version_document(record, tested))
    else:
        print_line(f"Version {version} of {automation} is approved. It is off everywhere until it is staged.")


@command.command(name="reject")
@automation_argument
@click.option("--version", "-v", type=int, required=True, help="Which version.")
@hash_option
@click.option("--reason", required=True, help="Why, for its author.")
@as_option
@config_option
@explaining_errors
def reject(automation: str, version: int, sha256: str, reason: str, name: str, config_path: Path) -> None:
    """Put a draft aside for good."""
    with acting(config_path, name) as (desk, who):
        desk.automating.reject(who, automation, version, sha256, reason)
    print_line(f"Version {version} of {automation} is rejected.")


@command.command(name="schema")
def print_schema() -> None:
    """Print the JSON Schema of an automation, for an editor."""
    click.echo(schema(), nl=False)
