"""`deskhand policy`: the guard rails, the grants, which rule decided, and what another table would change."""

from collections.abc import Sequence
from pathlib import Path

import click

from deskhand.automation.stage import Stage
from deskhand.cli.answers import (
    config_option,
    explaining_errors,
    fail,
    json_option,
    print_json,
    print_line,
    print_pairs,
    print_table,
)
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.governing import governing_of, who_of, who_option
from deskhand.desk.policy_tables import Case, CaseResult, TableFile, request_of, try_cases, written
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance import decisions
from deskhand.governance.decisions import Difference, RecordedDecision
from deskhand.governance.permission import Need, guard_rails
from deskhand.records.grants import Grant, Mode, PolicyVersion
from deskhand.registry import Registry
from deskhand.sdk.actions import AnyAction

table_argument = click.argument("table", type=click.Path(path_type=Path, exists=True, dir_okay=False))


@click.group(name="policy", help="Show and change what clients allow, and explain decisions.")
def command() -> None:
    """Group the policy commands."""


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
        proposed = governing.propose_grants(who_of(governing, name), TableFile.read(table).grants, comment)
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


@command.command()
@table_argument
@json_option
@explaining_errors
def test(table: Path, *, as_json: bool) -> None:
    """Decide the [[cases]] in TABLE by its own grants; fail where one comes out other than expected."""
    try:
        found = TableFile.read(table)
        results = try_cases(found.cases, found.grants, _actions())
    except DeskRefusedError as error:
        fail(ExitCode.FAILED, str(error))
    if as_json:
        print_json([_result(each) for each in results])
    else:
        rows = [
            (each.case.name, each.case.expect.value, each.need.mode.value, each.need.decision.sentence)
            for each in results
        ]
        print_table(f"{len(results)} cases", ("case", "expected", "came out", "why"), rows)
    missed = [each.case.name for each in results if not each.is_met]
    if missed or not results:
        fail(ExitCode.FAILED, f"not as expected: {', '.join(missed)}" if missed else f"{table} has no [[cases]]")


@command.command()
@click.option("--entry", type=int, help="The number of an audit entry `policy.decided`.")
@click.option("--tenant", default="", help="A client, by its id in the PSA.")
@click.option("--action", default="", help="An action, as `deskhand plugin list` names them.")
@click.option("--automation", default="", help="The automation that asks by itself.")
@click.option("--stage", type=click.Choice([each.value for each in Stage]), help="Its stage at this client.")
@config_option
@json_option
@explaining_errors
def explain(  # the options a person types
    entry: int | None, tenant: str, action: str, automation: str, stage: str | None, config_path: Path, *, as_json: bool
) -> None:
    """Say which rule decided --entry, or would decide --action for --tenant now."""
    if (entry is None) == (not (tenant and action)):
        raise click.UsageError("give either --entry, or --tenant and --action")
    with governing_of(config_path) as governing:
        if entry is not None:
            found = decisions.find(governing.records, entry)
            document = _decided(found) if found else fail(ExitCode.USAGE, f"entry {entry} is no policy.decided")
        else:
            by = f"automation:{automation}" if automation else "a technician"
            staged, now = Stage(stage) if stage else None, governing.clock()
            case = Case(name="", tenant=tenant, action=action, by=by, stage=staged, at=now, expect=Mode.OFF)
            document = _needed(governing.permissions.current().need(request_of(case, _actions())))
    if as_json:
        print_json(document)
    else:
        print_pairs({name: _line(value) for name, value in document.items()})


@command.command(name="what-if")
@table_argument
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far to look back.")
@config_option
@json_option
@explaining_errors
def what_if(table: Path, days: int, config_path: Path, *, as_json: bool) -> None:
    """Say which decisions of the last days TABLE would have taken otherwise."""
    with governing_of(config_path) as governing:
        seen, different = governing.what_if(TableFile.read(table).grants, days=days)
    if as_json:
        print_json({"decisions": seen, "different": [_difference(each) for each in different]})
        return
    rows = [list(map(_line, _difference(each).values())) for each in different]
    print_table(
        f"{len(different)} of {seen} decisions in {days} days would be others",
        ("entry", "client", "ticket", "action", "asked by", "was allowed", "would be", "why"),
        rows,
    )


def _actions() -> dict[str, AnyAction]:
    return {action.name: action for plugin in Registry.discover().plugins.values() for action in plugin.actions}


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


def _result(result: CaseResult) -> dict[str, object]:
    expected = {"case": result.case.name, "expected": result.case.expect.value, "met": result.is_met}
    return {**expected, **_needed(result.need)}


def _needed(need: Need) -> dict[str, object]:
    return {
        "mode": need.mode.value,
        "rules": list(need.decision.rules),
        "why": list(need.decision.reasons),
        "grants": list(need.decision.grants),
        "proof": need.needs_proof,
        "approvers": sorted(need.approvers),
        "quorum": need.quorum,
    }


def _decided(decided: RecordedDecision) -> dict[str, object]:
    rules = guard_rails().rules
    return {
        "entry": decided.seq,
        "action": decided.request.action,
        "client": decided.request.ticket_tenant,
        "ticket": decided.request.ticket_id,
        "asked by": decided.request.requested_by,
        "allowed": decided.is_allowed,
        "rules": list(decided.rules),
        "why": [rules[name].sentence for name in decided.rules if name in rules],
        "version": decided.version,
    }


def _difference(difference: Difference) -> dict[str, object]:
    request, instead = difference.recorded.request, difference.instead
    return {
        "entry": difference.recorded.seq,
        "client": request.ticket_tenant,
        "ticket": request.ticket_id,
        "action": request.action,
        "asked_by": request.requested_by,
        "allowed": difference.recorded.is_allowed,
        "instead": instead.is_allowed,
        "why": list(instead.reasons),
    }


def _line(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
