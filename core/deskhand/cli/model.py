"""`deskhand model`: which model answers, and the runtime it needs."""

from contextlib import nullcontext
from pathlib import Path

import click

from deskhand.cli.answers import explaining_errors, fail, json_option, print_json, print_line, print_pairs
from deskhand.cli.build_bar import build_bar
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import load
from deskhand.llm import runtime
from deskhand.llm.selection import EngineSettings, open_engine


@click.group(name="model", help="Install or inspect the local model.")
def command() -> None:
    """Group the model commands."""


@command.command()
@click.option(
    "--config",
    "-c",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="DESKHAND_CONFIG",
    help="Look at this configuration's model; left out, at the one that comes with the runtime.",
)
@json_option
@explaining_errors
def status(config_path: Path | None, *, as_json: bool) -> None:
    """Say which model answers, or why none does. Starts the model once."""
    settings = load(config_path).engine if config_path else EngineSettings()
    installed = runtime.status(settings.runtime_directory)
    engine = open_engine(settings)
    try:
        identity, health = engine.identity(), engine.health()
    finally:
        engine.close()
    document = {
        "runtime": f"{installed.state} ({installed.detail})",
        "folder": str(installed.folder),
        "engine": str(identity),
        "answers": health.is_ready,
        "detail": health.detail,
    }
    if as_json:
        print_json(document)
    else:
        print_pairs(document)


@command.command()
@click.option("--quiet", is_flag=True, help="Show no progress bar.")
@click.option("--portable", is_flag=True, help="Build for any x86-64 processor with AVX2, not for this very one.")
def install(*, quiet: bool, portable: bool) -> None:
    """Build the model runtime into the user's data folder: about five minutes, once."""
    try:
        with nullcontext(lambda _: None) if quiet else build_bar() as show:
            built = runtime.install(show, portable=portable)
    except runtime.RuntimeInstallError as error:
        fail(ExitCode.UNAVAILABLE, str(error))
    print_line(f"The model runtime is in {built.folder}.")


@command.command()
def uninstall() -> None:
    """Remove the runtime, the compiled wheel and the bundled model."""
    removed = runtime.uninstall()
    print_line("Removed." if removed else "There was nothing to remove.")
