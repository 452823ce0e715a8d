"""`deskhand plugin`: what is installed, what was admitted, and why the rest was not."""

from dataclasses import asdict
from importlib.metadata import entry_points
from pathlib import Path

import click

from deskhand.cli.answers import explaining_errors, fail, json_option, print_json, print_table
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import load
from deskhand.registry import Plugin, Registry, UnknownPluginError, digest_of
from deskhand.sdk.hooks import GROUP


@click.group(name="plugin", help="List plugins, and why any was refused.")
def command() -> None:
    """Group the plugin commands."""


@command.command(name="list")
@click.option(
    "--config",
    "-c",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="DESKHAND_CONFIG",
    help="Apply this configuration's allow-list; left out, every installed plugin is considered.",
)
@json_option
@explaining_errors
def list_plugins(config_path: Path | None, *, as_json: bool) -> None:
    """List every installed plugin with what it offers, or the reason it was refused."""
    configuration = load(config_path) if config_path else None
    registry = Registry.discover(
        configuration.enabled_plugins if configuration else None, configuration.plugins.pinned if configuration else {}
    )
    if as_json:
        print_json({"plugins": [_document(each) for each in registry.plugins.values()], "refused": registry.refused})
        return
    rows = [(each.name, each.version, ", ".join(_offers(each)), "admitted") for each in registry.plugins.values()]
    rows += [(name, "", "", f"refused: {reason}") for name, reason in registry.refused.items()]
    print_table("Plugins", ("plugin", "version", "offers", "state"), sorted(rows))


@command.command()
@click.argument("names", nargs=-1)
@explaining_errors
def pin(names: tuple[str, ...]) -> None:
    """Print the digests of installed plugins, to be put into the configuration; nothing of them is run."""
    chosen = names or tuple(sorted({each.name for each in entry_points(group=GROUP)}))
    try:
        digests = {name: digest_of(name) for name in chosen}
    except UnknownPluginError as error:
        fail(ExitCode.FAILED, str(error))
    click.echo("[plugins.pinned]")
    for name, digest in digests.items():
        click.echo(f'{name} = "{digest}"')


def _offers(plugin: Plugin) -> list[str]:
    offers = {
        "connector": plugin.connector,
        f"{len(plugin.actions)} actions": plugin.actions,
        "callbacks": plugin.callbacks,
        "simulator": plugin.simulator,
    }
    return [name for name, offer in offers.items() if offer]


def _document(plugin: Plugin) -> dict[str, object]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "offers": _offers(plugin),
        "capabilities": asdict(plugin.capabilities),
        "actions": [
            {"name": each.name, "title": each.title, "tier": int(each.tier), "permission": each.permission}
            for each in plugin.actions
        ],
    }
