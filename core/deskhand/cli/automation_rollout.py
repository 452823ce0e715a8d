"""The part of `deskhand automation` that moves automations through the clients, and stops them."""

from pathlib import Path
from typing import TextIO

import click

from deskhand.automation.stage import Stage
from deskhand.automation.yaml_form import dump
from deskhand.cli.acting import acting, as_option, desk_of
from deskhand.cli.answers import (
    config_option,
    explaining_errors,
    fail,
    json_option,
    print_json,
    print_line,
    print_table,
)
from deskhand.cli.automation_showing import progress_document, rollout_document
from deskhand.cli.exit_codes import ExitCode
from deskhand.desk.widening import Progress
from deskhand.records.automations import Rollout

automation_argument = click.argument("automation")
tenant_option = click.option("--tenant", required=True, help="The client's id in the PSA.")
reason_option = click.option("--reason", required=True, help="Why, for the record.")


@click.command(name="stage")
@automation_argument
@click.argument("stage", type=click.Choice([each.value for each in Stage]))
@tenant_option
@click.option("--reason", default="", help="Why it goes further than the evidence says; an admin's.")
@as_option
@config_option
@json_option
@explaining_errors
def stage_at(  # the options a person types
    automation: str, stage: str, tenant: str, reason: str, name: str, config_path: Path, *, as_json: bool
) -> None:
    """Move an automation at a client: off, shadow, ask, auto."""
    with acting(config_path, name) as (desk, who):
        rollout = desk.automating.stage(who, automation, tenant, stage, reason)
    _say(rollout, f"{automation} stands at {rollout.stage} for client {tenant}.", as_json=as_json)


@click.command(name="effective")
@automation_argument
@tenant_option
@config_option
@json_option
@explaining_errors
def effective(automation: str, tenant: str, config_path: Path, *, as_json: bool) -> None:
    """Show an automation as it holds at a client, and why it differs from the base."""
    with desk_of(config_path) as desk:
        found = desk.automating.effective(automation, tenant)
    if as_json:
        listed = [
            {"path": each.path, "base": each.base, "here": each.here, "because": each.because}
            for each in found.differences
        ]
        print_json({"document": found.document.model_dump(mode="json"), "differences": listed})
        return
    click.echo(dump(found.document))
    rows = [(each.path, each.base, each.here, each.because) for each in found.differences]
    print_table("Different here", ("what", "base", "here", "because"), rows)


@click.command(name="shadows")
@automation_argument
@click.option("--tenant", default=None, help="Only at this client, by its id in the PSA.")
@config_option
@json_option
@explaining_errors
def shadows(automation: str, tenant: str | None, config_path: Path, *, as_json: bool) -> None:
    """Show what an automation would have done in shadow, beside what people did."""
    with desk_of(config_path) as desk:
        found = desk.automating.shadows(automation, tenant)
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
        return
    rows = [
        (
            each.ticket_id,
            each.tenant_id,
            each.version,
            "; ".join(each.would or each.refusals),
            each.outcome,
            ", ".join(each.did),
        )
        for each in found
    ]
    print_table("In shadow", ("ticket", "client", "version", "would have done", "people did", "namely"), rows)


@click.group(name="overlay", help="What is different at one client.")
def overlay() -> None:
    """Group the overlay commands."""


@overlay.command(name="propose")
@automation_argument
@click.argument("file", type=click.File(encoding="utf-8"))
@tenant_option
@as_option
@config_option
@json_option
@explaining_errors
def propose(automation: str, file: TextIO, tenant: str, name: str, config_path: Path, *, as_json: bool) -> None:
    """Propose an overlay for a client; it holds once somebody else has approved it."""
    yaml = file.read()
    with acting(config_path, name) as (desk, who):
        rollout = desk.automating.overlay(who, automation, tenant, yaml)
    proposed = rollout.detail.proposed
    _say(rollout, f"Proposed. SHA-256 {proposed.sha256 if proposed else ''}", as_json=as_json)


