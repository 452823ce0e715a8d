"""`deskhand go`: let go again what was stopped."""

from pathlib import Path

import click

from deskhand.cli.answers import config_option, explaining_errors, json_option, print_json, print_line
from deskhand.cli.governing import governing_of, who_of, who_option
from deskhand.cli.stop import document_of, what_option
from deskhand.records.switches import Level


@click.command(name="go", help="Let go again what was stopped.")
@what_option
@click.option("--reason", required=True, help="Why it may go again.")
@who_option
@config_option
@json_option
@explaining_errors
def command(  # the options a person types
    what: tuple[Level, str],
    reason: str,
    name: str | None,
    config_path: Path,
    *,
    as_json: bool,
) -> None:
    """Release the switch; other switches that are thrown stay so."""
    level, subject = what
    with governing_of(config_path) as governing:
        governing.release(who_of(governing, name), level, subject, reason)
        left = governing.switches()
    if as_json:
        print_json({"level": level.value, "subject": subject, "still_stopped": [document_of(each) for each in left]})
        return
    print_line(f"{level.value} {subject}".strip().capitalize() + " goes again.")
    for each in left:
        print_line(f"Still stopped: {each.sentence}")
