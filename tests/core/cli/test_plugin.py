import json
import re
import sys
from pathlib import Path

import pytest

from deskhand.cli.exit_codes import ExitCode
from tests.core.cli.conftest import Run, Shop


@pytest.fixture
def _broken_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "rmm_broken.py").write_text("raise RuntimeError('\\x1b[31m[bold]out of cheese[/bold]')\n")
    papers = tmp_path / "deskhand_rmm_broken-1.0.dist-info"
    papers.mkdir()
    (papers / "METADATA").write_text("Metadata-Version: 2.1\nName: deskhand-rmm-broken\nVersion: 1.0\n")
    (papers / "entry_points.txt").write_text("[deskhand]\nrmm_broken = rmm_broken\n")


@pytest.mark.usefixtures("_broken_plugin")
def test_the_list_tells_what_was_admitted_and_why_the_rest_was_not(run: Run) -> None:
    result = run("plugin", "list", "--json")
    assert result.exit_code == ExitCode.OK
    document = json.loads(result.stdout)
    (admitted,) = [each for each in document["plugins"] if each["name"] == "psa_connectwise"]
    assert admitted["offers"] == ["connector", f"{len(admitted['actions'])} actions", "callbacks", "simulator"]
    assert {"psa_connectwise.add_internal_note", "psa_connectwise.update_triage"} <= {
        each["name"] for each in admitted["actions"]
    }
    assert "out of cheese" in document["refused"]["rmm_broken"]


@pytest.mark.usefixtures("_broken_plugin")
def test_for_people_the_reason_is_words_and_nothing_else(run: Run) -> None:
    text = run("plugin", "list").stdout
    assert "refused" in text
    assert "cheese" in text
    assert "[bold]" in "".join(text.split())
    assert "\x1b" not in text


@pytest.mark.usefixtures("_broken_plugin")
def test_with_a_configuration_its_allow_list_counts(run: Run, shop: Shop) -> None:
    document = json.loads(run("plugin", "list", "--json", "-c", shop.file).stdout)
    assert [each["name"] for each in document["plugins"]] == ["psa_connectwise"]
    assert document["refused"]["rmm_broken"] == "not enabled"


def test_what_is_pinned_is_admitted_and_what_was_changed_is_not(run: Run, shop: Shop) -> None:
    printed = run("plugin", "pin", "psa_connectwise")
    assert printed.exit_code == ExitCode.OK
    whole = shop.file.read_text(encoding="utf-8")
    shop.file.write_text(f"{whole}\n{printed.stdout}", encoding="utf-8")
    assert run("config", "check", "-c", shop.file).exit_code == ExitCode.OK
    wrong = re.sub("sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", printed.stdout)
    shop.file.write_text(f"{whole}\n{wrong}", encoding="utf-8")
    refused = run("config", "check", "-c", shop.file)
    assert refused.exit_code == ExitCode.CONFIGURATION
    assert "its files are not the pinned ones" in refused.stderr
    shop.file.write_text(f"{whole}\n[plugins.pinned]\npsa_connectwise = 'sha256:short'\n", encoding="utf-8")
    assert "64 hexadecimal digits" in run("config", "check", "-c", shop.file).stderr
    assert run("plugin", "pin", "psa_absent").exit_code == ExitCode.FAILED


def test_the_manifest_is_shown(run: Run) -> None:
    plugins = {each["name"]: each for each in json.loads(run("plugin", "list", "--json").stdout)["plugins"]}
    manifest = plugins["psa_connectwise"]["capabilities"]
    assert manifest["hosts"] == ["*.myconnectwise.net", "*.connectwisedev.com"]
    assert manifest["secrets"] == ["public_key", "private_key", "client_id"]
    assert len(manifest["actions"]) == len(plugins["psa_connectwise"]["actions"])
