"""Who governs from the command line: the operator of the server, or someone who signs in for one command."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from deskhand.cli.answers import fail
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.stores import expect_records
from deskhand.configuration.loading import load
from deskhand.configuration.schema import Configuration
from deskhand.desk.governing import OPERATOR, Governing
from deskhand.desk.refusals import DeskRefusedError
from deskhand.desk.stores import mirror_file, open_mirror, open_records
from deskhand.records.accounts import Account
from deskhand.records.switches import Level
from deskhand.sdk.clock import utc_now

PASSWORD = "DESKHAND_PASSWORD"  # noqa: S105  # the variable's name

who_option = click.option(
    "--as",
    "name",
    envvar="DESKHAND_ACCOUNT",
    show_envvar=True,
    help=f"Your account; its password is asked for, or taken from {PASSWORD}. Left out: the operator of this server.",
)


@contextmanager
def governing_of(config_path: Path, *, is_made: bool = True) -> Iterator[Governing]:
    """Open what governs a configured desk, without its connectors: it must work whatever else does not.

    ``is_made`` False makes the record store where there is none yet. What is refused becomes a message and a code.
    """
    configuration = load(config_path)
    if is_made:
        expect_records(configuration)
    try:
        with closing(open_records(configuration)) as records:
            yield Governing(records, utc_now, known=known_to(configuration))
    except DeskRefusedError as error:
        fail(ExitCode.FAILED, str(error))


def who_of(governing: Governing, name: str | None) -> Account:
    """Return who types: the operator, or the account whose password was shown."""
    if name is None:
        return OPERATOR
    password = os.environ.get(PASSWORD) or click.prompt(f"Password of {name}", hide_input=True, err=True)
    return governing.confirm(name, password)


def known_to(configuration: Configuration) -> Callable[[Level], frozenset[str] | None]:
    """Return what names the connectors and clients there are; None for clients while nothing is mirrored."""

    def known(level: Level) -> frozenset[str] | None:
        if level is Level.CONNECTOR:
            return frozenset(configuration.connectors)
        if level is not Level.TENANT or not mirror_file(configuration).exists():
            return None
        with closing(open_mirror(configuration)) as mirror:
            return frozenset(company.id for company in mirror.companies()) or None

    return known
