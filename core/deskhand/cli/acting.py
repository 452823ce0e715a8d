"""Who acts, and on which desk: a command that changes something signs in as a person does in the console."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deskhand.cli.answers import fail
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.stores import expect_records
from deskhand.configuration.loading import load
from deskhand.desk.refusals import DeskRefusedError
from deskhand.records.accounts import Account

if TYPE_CHECKING:
    from deskhand.desk.desk import Desk

PASSWORD = "DESKHAND_PASSWORD"  # noqa: S105  # the variable's name

as_option = click.option(
    "--as",
    "name",
    required=True,
    envvar="DESKHAND_ACCOUNT",
    show_envvar=True,
    help=f"Your account. Its password is asked for, or taken from {PASSWORD}.",
)


@contextmanager
def desk_of(config_path: Path) -> Iterator["Desk"]:
    """Open the rooms of the configured desk for one command: nothing is polled, and no model is started.

    What the desk refuses becomes a message and an exit code.
    """
    from deskhand.desk.desk import Desk  # noqa: PLC0415  # whoever only reads the records needs no desk
    from deskhand.llm.none import NoEngine  # noqa: PLC0415  # as above

    configuration = load(config_path)
    expect_records(configuration)
    try:
        with Desk.open(configuration, engine=NoEngine("a command plans by rules alone")) as desk:
            yield desk
    except DeskRefusedError as error:
        fail(ExitCode.FAILED, str(error))


def signed_in(desk: "Desk", name: str) -> Account:
    """Check the password and return the account; exit where it is not right."""
    return desk.governing.confirm(name, password_of(name))


def password_of(name: str) -> str:
    """Return the password of whoever types the command."""
    return os.environ.get(PASSWORD) or str(click.prompt(f"Password of {name}", hide_input=True, err=True))


@contextmanager
def acting(config_path: Path, name: str) -> Iterator[tuple["Desk", Account]]:
    """Open the desk and sign in; the desk is as that account sees it."""
    with desk_of(config_path) as desk:
        who = signed_in(desk, name)
        yield desk.seen_by(who), who
