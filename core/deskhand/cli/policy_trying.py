"""`deskhand policy test`, `explain` and `what-if`: which rule decides, and what another table would change."""

from collections.abc import Sequence
from dataclasses import asdict
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
from deskhand.cli.governing import governing_of
from deskhand.desk.policy_tables import Case, CaseResult, TableFile, request_of, try_cases
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance import decisions
from deskhand.governance.decisions import RecordedDecision
from deskhand.governance.permission import Need, guard_rails
from deskhand.governance.what_if import Difference, Kind, Takes, WhatIf
from deskhand.records.grants import Grant, Mode
from deskhand.registry import Registry
from deskhand.sdk.actions import AnyAction

table_argument = click.argument("table", type=click.Path(path_type=Path, exists=True, dir_okay=False))
_TAKES = {
    Mode.OFF: "off",
    Mode.SUGGEST: "shown, done by hand",
    Mode.ASK: "asked for",
    Mode.AUTO: "done without asking",
}


@click.command()
@click.argument("cases", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@config_option
@json_option
@explaining_errors
def test(cases: Path, config_path: Path, *, as_json: bool) -> None:
    """Decide the [[cases]] of a file by its own [[grants]], or by the table that holds where it has none.

    Fails where one comes out other than expected.
    """
    try:
        found = TableFile.read(cases)
        if not found.cases:
            fail(ExitCode.FAILED, f"{cases} has no [[cases]]")
        grants = _in_force(config_path) if found.grants is None else found.grants
        results = try_cases(found.cases, grants, _actions())
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
    if missed:
        fail(ExitCode.FAILED, f"not as expected: {', '.join(missed)}")


@click.command()
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


@click.command(name="what-if")
@table_argument
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far to look back.")
@click.option("--each", "one_by_one", is_flag=True, help="List every decision, not only how many of each kind.")
@config_option
@json_option
@explaining_errors
def what_if(table: Path, days: int, config_path: Path, *, one_by_one: bool, as_json: bool) -> None:
    """Say which decisions of the last days TABLE would have taken otherwise."""
    with governing_of(config_path) as governing:
        found = governing.what_if(TableFile.grants_in(table), days=days)
    if as_json:
        different = [_difference(each) for each in found.differences]
        print_json({"decisions": found.decisions, "kinds": list(map(_kind, found.kinds())), "different": different})
    else:
        _show_what_if(found, days, one_by_one=one_by_one)


def _show_what_if(found: WhatIf, days: int, *, one_by_one: bool) -> None:
    title = f"{len(found.differences)} of {found.decisions} decisions in {days} days would be others"
    columns = ("client", "action", "was", "would be", "refused then", "refused now", "rules", "how many", "entries")
    rows = [
        (
            each.client,
            each.action,
            _takes(each.before),
            _takes(each.after),
            "no" if each.was_allowed else "yes",
            "no" if each.is_allowed else "yes",
            " ".join(each.rules),
            each.count,
            ", ".join(map(str, each.examples)) + (" …" if each.count > len(each.examples) else ""),
        )
        for each in found.kinds()
    ]
    print_table(title, columns, rows)
    if one_by_one:
        each_row = [list(map(_line, _difference(each).values())) for each in found.differences]
        headings = ("entry", "client", "ticket", "action", "asked by", "was", "would be", "allowed", "instead", "why")
        print_table("Each of them", headings, each_row)
    elif rows:
        print_line("`--each` lists them; `deskhand policy explain --entry N` tells of one.", style="dim")


def _takes(takes: Takes) -> str:
    approvals = f"{takes.approvals} approvals" if takes.approvals > 1 else ""
    return ", ".join(filter(None, (_TAKES[takes.mode], approvals, "identity proof" if takes.proof else "")))


def _in_force(config_path: Path) -> Sequence[Grant]:
    with governing_of(config_path) as governing:
        return governing.grants()[1]


def _actions() -> dict[str, AnyAction]:
    return {action.name: action for plugin in Registry.discover().plugins.values() for action in plugin.actions}


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
        "guard rails": "those of today" if decided.rails == guard_rails().sha256 else "others than today's",
    }


def _difference(difference: Difference) -> dict[str, object]:
    request, instead = difference.recorded.request, difference.instead
    return {
        "entry": difference.recorded.seq,
        "client": request.ticket_tenant,
        "ticket": request.ticket_id,
        "action": request.action,
        "asked_by": request.requested_by,
        "was": _takes(difference.before),
        "would_be": _takes(difference.after),
        "allowed": difference.recorded.is_allowed,
        "instead": instead.is_allowed,
        "why": list(instead.reasons),
    }


def _kind(kind: Kind) -> dict[str, object]:
    return {
        "client": kind.client,
        "action": kind.action,
        "was": asdict(kind.before),
        "would_be": asdict(kind.after),
        "allowed": kind.was_allowed,
        "instead": kind.is_allowed,
        "rules": list(kind.rules),
        "count": kind.count,
        "entries": list(kind.examples),
    }


def _line(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
