"""`deskhand config`: check the configuration, show it without secrets, explain every setting."""

from itertools import groupby
from pathlib import Path

import click

from deskhand.cli.answers import (
    config_option,
    explaining_errors,
    fail,
    json_option,
    print_json,
    print_line,
    print_table,
)
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import connector_settings, load
from deskhand.configuration.reference import Setting, settings
from deskhand.desk.connections import Connections
from deskhand.registry import Registry


@click.group(name="config", help="Check the configuration, or explain every setting.")
def command() -> None:
    """Group the configuration commands."""


@command.command()
@config_option
@json_option
@explaining_errors
def check(config_path: Path, *, as_json: bool) -> None:
    """Check the file and every connector's section, contacting nobody."""
    configuration = load(config_path)
    with Connections.open(configuration):
        pass  # whatever can be wrong without asking anybody is found by opening
    if as_json:
        print_json({"file": str(configuration.file), "ok": True, "connectors": sorted(configuration.connectors)})
    else:
        print_line(f"{configuration.file}: everything in it is understood.")


@command.command()
@config_option
@explaining_errors
def show(config_path: Path) -> None:
    """Print the effective configuration as JSON, secrets hidden."""
    configuration = load(config_path)
    registry = Registry.discover(configuration.enabled_plugins, configuration.plugins.pinned)
    document = configuration.model_dump(mode="json", exclude={"connectors"})
    document["connectors"] = {
        name: connector_settings(configuration, registry, name).model_dump(mode="json")
        for name in configuration.connectors
    }
    print_json(document)


@command.command()
@click.argument("section", required=False)
@json_option
@click.option("--markdown", is_flag=True, help="Answer with the page docs/guide/settings.md.")
def explain(section: str | None, *, as_json: bool, markdown: bool) -> None:
    """Explain every setting, or those of one SECTION."""
    every = settings(Registry.discover())
    found = [each for each in every if section is None or f"{each.section}.".startswith(f"{section}.")]
    if not found:
        sections = ", ".join(dict.fromkeys(each.section for each in every if each.section))
        fail(ExitCode.USAGE, f"there is no section {section}; there are {sections}")
    if as_json:
        print_json([{name: getattr(each, name) for name in Setting.__slots__} for each in found])
    elif markdown:
        click.echo(_as_markdown(found), nl=False)
    else:
        for name, group in groupby(found, key=lambda each: each.section):
            print_table(f"[{name}]", ("key", "default", "what it means"), [_row(each) for each in group])


def _row(setting: Setting) -> tuple[str, str, str]:
    return setting.name, setting.default, setting.description


def _as_markdown(found: list[Setting]) -> str:
    lines = ["# Settings", "", "Made by `deskhand config explain --markdown`; a test keeps it true.", ""]
    for name, group in groupby(found, key=lambda each: each.section):
        lines += [f"## `[{name}]`", "", "| key | default | what it means |", "| --- | --- | --- |"]
        lines += [f"| `{each.name}` | `{each.default}` | {each.description} |".replace("\n", " ") for each in group]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"
