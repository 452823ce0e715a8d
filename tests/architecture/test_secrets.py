"""Who can open a stored secret: one module reads the store, and three give the permit without which none opens."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.repository import ROOT

CORE = ROOT / "core" / "deskhand"
PLUGINS = ROOT / "plugins"
STORE, OPENED, SECRETS = "deskhand.governance.secrets.store", "connector_settings", "deskhand.sdk.secrets"
MAY_READ_THE_STORE = "configuration/sealing.py"
MAY_IMPORT_THE_STORE = {"cli/secret.py", MAY_READ_THE_STORE}
MAY_GIVE_A_PERMIT = {
    "sdk/wire.py",  # for one request that was let go
    "desk/callbacks.py",  # for one callback to be verified
    "desk/leaks.py",  # for the scanner to learn what to look for
}
MAY_OPEN_A_SECTION = {
    "configuration/loading.py",  # defines it
    "desk/connections.py",  # opens a connector with it
    "desk/leaks.py",  # tells the scanner what to look for
    "cli/config.py",  # checks a section, contacting nobody
    "cli/doctor.py",  # likewise
}


def modules(root: Path = CORE) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(root.rglob("*.py")):
        yield str(path.relative_to(root)), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def whole_imports(tree: ast.Module) -> Iterator[str]:
    """Name what is imported by its full name, and a module only where all of it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_the_store_is_imported_only_where_secrets_are_opened_for_a_connector_or_managed() -> None:
    found = {name for name, tree in modules() if STORE in set(imports(tree))}
    assert found <= MAY_IMPORT_THE_STORE, found - MAY_IMPORT_THE_STORE
    assert MAY_READ_THE_STORE in found


def test_a_stored_secret_is_read_in_one_place() -> None:
    """`store.read(name, connector=…)`, called or handed on, and no other way to a value."""
    reads = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and any(isinstance(each, ast.Attribute) and each.attr == "read" for each in (node.func, *node.args))
        and any(keyword.arg == "connector" for keyword in node.keywords)
    }
    assert reads == {MAY_READ_THE_STORE}


def test_a_permit_is_given_in_three_places_and_by_no_plugin() -> None:
    """Whoever else gave one could open a secret that no request is let go for."""
    found = {name for name, tree in modules() if {f"{SECRETS}.permit", SECRETS} & set(whole_imports(tree))}
    assert found == MAY_GIVE_A_PERMIT
    assert not [name for name, tree in modules(PLUGINS) if {f"{SECRETS}.permit", SECRETS} & set(whole_imports(tree))]
    given = {
        name
        for root in (CORE, PLUGINS)
        for name, tree in modules(root)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute) and getattr(node, "id", getattr(node, "attr", "")) == "_permitted"
    }
    assert given == {"sdk/secrets.py"}


def test_a_secret_at_the_wire_waits_for_the_gate() -> None:
    """What a credential is put on has passed `HttpClient`'s hook, which asks the host: nothing else uses the wire."""
    found = {name for name, tree in modules() if "deskhand.sdk.wire.AuthorisingTransport" in set(imports(tree))}
    assert found == {"sdk/http.py"}


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
