"""A TenantContext is built in one place of all that ships: who holds one knows that the resolver stands behind it."""

import ast
from pathlib import Path

import pytest

from tests.repository import ROOT

BUILDER = ROOT / "core" / "deskhand" / "identity"
NAME = "TenantContext"


def constructions(source: str) -> list[int]:
    """Find the lines that build a TenantContext, by any name, or copy one with another tenant."""
    tree = ast.parse(source)
    aliases = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == NAME
    }
    aliases |= {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in aliases
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [node.lineno for node in calls if _builds(node, aliases) or _copies(node)]


def _builds(call: ast.Call, aliases: set[str]) -> bool:
    called = call.func
    if isinstance(called, ast.Name):
        return called.id in aliases
    return isinstance(called, ast.Attribute) and (
        called.attr == NAME or (isinstance(called.value, ast.Name) and called.value.id in aliases)
    )


def _copies(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name == "replace" and any(keyword.arg == "tenant" for keyword in call.keywords)


def modules() -> list[Path]:
    folders = (ROOT / "core", ROOT / "plugins")
    return [path for folder in folders for path in sorted(folder.rglob("*.py")) if BUILDER not in path.parents]


def test_a_tenant_context_is_built_only_by_identity_and_by_tests() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}": None
        for path in modules()
        for line in constructions(path.read_text(encoding="utf-8"))
    }
    assert not found, f"ask deskhand.identity.resolver instead: {', '.join(found)}"


def test_identity_builds_it_once() -> None:
    found = [
        (path.name, line)
        for path in sorted(BUILDER.rglob("*.py"))
        for line in constructions(path.read_text(encoding="utf-8"))
    ]
    assert [name for name, _ in found] == ["resolver.py"]


@pytest.mark.parametrize(
    "source",
    [
        "from deskhand.sdk.models import TenantContext\nTenantContext(tenant=x)",
        "from deskhand.sdk.models import TenantContext as T\nT(tenant=x)",
        "from deskhand.sdk import models\nmodels.TenantContext(tenant=x)",
        "from deskhand.sdk.models import TenantContext\nmake = TenantContext\nmake(tenant=x)",
        "from deskhand.sdk.models import TenantContext\nTenantContext.__new__(TenantContext)",
        "from dataclasses import replace\nreplace(context, tenant=x)",
    ],
)
def test_the_search_sees_every_way_to_build_one(source: str) -> None:
    assert constructions(source)


def test_the_search_lets_a_mention_pass() -> None:
    assert not constructions("from deskhand.sdk.models import TenantContext\ndef f(c: TenantContext) -> None: ...")
