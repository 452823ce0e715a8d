"""`deskhand automation candidates`, `report`, `diagnose` and `mend`: what to automate next, and how it goes since."""

from pathlib import Path

import click

from deskhand.cli.acting import acting, as_option, desk_of
from deskhand.cli.answers import config_option, explaining_errors, json_option, print_json, print_line
from deskhand.cli.automation_showing import version_document
from deskhand.cli.maintaining_showing import (
    opportunity_document,
    print_candidates,
    print_diagnosis,
    print_report,
    report_document,
)

run_argument = click.argument("run")


@click.command(name="candidates")
@click.option("--client", help="Only this client's tickets; its id in the PSA.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="At most so many.")
@config_option
@json_option
@explaining_errors
def candidates(client: str | None, limit: int, config_path: Path, *, as_json: bool) -> None:
    """Rank what recurs by minutes x frequency x feasibility x safety, for what each client's policy allows."""
    with desk_of(config_path) as desk:
        found = desk.maintaining.candidates(limit, client)
    if as_json:
        print_json([opportunity_document(each) for each in found])
        return
    print_candidates(found)


@click.command(name="report")
@click.argument("automation")
@config_option
@json_option
@explaining_errors
def report(automation: str, config_path: Path, *, as_json: bool) -> None:
    """Show who stands behind AUTOMATION, its runs and what came of them, and the minutes it saved."""
    with desk_of(config_path) as desk:
        found = desk.maintaining.report(automation)
    if as_json:
        print_json(report_document(found))
        return
    print_report(found)


@click.command(name="diagnose")
@run_argument
@config_option
@json_option
@explaining_errors
def diagnose(run: str, config_path: Path, *, as_json: bool) -> None:
    """Say why the failed RUN failed, with the evidence, and what would mend it."""
    with desk_of(config_path) as desk:
        found = desk.maintaining.diagnose(run)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    print_diagnosis(found)


@click.command(name="mend")
@run_argument
@as_option
@config_option
@json_option
@explaining_errors
def mend(run: str, name: str, config_path: Path, *, as_json: bool) -> None:
    """Save what the diagnosis of RUN proposes as a draft, and back-test it; somebody approves it as any version."""
    with acting(config_path, name) as (desk, who):
        record = desk.maintaining.propose_change(run, who)
        tested = desk.automating.tested(record)
    if as_json:
        print_json(version_document(record, tested))
        return
    print_line(f"Saved as version {record.version} of {record.name}. SHA-256 {record.sha256}")
    print_line(
        f"Next: deskhand automation approve {record.name} --version {record.version} --sha256 {record.sha256} --as NAME"
    )


MAINTENANCE_COMMANDS = (candidates, report, diagnose, mend)
"""Commands of the group `deskhand automation`."""
