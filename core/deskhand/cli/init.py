"""`deskhand init`: a configuration to start from."""

from pathlib import Path

import click

from deskhand.cli.answers import fail, print_line
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.template import TEMPLATE


@click.command(name="init", help="Write a configuration to start from.")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), default=Path("deskhand.toml"))
def command(path: Path) -> None:
    """Write the template; an existing file is left as it is."""
    if path.exists() or path.is_symlink():
        fail(ExitCode.FAILED, f"{path} exists and was left as it is; name another file, or edit that one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except OSError as error:
        fail(
            ExitCode.UNAVAILABLE, f"{path} cannot be written ({error.strerror}); name a file in a folder you may write"
        )
    print_line(f"Wrote {path}. Fill in the connector, put its secrets beside it, then run: deskhand doctor -c {path}")
