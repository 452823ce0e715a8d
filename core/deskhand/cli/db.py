"""`deskhand db`: the two databases of a desk."""

from pathlib import Path

import click

from deskhand.cli.answers import config_option, console, explaining_errors, fail, json_option, print_json, print_pairs
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import load
from deskhand.desk.lock import StateLock
from deskhand.desk.stores import mirror_file, open_mirror, open_records, records_file
from deskhand.mirror.mirror import Mirror
from deskhand.records import work


@click.group(name="db", help="Show, migrate or rebuild the databases.")
def command() -> None:
    """Group the database commands."""


@command.command()
@config_option
@json_option
@explaining_errors
def status(config_path: Path, *, as_json: bool) -> None:
    """Show where records and mirror are, how big they are, and what they hold."""
    configuration = load(config_path)
    files = {"records": records_file(configuration), "mirror": mirror_file(configuration)}
    missing = [str(file) for file in files.values() if not file.exists()]
    if missing:
        fail(ExitCode.UNAVAILABLE, f"{' and '.join(missing)}: not there yet; `deskhand run` makes them")
    records, mirror = open_records(configuration), open_mirror(configuration)
    try:
        document = {
            **{name: f"{file} ({file.stat().st_size / 1e6:.1f} MB)" for name, file in files.items()},
            "mirrored": mirror.counts(),
            "work": work.counts(records),
        }
    finally:
        mirror.close()
        records.close()
    if as_json:
        print_json(document)
    else:
        print_pairs(document)


@command.command()
@config_option
@explaining_errors
def migrate(config_path: Path) -> None:
    """Bring both databases to this version; a database of a newer version is left alone."""
    configuration = load(config_path)
    with StateLock(configuration.state):
        open_records(configuration).close()
        open_mirror(configuration).close()
    console().print("Records and mirror are of this version.")


@command.command(name="rebuild-mirror")
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@explaining_errors
def rebuild_mirror(config_path: Path, *, yes: bool) -> None:
    """Discard the mirror; the next run reads it from the PSA again. Records are not touched."""
    configuration = load(config_path)
    if not yes:
        click.confirm(f"Discard {mirror_file(configuration)}?", abort=True)
    with StateLock(configuration.state):
        Mirror.rebuild(mirror_file(configuration)).close()
    console().print("The mirror is empty; `deskhand run` fills it again.")
