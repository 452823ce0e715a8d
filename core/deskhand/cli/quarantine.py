"""`deskhand quarantine`: say whose ticket it is where the desk could not tell, and have it remembered."""

from pathlib import Path

import click

from deskhand.cli.answers import (
    config_option,
    console,
    explaining_errors,
    fail,
    json_option,
    print_json,
    print_table,
)
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk


@click.group(name="quarantine", help="Say whose ticket it is where the desk could not tell.")
def command() -> None:
    """Group the quarantine commands."""
