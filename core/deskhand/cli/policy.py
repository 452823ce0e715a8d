"""`deskhand policy`: the guard rails and the grants, each table proposed by one and approved by another."""

from collections.abc import Sequence
from pathlib import Path

import click

from deskhand.cli.answers import (
    config_option,
    explaining_errors,
    fail,
    json_option,
    print_json,
    print_line,
    print_table,
)
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.governing import governing_of, who_of, who_option
from deskhand.cli.policy_trying import explain, table_argument, test, what_if
from deskhand.desk.policy_tables import TableFile, written
from deskhand.governance.permission import guard_rails
from deskhand.records.grants import Grant, PolicyVersion


@click.group(name="policy", help="Show and change what clients allow, and explain decisions.")
def command() -> None:
    """Group the policy commands."""


for _each in (test, explain, what_if):
    command.add_command(_each)


@command.command()
@click.option("--toml", "as_toml", is_flag=True, help="The grants as a file to edit and propose.")
@click.option("--version", type=int, help="Another version than the one that holds.")
@config_option
@json_option
@explaining_errors
def show(config_path: Path, *, version: int | None, as_toml: bool, as_json: bool) -> None:
    """Show the guard rails, the grants that hold, and every version there was."""
    with governing_of(config_path) as governing:
        (number, rows), versions = governing.grants(), governing.policy_versions()
    if version is not None:
        number, rows = version, _version(versions, version).grants
    if as_toml:
        click.echo(written(rows), nl=False)
    elif as_json:
        rails = [{"rule": each.id, "sentence": each.sentence} for each in guard_rails().rules.values()]
        table = [grant.model_dump(mode="json") for grant in rows]
        print_json({"version": number, "grants": table, "rules": rails, "versions": list(map(_described, versions))})
    else:
        _show(number, rows, versions)


@command.command()
@table_argument
@click.option("--comment", default="", help="Why.")
@who_option
@config_option
@json_option
@explaining_errors
def propose(table: Path, comment: str, name: str | None, config_path: Path, *, as_json: bool) -> None:
    """Propose TABLE in place of the grants that hold. Nothing changes until someone else approves it."""
    with governing_of(config_path) as governing:
        proposed = governing.propose_grants(who_of(governing, name), TableFile.grants_in(table), comment)
    _tell(proposed, f"`deskhand policy approve {proposed.version} --as NAME` puts it in force", as_json=as_json)


@command.command()
@click.argument("version", type=int)
@who_option
@config_option
@json_option
@explaining_errors
def approve(version: int, name: str | None, config_path: Path, *, as_json: bool) -> None:
    """Put VERSION in force: as an admin or approver who did not propose it."""
    with governing_of(config_path) as governing:
        approved = governing.approve_grants(who_of(governing, name), version)
    _tell(approved, "it holds from now on", as_json=as_json)


@command.command()
@click.argument("version", type=int)
@who_option
@config_option
@json_option
@explaining_errors
def reject(version: int, name: str | None, config_path: Path, *, as_json: bool) -> None:
    """Put VERSION aside for good."""
    with governing_of(config_path) as governing:
        rejected = governing.reject_grants(who_of(governing, name), version)
    _tell(rejected, "nothing changes", as_json=as_json)


def _show(number: int, rows: Sequence[Grant], versions: Sequence[PolicyVersion]) -> None:
    rules = [(each.id, "never" if each.is_forbid else "may", each.sentence) for each in guard_rails().rules.values()]
    print_table("Rules that hold for every client", ("rule", "", "what it says"), rules)
    table = [(each.tenant_id, each.subject, each.mode.value, _limits(each)) for each in rows]
    print_table(f"Grants, version {number}", ("client", "subject", "mode", "limits"), table)
    history = [
        (each.version, each.state.value, each.author, each.decided_by or "", each.created_at, each.comment)
        for each in versions
    ]
    print_table("Versions", ("version", "state", "by", "decided by", "proposed", "comment"), history)


def _limits(grant: Grant) -> str:
    hours = grant.hours
    days = "".join(str(day) for day in hours.days) if hours else ""
    parts = (
        f"{hours.opens}–{hours.closes} {hours.zone} on days {days}" if hours else "",
        f"{grant.per_hour} an hour" if grant.per_hour else "",
        f"approved by {', '.join(grant.approvers)}" if grant.approvers else "",
        f"{grant.quorum} approvers" if grant.quorum > 1 else "",
        "identity proof" if grant.proof else "",
    )
    return "; ".join(filter(None, parts))


def _tell(version: PolicyVersion, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_described(version))
    else:
        print_line(f"Version {version.version} is {version.state.value}: {what}.")


def _version(versions: Sequence[PolicyVersion], number: int) -> PolicyVersion:
    found = next((each for each in versions if each.version == number), None)
    return found or fail(ExitCode.USAGE, f"there is no version {number}: `deskhand policy show` lists them")


def _described(version: PolicyVersion) -> dict[str, object]:
    return {
        "version": version.version,
        "state": version.state.value,
        "author": version.author,
        "decided_by": version.decided_by,
        "created_at": version.created_at.isoformat(),
        "comment": version.comment,
        "grants": len(version.grants),
    }
