"""Documentation that names everything there is: a hook, setting, action or command without a word fails the build."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from deskhand.cli.main import cli
from deskhand.configuration.reference import settings
from deskhand.registry import Registry
from deskhand.sdk import hooks
from tests.repository import ROOT

COMMANDS = (ROOT / "docs" / "guide" / "commands.md").read_text(encoding="utf-8")
PLUGINS_PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "guide" / "settings.md").read_text(encoding="utf-8")


def leaves(command: click.Command, path: str, context: click.Context) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield path
        return
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from leaves(child, f"{path} {name}", context)


def test_every_command_is_documented() -> None:
    found = list(leaves(cli, "deskhand", click.Context(cli)))
    assert len(found) > 15
    assert [each for each in found if f"`{each}" not in COMMANDS] == []


def test_every_hook_is_documented() -> None:
    offered = [name for name in vars(hooks) if name.startswith("offer_")]
    assert offered
    assert [name for name in offered if f"`{name}`" not in PLUGINS_PAGE] == []


def test_every_action_is_documented() -> None:
    actions = [each.name for plugin in Registry.discover().plugins.values() for each in plugin.actions]
    assert actions
    assert [name for name in actions if f"`{name}`" not in PLUGINS_PAGE] == []


def test_every_setting_is_documented_as_it_is() -> None:
    found = settings(Registry.discover())
    assert len(found) > 40
    for each in found:
        assert each.description, f"[{each.section}] {each.name} has no description"
        assert f"| `{each.name}` | `{each.default}` | {each.description} |".replace("\n", " ") in SETTINGS


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} -> {target}"
