"""`deskhand audit`: prove the record, show a ticket's part of it, export it."""

from pathlib import Path
from typing import Any

import click

from deskhand.cli.answers import (
    config_option,
    confirm,
    explaining_errors,
    fail,
    json_option,
    print_json,
    print_line,
    print_pairs,
    print_table,
)
from deskhand.cli.audit_handing_over import export, prove
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.progress import counting_bar
from deskhand.cli.stores import expect_records, records_of, refuse_on_a_hands_machine
from deskhand.configuration.loading import load
from deskhand.configuration.schema import Configuration
from deskhand.desk.anchoring import Report, Seen, open_anchoring, told_of, verify_with_places
from deskhand.desk.lock import StateLock
from deskhand.desk.stores import records_location, renew_records_key
from deskhand.governance.anchoring.anchoring import Outcome
from deskhand.governance.anchoring.place import PlaceError
from deskhand.records import explanations
from deskhand.records.audit.anchors import read_anchors
from deskhand.records.audit.keys import Trust
from deskhand.records.audit.proofs import ProofError
from deskhand.records.audit.proofs import check as check_bundle
from deskhand.records.audit.renewal import accept_records
from deskhand.records.documents import Why

_SHOWN = ("entries", "covered", "anchor", "key")


@click.group(name="audit", help="Verify, show and export the record.")
def command() -> None:
    """Group the audit commands."""


for _each in (export, prove):
    command.add_command(_each)


@command.command()
@config_option
@click.option(
    "--anchors",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of `size root` lines noted elsewhere: they also catch a log that was cut short.",
)
@click.option(
    "--key",
    "--trust",
    "key",
    help="The public key line noted elsewhere, or a file of such lines, in place of the one beside the records.",
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Check this bundle, and no record store: it needs --trust and no configuration.",
)
@click.option("--offline", is_flag=True, help="Do not read the anchors of [audit.anchors].")
@json_option
@explaining_errors
def verify(
    config_path: Path, anchors: Path | None, key: str | None, bundle: Path | None, *, offline: bool, as_json: bool
) -> None:
    """Prove that no entry was changed, or name the first one that was. Changes nothing; the desk may be running."""
    trust = _trust(key)
    if bundle is not None:
        _verify_bundle(bundle, trust, as_json=as_json)
        return
    configuration = load(config_path)
    expect_records(configuration)
    if trust is None:
        refuse_on_a_hands_machine(configuration)
    try:
        noted = read_anchors(anchors) if anchors else ()
    except ValueError as error:
        fail(ExitCode.USAGE, str(error))
    with counting_bar("verifying", is_shown=not as_json) as progress:
        report = verify_with_places(configuration, trust, noted, offline=offline, progress=progress)
    if as_json:
        print_json(_document(report))
    elif report.result.ok:
        document = _document(report)
        print_pairs({"record": "whole: no entry was changed", **{name: document[name] for name in _SHOWN}})
        print_pairs({each.place: told_of(each) for each in report.seen})
        print_line("Note anchor and key on another machine: they catch what nothing on this one can.", style="dim")
    _fail_where_it_must(configuration, report)


@command.command()
@config_option
@click.option(
    "--accept-rollback",
    metavar="REASON",
    help="Go on after a restore that lost entries, with the reason on the record.",
)
@json_option
@explaining_errors
def anchor(config_path: Path, accept_rollback: str | None, *, as_json: bool) -> None:
    """Sign what is new and copy the checkpoint to every place of [audit.anchors] now; the PSA's note is the desk's."""
    configuration = load(config_path)
    refuse_on_a_hands_machine(configuration)
    with records_of(configuration) as records:
        anchoring = open_anchoring(configuration, records)
        if not anchoring.places:
            fail(ExitCode.CONFIGURATION, f"{configuration.file}: no place to anchor in; set one of [audit.anchors]")
        try:
            lost = anchoring.accept_rollback("operator", accept_rollback) if accept_rollback else ()
        except PlaceError as error:
            fail(ExitCode.UNAVAILABLE, str(error))
        outcomes = anchoring.anchor(at_once=True)
    if as_json:
        print_json([{name: getattr(each, name) for name in Outcome.__slots__} for each in outcomes])
    else:
        for each in lost:
            print_line(f"Accepted as lost: {each.line()}")
        rows = [(each.place, each.size, each.reference or each.trouble) for each in outcomes]
        print_table("Anchors", ("place", "entries", "where"), rows)
    wrong = [each.place for each in outcomes if each.trouble]
    if wrong:
        fail(ExitCode.UNAVAILABLE, f"{len(wrong)} of {len(outcomes)} places took no anchor: {', '.join(wrong)}")


@command.command()
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@explaining_errors
def renew(config_path: Path, *, yes: bool) -> None:
    """Sign with a new key from here on, where the old one is lost; that is put on the record. Stop the desk first."""
    configuration = load(config_path)
    expect_records(configuration)
    refuse_on_a_hands_machine(configuration)
    if not yes:
        confirm("Whoever holds the old key could have signed until now. Begin a new key?")
    with StateLock(configuration.state):
        trust = renew_records_key(configuration, actor="operator")
    click.echo(f"New key: {trust.written()}")


