"""Who can open a stored secret: one function, which opens a connector's own, called where connectors are opened."""

import ast
from collections.abc import Iterator

from tests.repository import ROOT

CORE = ROOT / "core" / "deskhand"
STORE, OPENED = "deskhand.governance.secrets.store", "connector_settings"
MAY_IMPORT_THE_STORE = {"cli/secret.py", "configuration/loading.py", "cli/config.py"}
MAY_OPEN_A_SECTION = {
    "configuration/loading.py",  # defines it
    "desk/connections.py",  # opens a connector with it
    "desk/leaks.py",  # tells the scanner what to look for
    "cli/config.py",  # checks a section, contacting nobody
    "cli/doctor.py",  # likewise
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(CORE.rglob("*.py")):
        yield str(path.relative_to(CORE)), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_the_store_is_imported_only_where_secrets_are_opened_for_a_connector_or_managed() -> None:
    found = {name for name, tree in modules() if STORE in set(imports(tree))}
    assert found <= MAY_IMPORT_THE_STORE, found - MAY_IMPORT_THE_STORE
    assert "configuration/loading.py" in found


def test_a_stored_secret_is_read_in_one_place() -> None:
    """`store.read(name, connector=…)`, and no other way to a value."""
    reads = [
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "read"
        and any(keyword.arg == "connector" for keyword in node.keywords)
    ]
    assert reads == ["configuration/loading.py"]


def test_only_what_opens_connectors_opens_their_secrets() -> None:
    found = {
        name for name, tree in modules() for each in imports(tree) if each == f"deskhand.configuration.loading.{OPENED}"
    }
    assert found <= MAY_OPEN_A_SECTION, found - MAY_OPEN_A_SECTION
    assert "desk/connections.py" in found


def test_neither_agent_nor_model_nor_web_can_reach_configuration_or_secrets() -> None:
    for name, tree in modules():
        if name.startswith(("agent/", "llm/", "knowledge/", "identity/", "automation/")):
            assert not any(
                each.startswith(("deskhand.configuration", "deskhand.governance.secrets")) for each in imports(tree)
            ), name
