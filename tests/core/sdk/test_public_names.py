import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import deskhand.sdk
import deskhand.sdk.testing

SOURCE = Path(str(deskhand.sdk.__file__)).parent
MODULES = ["actions", "clock", "errors", "hooks", "http", "models", "roles", "secrets", "settings", "webhooks"]


def defined(module: str) -> set[str]:
    tree = ast.parse((SOURCE / f"{module}.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_class_of_the_sdk_can_be_imported_from_its_front(module: str) -> None:
    assert defined(module) <= set(deskhand.sdk.__all__)


@pytest.mark.parametrize("package", [deskhand.sdk, deskhand.sdk.testing])
def test_every_name_at_the_front_is_there(package: object) -> None:
    names: list[str] = vars(package)["__all__"]
    assert names == sorted(set(names))
    assert all(getattr(package, name) is not None for name in names)
    assert set(names) <= set(dir(package))


def test_a_name_at_the_front_is_the_one_of_its_module() -> None:
    for module in MODULES:
        for name in defined(module):
            assert getattr(deskhand.sdk, name) is getattr(importlib.import_module(f"deskhand.sdk.{module}"), name)


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Tickets'"):
        deskhand.sdk.Tickets  # noqa: B018  # asking is the point


def loaded_by(statement: str) -> set[str]:
    found = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", f"{statement}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(found.stdout.split())


def test_the_front_costs_nothing() -> None:
    assert not loaded_by("import deskhand.sdk") & {"httpx", "pydantic", "pluggy", "tenacity"}
    assert "httpx" not in loaded_by("from deskhand.sdk.models import Ticket")


def test_a_rehearsal_needs_no_pytest() -> None:
    assert not {"pytest", "_pytest"} & loaded_by("import deskhand.sdk.testing")