@command.command()
@config_option
@click.option("--reason", required=True, help="Why rows were changed without the log, for the record.")
@explaining_errors
def accept(config_path: Path, reason: str) -> None:
    """Accept records that were changed without the log, once somebody has looked at them; that too is recorded."""
    with records_of(load(config_path)) as records, records.transaction("operator") as transaction:
        accept_records(transaction, reason)
    print_line("Accepted, and put on the record.")


@command.command()
@config_option
@click.option("--ticket", required=True, help="The ticket's number in the PSA.")
@json_option
@explaining_errors
def show(config_path: Path, ticket: str, *, as_json: bool) -> None:
    """Tell why a ticket was handled as it was, and list every entry about it."""
    with records_of(load(config_path)) as records:
        why, entries = explanations.find(records, ticket), records.audit_entries(ticket=ticket)
    if why is None and not entries:
        fail(
            ExitCode.FAILED,
            f"ticket {ticket} is not on the record: it was never queued; `deskhand db status` tells how far intake is",
        )
    if as_json:
        print_json(
            {"why": why and why.model_dump(mode="json"), "entries": [each.model_dump(mode="json") for each in entries]}
        )
        return
    if why is not None:
        _tell(why)
    rows = [(each.seq, f"{each.at:%Y-%m-%d %H:%M:%S}", each.actor, each.kind) for each in entries]
    print_table("On the record", ("entry", "when (UTC)", "who", "what"), rows)


def _trust(key: str | None) -> Trust | None:
    """Read a public key line, or a file of them."""
    try:
        if key is None:
            return None
        return Trust.read(key if " " in key else Path(key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        fail(
            ExitCode.USAGE,
            "--trust: expected a line `name epoch key` as `deskhand audit verify` prints it, or its file",
        )


def _verify_bundle(path: Path, trust: Trust | None, *, as_json: bool) -> None:
    if trust is None:
        fail(ExitCode.USAGE, "a bundle is checked against a key that did not come with it: add --trust")
    try:
        proven = check_bundle(path.read_bytes(), trust)
    except (OSError, ProofError) as error:
        if as_json:
            print_json({"ok": False, "reason": str(error)})
        fail(ExitCode.FAILED, f"{path}: {error}")
    found = {"tenant": proven.tenant, "ticket": proven.ticket, "entries": len(proven.entries), "log": trust.origin}
    found |= {"of": proven.size, "signed": f"{proven.at:%Y-%m-%d %H:%M:%S} UTC"}
    if as_json:
        print_json({"ok": True, **found})
        return
    print_pairs(
        {"bundle": "whole: every entry is in the signed log", **{name: value for name, value in found.items() if value}}
    )


def _fail_where_it_must(configuration: Configuration, report: Report) -> None:
    result = report.result
    if not result.ok:
        where = (
            f"first bad entry: {result.first_bad}" if result.first_bad is not None else "no single entry is to blame"
        )
        against = f"\nwhat contradicts it: the anchors of {', '.join(report.blamed)}" if report.blamed else ""
        told = f"{records_location(configuration)}: the record was changed: {result.reason}"
        fail(ExitCode.FAILED, f"{told}\n{where}; {result.entries} entries were read{against}")
    unread = [f"{each.place}: {each.unread}" for each in report.seen if each.unread and not each.is_open]
    if unread:
        reasons = "\n".join(unread)
        fail(
            ExitCode.UNAVAILABLE,
            f"the record is whole, but not every anchor was read (--offline does without)\n{reasons}",
        )


def _document(report: Report) -> dict[str, Any]:
    result = report.result
    return {
        "ok": result.ok,
        "first_bad": result.first_bad,
        "reason": result.reason,
        "entries": result.entries,
        "covered": result.covered,
        "anchor": result.anchor.line() if result.anchor else None,
        "key": result.trust.written().splitlines()[-1] if result.trust else None,
        "anchors": {each.place: _seen_document(each) for each in report.seen},
        "contradicted_by": list(report.blamed),
    }


def _seen_document(seen: Seen) -> dict[str, Any]:
    newest = max((each.size for each in seen.anchors), default=0)
    return {"count": len(seen.anchors), "newest": newest, "unread": seen.unread}


def _tell(why: Why) -> None:
    print_line(f"Ticket {why.ticket_id}: {why.outcome.value}", style="bold")
    for number, reason in enumerate(why.reasons, start=1):
        print_line(f"{number}. {reason}")
    if why.triage is not None:
        rows = [
            (
                each.field.value,
                each.label or "not decided",
                f"{each.confidence:.0%}",
                each.abstained_because or "; ".join(each.evidence),
            )
            for each in why.triage.decisions
        ]
        print_table("Triage", ("field", "value", "confidence", "why"), rows)
