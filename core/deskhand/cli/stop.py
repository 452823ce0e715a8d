"""`deskhand stop` and `deskhand go`: the kill switch, effective before the next call of any process."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import click

from deskhand.cli.answers import config_option, explaining_errors, json_option, print_json, print_line
from deskhand.cli.governing import governing_of, who_of, who_option
from deskhand.desk.governing import Governing
from deskhand.records.switches import Level, Switch

P = ParamSpec("P")
R = TypeVar("R")


def what_option(function: Callable[Concatenate[tuple[Level, str], P], R]) -> Callable[P, R]:
    """Decorate a command with the options that name what is meant, and hand it their level and subject first."""

    @click.option("--tenant", help="Only this client, by its id in the PSA.")
    @click.option("--connector", help="Only this connector.")
    @click.option("--automation", help="Only this automation.")
    @wraps(function)
    def wrapped(*args: P.args, **options: P.kwargs) -> R:
        named = {level: options.pop(level.value) for level in (Level.TENANT, Level.CONNECTOR, Level.AUTOMATION)}
        found = [(level, str(subject)) for level, subject in named.items() if subject is not None]
        if len(found) > 1:
            raise click.UsageError("name one of --tenant, --connector and --automation, or none of them for everything")
        return function(found[0] if found else (Level.GLOBAL, ""), *args, **options)

    return wrapped


@click.command(name="stop", help="Stop everything, or one client, connector or automation, at once.")
@what_option
@click.option("--reason", help="Why; whoever finds it stopped will read it.")
@click.option("--list", "is_list", is_flag=True, help="Stop nothing: list what is stopped.")
@who_option
@config_option
@json_option
@explaining_errors
def command(  # the options a person types
    what: tuple[Level, str],
    reason: str | None,
    name: str | None,
    config_path: Path,
    *,
    is_list: bool,
    as_json: bool,
) -> None:
    """Stop it: no call begins after this command has answered, whichever process would make it."""
    level, subject = what
    with governing_of(config_path) as governing:
        if is_list:
            _show(governing, as_json=as_json)
            return
        if reason is None:
            raise click.UsageError("--reason is missing: whoever finds it stopped wants to know why")
        thrown = governing.throw(who_of(governing, name), level, subject, reason)
    if as_json:
        print_json(document_of(thrown))
    else:
        print_line(thrown.sentence)


def _show(governing: Governing, *, as_json: bool) -> None:
    thrown = governing.switches()
    if as_json:
        print_json([document_of(each) for each in thrown])
        return
    for each in thrown:
        print_line(each.sentence)
    if not thrown:
        print_line("Nothing is stopped.")


def document_of(switch: Switch) -> dict[str, str]:
    """Describe a switch for machines."""
    return {
        "level": switch.level.value,
        "subject": switch.subject,
        "by": switch.thrown_by,
        "since": switch.thrown_at.isoformat(),
        "reason": switch.reason,
    }
