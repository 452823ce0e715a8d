"""`deskhand run`: the daemon."""

from pathlib import Path

import click

from deskhand import daemon
from deskhand.cli.answers import config_option, explaining_errors
from deskhand.configuration.loading import load
from deskhand.desk.progress import LogProgress


@click.command(name="run", help="Run the desk: poll, triage, write notes, serve the console.")
@config_option
@click.option("--drain", is_flag=True, help="End when everything that is due has been handled.")
@explaining_errors
def command(config_path: Path, *, drain: bool) -> None:
    """Run until SIGTERM or Ctrl-C."""
    daemon.run(load(config_path), LogProgress(), drain=drain)
