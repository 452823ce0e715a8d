"""`deskhand audit export` and `prove`: entries for people elsewhere, which leave only without a secret in them."""

import sys
from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

import click

from deskhand.cli.answers import config_option, explaining_errors, fail, json_option, print_json, print_line
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.stores import records_of, refuse_on_a_hands_machine
from deskhand.configuration.loading import load
from deskhand.configuration.schema import Configuration
from deskhand.desk.leaks import expect_no_secret
from deskhand.governance.leaks.scanner import LeakError
from deskhand.records.audit.export import export as export_entries
from deskhand.records.audit.export import written_entries
from deskhand.records.audit.proofs import Bundle, ProofError
from deskhand.records.audit.proofs import prove as make_bundle
from deskhand.records.database import Records

unscanned_option = click.option(
    "--unscanned", is_flag=True, help="Do not look for secrets first, as where the key to open them is not at hand."
)
out_option = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write; else standard output."
)


@click.command()
@config_option
@click.option("--ticket", help="Only entries about this ticket.")
@click.option("--tenant", help="Only entries about this client, by its id in the PSA.")
@out_option
@unscanned_option
@json_option
@explaining_errors
def export(  # the options a person types
    config_path: Path, ticket: str | None, tenant: str | None, out: Path | None, *, unscanned: bool, as_json: bool
) -> None:
    """Write entries as JSON lines, byte for byte as they were hashed; none where one of them holds a secret."""
    configuration = load(config_path)
    if out is None and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    with records_of(configuration) as records:
        if not unscanned:
            with records.reading() as connection:
                _expect_no_secret(configuration, written_entries(connection, tenant=tenant, ticket=ticket))
        count = _export(records, out, tenant=tenant, ticket=ticket)
    if out is None:
        return
    if as_json:
        print_json({"file": str(out), "entries": count})
    else:
        print_line(f"{out}: {count} entries.")


@click.command()
@config_option
@click.option("--ticket", help="Only entries about this ticket.")
@click.option("--tenant", help="The client, by its id in the PSA; left out, the one the ticket belongs to.")
@out_option
@unscanned_option
@json_option
@explaining_errors
def prove(  # the options a person types
    config_path: Path, ticket: str | None, tenant: str | None, out: Path | None, *, unscanned: bool, as_json: bool
) -> None:
    """Write a bundle that proves one client's entries by itself and shows no other's. Signs what is not yet signed."""
    if not ticket and not tenant:
        fail(ExitCode.USAGE, "say whose entries: --tenant, --ticket, or both")
    configuration = load(config_path)
    refuse_on_a_hands_machine(configuration)
    with records_of(configuration) as records:
        bundle = _bundle(records, tenant, ticket)
    if not unscanned:
        _expect_no_secret(configuration, [each.entry for each in bundle.entries])
    if out is None:
        click.echo(bundle.model_dump_json())
        return
    _write(out, bundle.model_dump_json())
    if as_json:
        print_json({"file": str(out), "tenant": bundle.tenant, "ticket": ticket, "entries": len(bundle.entries)})
        return
    print_line(f"{out}: {len(bundle.entries)} entries of client {bundle.tenant}, each with its proof.")
    print_line("Whoever checks it needs the public key line too, from you or from where it was noted.", style="dim")


def _export(records: Records, out: Path | None, *, tenant: str | None, ticket: str | None) -> int:
    with records.reading() as connection:
        if out is None:
            return export_entries(connection, sys.stdout, tenant=tenant, ticket=ticket)
        try:
            with out.open("w", encoding="utf-8", newline="\n") as file:
                return export_entries(connection, file, tenant=tenant, ticket=ticket)
        except OSError as error:
            _fail_to_write(out, error)


def _bundle(records: Records, tenant: str | None, ticket: str | None) -> Bundle:
    records.checkpoint()
    try:
        with records.reading() as connection:
            return make_bundle(connection, tenant=tenant, ticket=ticket)
    except ProofError as error:
        fail(ExitCode.FAILED, str(error))


def _expect_no_secret(configuration: Configuration, entries: Iterable[str]) -> None:
    try:
        expect_no_secret(configuration, entries)
    except LeakError as error:
        fail(ExitCode.FAILED, f"{error}\nchange that secret and run this again: what is no longer a secret may leave")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        _fail_to_write(path, error)


def _fail_to_write(path: Path, error: OSError) -> NoReturn:
    fail(ExitCode.UNAVAILABLE, f"{path} cannot be written ({error.strerror}); name a file in a folder you may write")
