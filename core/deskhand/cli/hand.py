"""`deskhand hand`: a worker beside the desk, in another process or on another machine."""

import re
import socket
from pathlib import Path

import click

from deskhand import daemon
from deskhand.cli.answers import config_option, explaining_errors
from deskhand.configuration.loading import load
from deskhand.sdk.errors import ConfigurationError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@click.command(name="hand", help="Carry runs out beside the desk, in another process or on another machine.")
@config_option
@click.option("--name", default=socket.gethostname, show_default="the machine's name", help="What it is called.")
@click.option("--json", "as_json", is_flag=True, help="Log as JSON, also at a terminal.")
@explaining_errors
def command(config_path: Path, name: str, *, as_json: bool) -> None:
    """Carry runs out until SIGTERM or Ctrl-C; a step that is being carried out ends first.

    The record store has to be on a PostgreSQL server that is reached from here, and the secrets of every connector have
    to be here too: the secret store with its key, or the files the configuration names.
    """
    name = name.partition(".")[0].lower()
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name} is no name for a hand: --name of a-z, 0-9 and -, at most 40")
    configuration = load(config_path)
    if as_json:
        log = configuration.log.model_copy(update={"format": "json"})
        configuration = configuration.model_copy(update={"log": log})
    daemon.run_hand(configuration, name)
