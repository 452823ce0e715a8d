from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports

from tests.repository import PLUGINS, ROOT

PACKAGES = [f"deskhand_{plugin}" for plugin in PLUGINS]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("deskhand", *PACKAGES, include_external_packages=True)


def test_each_layer_imports_only_what_lies_beneath_it() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_core_imports_no_plugin(graph: grimp.ImportGraph) -> None:
    core = {"deskhand"} | graph.find_descendants("deskhand")
    for module in core:
        imported = graph.find_modules_directly_imported_by(module)
        assert not any(each.startswith("deskhand_") for each in imported), module


FORBIDDEN_TO_THE_AGENT = ["deskhand.workflow", "deskhand.registry", "deskhand.sdk.http", "httpx", "urllib3"]


@pytest.mark.parametrize("forbidden", FORBIDDEN_TO_THE_AGENT)
def test_the_agent_cannot_reach_a_vendor(graph: grimp.ImportGraph, forbidden: str) -> None:
    if forbidden not in graph.modules:
        assert "." not in forbidden, f"{forbidden} moved: this test checks nothing"
        return
    assert not graph.find_shortest_chains("deskhand.agent", forbidden, as_packages=True)


def test_only_the_registry_knows_pluggy(graph: grimp.ImportGraph) -> None:
    importers = graph.find_modules_that_directly_import("pluggy")
    assert importers == {"deskhand.registry", "deskhand.sdk.hooks"}


def test_the_command_line_reaches_the_web_only_through_the_daemon(graph: grimp.ImportGraph) -> None:
    for module in {"deskhand.cli"} | graph.find_descendants("deskhand.cli"):
        imported = graph.find_modules_directly_imported_by(module)
        assert not any(each.startswith("deskhand.web") for each in imported), module


@pytest.mark.parametrize("package", PACKAGES)
def test_a_plugin_imports_only_the_sdk_of_the_host(graph: grimp.ImportGraph, package: str) -> None:
    for module in {package} | graph.find_descendants(package):
        for imported in graph.find_modules_directly_imported_by(module):
            if imported.startswith("deskhand"):
                assert imported.startswith((package, "deskhand.sdk")), f"{module} -> {imported}"


def test_every_module_says_its_one_reason_to_exist() -> None:
    for folder in ("core", "plugins"):
        for module in (ROOT / folder).rglob("*.py"):
            text = module.read_text(encoding="utf-8").lstrip()
            assert text.startswith('"""'), f"{module.relative_to(ROOT)} has no docstring"


def longest(folder: Path) -> list[tuple[int, Path]]:
    return [(len(module.read_text(encoding="utf-8").splitlines()), module) for module in folder.rglob("*.py")]


def test_no_module_outgrows_its_reader() -> None:
    for lines, module in longest(ROOT / "core"):
        assert lines <= 400, f"{module.relative_to(ROOT)} has {lines} lines"
    for lines, module in longest(ROOT / "plugins"):
        assert lines <= 250, f"{module.relative_to(ROOT)} has {lines} lines"
