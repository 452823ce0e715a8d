import tomllib

import pytest

from tests.repository import PLUGINS, ROOT, pyproject

ANATOMY = ["plugin", "settings", "client", "mapping", "connector", "actions", "webhooks", "simulator"]


@pytest.fixture(params=PLUGINS)
def plugin(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_is_one_distribution_with_one_entry_point(plugin: str) -> None:
    project = pyproject(ROOT / "plugins" / plugin)["project"]
    assert project["name"] == f"deskhand-{plugin.replace('_', '-')}"
    assert project["entry-points"] == {"deskhand": {plugin: f"deskhand_{plugin}.plugin"}}


def test_moves_in_step_with_the_host(plugin: str) -> None:
    version = pyproject()["project"]["version"]
    series = ".".join(version.split(".")[:2])
    project = pyproject(ROOT / "plugins" / plugin)["project"]
    assert project["version"] == version
    assert f"deskhand~={series}.0" in project["dependencies"]


def test_is_part_of_the_workspace(plugin: str) -> None:
    name = f"deskhand-{plugin.replace('_', '-')}"
    assert name in pyproject()["dependency-groups"]["plugins"]
    assert name in pyproject()["tool"]["uv"]["sources"]
    assert f"plugins/{plugin}" in pyproject()["tool"]["mypy"]["mypy_path"]


@pytest.mark.parametrize("file", ["README.md", "quality.toml", "deskhand_{}/py.typed"])
def test_carries_its_papers(plugin: str, file: str) -> None:
    assert (ROOT / "plugins" / plugin / file.format(plugin)).is_file()


@pytest.mark.parametrize("module", ANATOMY)
def test_has_the_anatomy_every_plugin_has(plugin: str, module: str) -> None:
    assert (ROOT / "plugins" / plugin / f"deskhand_{plugin}" / f"{module}.py").is_file()


def test_is_held_to_a_contract(plugin: str) -> None:
    tests = (ROOT / "tests" / "plugins" / plugin).glob("test_*.py")
    assert any("Contract" in path.read_text(encoding="utf-8") for path in tests)


def test_every_quality_rule_is_done_or_excused(plugin: str) -> None:
    rules = tomllib.loads((ROOT / "plugins" / plugin / "quality.toml").read_text(encoding="utf-8"))["rules"]
    assert rules
    for rule, verdict in rules.items():
        excused = isinstance(verdict, dict) and verdict["status"] == "exempt" and verdict["reason"]
        assert verdict == "done" or excused, rule
