"""How commands answer: a table for people, one JSON document for machines, and errors that name the fix.

Whatever is printed may hold a stranger's words: they are text, never markup, and nothing that steers a terminal.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.problems import InvalidConfigurationError
from deskhand.knowledge.text import visible

P = ParamSpec("P")
R = TypeVar("R")

json_option = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
config_option = click.option(
    "--config",
    "-c",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("deskhand.toml"),
    envvar="DESKHAND_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)


def console(*, stderr: bool = False) -> Console:
    """Return a terminal that colours only for people and never interprets what a ticket says."""
    return Console(stderr=stderr, highlight=False, markup=True, emoji=False)


def print_json(document: object) -> None:
    """Print one JSON document and a newline, in ASCII: valid in every locale, harmless in every terminal."""
    json.dump(document, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def inert(value: object) -> str:
    """Return a value as words on one line that neither steer a terminal nor pass for markup."""
    return escape(" ".join(visible(str(value)).split()))


def print_line(text: str, *, style: str | None = None) -> None:
    """Print one line of words for people."""
    console().print(inert(text), style=style, soft_wrap=True)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows for people; every cell is rendered inert."""
    table = Table(title=inert(title), title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(inert(column), overflow="fold")
    for row in rows:
        table.add_row(*map(inert, row))
    console().print(table)


def print_pairs(pairs: Mapping[str, object]) -> None:
    """Print name and value lines for people."""
    width = max((len(name) for name in pairs), default=0)
    for name, value in pairs.items():
        console().print(f"{inert(name):<{width}}  {inert(value)}", soft_wrap=True)


def fail(code: ExitCode, message: str) -> NoReturn:
    """Say what is wrong on standard error and exit with its code."""
    console(stderr=True).print(f"[bold red]deskhand:[/] {escape(visible(message))}", soft_wrap=True)
    raise click.exceptions.Exit(int(code))


def confirm(question: str) -> None:
    """Ask, and exit with nothing done unless the answer is yes."""
    if not click.confirm(question):
        fail(ExitCode.FAILED, "nothing was done")


@contextmanager
def explained_errors() -> Iterator[None]:
    """Turn the errors people can mend into messages and documented exit codes."""
    from deskhand.mirror.database import MirrorUnavailableError  # noqa: PLC0415  # keeps --help instant
    from deskhand.records.database import RecordsUnavailableError  # noqa: PLC0415  # as above
    from deskhand.sdk.errors import ConfigurationError, ConnectorError  # noqa: PLC0415  # as above

    try:
        yield
    except (InvalidConfigurationError, ConfigurationError) as error:
        fail(ExitCode.CONFIGURATION, str(error))
    except (ConnectorError, MirrorUnavailableError, RecordsUnavailableError) as error:
        fail(ExitCode.UNAVAILABLE, str(error))


def explaining_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a command so that its errors are explained."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with explained_errors():
            return function(*args, **kwargs)

    return wrapped
