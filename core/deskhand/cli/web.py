"""`deskhand web`: what the console answers over HTTP."""

import click

from deskhand.cli.answers import print_json


@click.group(name="web", help="Describe the desk's own HTTP surface.")
def command() -> None:
    """Group the web commands."""


@command.command()
def openapi() -> None:
    """Print every route as OpenAPI 3.1: who may take it, what it reads, what it answers."""
    from deskhand.daemon import surface  # noqa: PLC0415  # it imports every page

    print_json(surface())
