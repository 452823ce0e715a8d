"""`deskhand db`: the two databases of a desk."""

from pathlib import Path

import click

from deskhand.cli.answers import (
    config_option,
    confirm,
    explaining_errors,
    json_option,
    print_json,
    print_line,
    print_pairs,
)
from deskhand.cli.stores import mirror_of, records_of
from deskhand.configuration.loading import load
from deskhand.desk.lock import StateLock
from deskhand.desk.stores import mirror_file, open_mirror, open_records, records_location
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
    mirrored = mirror_file(configuration)
    places = {"records": records_location(configuration), "mirror": str(mirrored)}
    with records_of(configuration) as records, mirror_of(configuration) as mirror:
        counted = {"work": work.counts(records), "mirrored": mirror.counts()}
        sizes = {"records": records.size(), "mirror": mirrored.stat().st_size}
    if as_json:
        print_json({name: {"file": place, "bytes": sizes[name]} for name, place in places.items()} | counted)
        return
    print_pairs(
        {name: f"{place} ({sizes[name] / 1e6:.1f} MB)" for name, place in places.items()}
        | {name: ", ".join(f"{count:,} {what}" for what, count in each.items()) for name, each in counted.items()}
    )


@command.command()
@config_option
@explaining_errors
def migrate(config_path: Path) -> None:
    """Bring both databases to this version; a database of a newer version is left alone."""
    configuration = load(config_path)
    with StateLock(configuration.state):
        open_records(configuration).close()
        open_mirror(configuration).close()
    print_line("Records and mirror are of this version.")


@command.command(name="rebuild-mirror")
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@explaining_errors
def rebuild_mirror(config_path: Path, *, yes: bool) -> None:
    """Discard the mirror; the next run reads it from the PSA again. Records are not touched."""
    configuration = load(config_path)
    if not yes:
        confirm(f"Discard {mirror_file(configuration)}?")
    with StateLock(configuration.state):
        Mirror.rebuild(mirror_file(configuration)).close()
    print_line("The mirror is empty; `deskhand run` fills it again.")