@overlay.command(name="approve")
@automation_argument
@tenant_option
@click.option("--sha256", required=True, help="The hash of the overlay you read.")
@as_option
@config_option
@json_option
@explaining_errors
def approve(automation: str, tenant: str, sha256: str, name: str, config_path: Path, *, as_json: bool) -> None:
    """Have a proposed overlay hold: by someone other than who wrote it."""
    with acting(config_path, name) as (desk, who):
        rollout = desk.automating.approve_overlay(who, automation, tenant, sha256)
    _say(rollout, f"The overlay holds for client {tenant}.", as_json=as_json)


@overlay.command(name="drop")
@automation_argument
@tenant_option
@reason_option
@as_option
@config_option
@json_option
@explaining_errors
def drop(automation: str, tenant: str, reason: str, name: str, config_path: Path, *, as_json: bool) -> None:
    """Have the base hold at a client again."""
    with acting(config_path, name) as (desk, who):
        rollout = desk.automating.drop_overlay(who, automation, tenant, reason)
    _say(rollout, f"The base holds for client {tenant}.", as_json=as_json)


@click.command(name="pause")
@automation_argument
@reason_option
@as_option
@config_option
@explaining_errors
def pause(automation: str, reason: str, name: str, config_path: Path) -> None:
    """Stop an automation at every client, at once."""
    with acting(config_path, name) as (desk, who):
        desk.automating.pause(who, automation, reason)
    print_line(f"{automation} is paused. `deskhand automation resume {automation}` lets it go on.")


@click.command(name="resume")
@automation_argument
@reason_option
@as_option
@config_option
@explaining_errors
def resume(automation: str, reason: str, name: str, config_path: Path) -> None:
    """Let a paused automation go on where it stood."""
    with acting(config_path, name) as (desk, who):
        desk.automating.resume(who, automation, reason)
    print_line(f"{automation} goes on.")


@click.command(name="retire")
@automation_argument
@reason_option
@as_option
@config_option
@explaining_errors
def retire(automation: str, reason: str, name: str, config_path: Path) -> None:
    """Stop an automation for good; its versions and runs stay on the record."""
    with acting(config_path, name) as (desk, who):
        desk.automating.retire(who, automation, reason)
    print_line(f"{automation} is retired.")


@click.command(name="rollout")
@automation_argument
@click.option("--hold", "deed", flag_value="hold", help="Keep the new version where it is; an admin's.")
@click.option("--go-on", "deed", flag_value="go_on", help="Let it go further again; an admin's.")
@click.option("--ahead", "deed", flag_value="ahead", help="Take the next wave now, without its evidence; an admin's.")
@click.option("--first", "first", multiple=True, help="Whose turn comes next, by id in the PSA; an admin's.")
@click.option("--reason", default="", help="Why, for the record.")
@click.option("--as", "name", default="", envvar="DESKHAND_ACCOUNT", help="Your account, for anything but showing.")
@config_option
@json_option
@explaining_errors
def rollout(  # the options a person types
    automation: str,
    deed: str | None,
    first: tuple[str, ...],
    reason: str,
    name: str,
    config_path: Path,
    *,
    as_json: bool,
) -> None:
    """Show how far the newest version has come: at one client, at five, at all; or hold it, or let it go ahead."""
    if deed is None and not first:
        with desk_of(config_path) as desk:
            _show_progress(automation, desk.automating.widening.progress(automation), as_json=as_json)
        return
    if not name:
        fail(ExitCode.USAGE, "say who you are: --as NAME")
    with acting(config_path, name) as (desk, who):
        widening = desk.automating.widening
        if first:
            widening.first(who, automation, first)
        if deed is not None:
            {"hold": widening.hold, "go_on": widening.go_on, "ahead": widening.ahead}[deed](who, automation, reason)
        _show_progress(automation, widening.progress(automation), as_json=as_json)


ROLLOUT_COMMANDS = (stage_at, rollout, effective, shadows, overlay, pause, resume, retire)


def _show_progress(automation: str, found: Progress | None, *, as_json: bool) -> None:
    if as_json:
        print_json(progress_document(found))
    elif found is None:
        print_line(f"The newest version of {automation} stands at auto nowhere: `deskhand automation stage` begins.")
    else:
        for line in found.lines():
            print_line(line)


def _say(rollout: Rollout, line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(rollout_document(rollout))
    else:
        print_line(line)
