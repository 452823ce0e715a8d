import sys
from pathlib import Path

import pytest

from deskhand.configuration.loading import connector_settings, load
from deskhand.configuration.problems import InvalidConfigurationError, Problem
from deskhand.registry import Registry
from tests.core.configuration.conftest import CONNECTED, Write


def refusal(path: Path, name: str = "psa_connectwise") -> list[Problem]:
    configuration = load(path)
    with pytest.raises(InvalidConfigurationError) as raised:
        connector_settings(configuration, Registry.discover(configuration.enabled_plugins), name)
    return list(raised.value.problems)


def test_a_section_becomes_its_plugins_settings(write: Write) -> None:
    configuration = load(write(""))
    settings = connector_settings(configuration, Registry.discover(), "psa_connectwise")
    assert settings.model_dump()["company_id"] == "acme"
    assert "private-key" not in repr(settings)


def test_a_setting_from_the_environment_may_be_a_number(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKHAND_PAGE", "250")
    configuration = load(write(f"{CONNECTED}page_size = 'env:DESKHAND_PAGE'"))
    assert connector_settings(configuration, Registry.discover(), "psa_connectwise").model_dump()["page_size"] == 250


def test_a_missing_key_says_what_it_is_and_where_it_goes(write: Write) -> None:
    (problem,) = refusal(write(CONNECTED.replace("company_id", "# company_id")))
    assert problem.key == "connectors.psa_connectwise.company_id"
    assert "sign-in page" in problem.expected
    assert problem.fix == "add `company_id = …` to [connectors.psa_connectwise]"


def test_a_misspelt_key_is_told_with_the_one_that_was_meant(write: Write) -> None:
    (problem,) = refusal(write(f"{CONNECTED}page_sise = 5"))
    assert problem.fix == "rename `page_sise` to `page_size`"


def test_a_rule_over_several_keys_is_told_for_the_section(write: Write) -> None:
    (problem,) = refusal(write(f"{CONNECTED}callback_url = 'https://desk.example/callbacks/psa_connectwise'"))
    assert problem.key == "connectors.psa_connectwise"
    assert problem.expected.startswith("callback_key_url beside callback_url")


def test_a_misspelt_section_is_told_with_the_plugin_that_was_meant(write: Write) -> None:
    (problem,) = refusal(write("[connectors.psa_conectwise]\nsite = 'x'"), "psa_conectwise")
    assert problem.key == "connectors.psa_conectwise"
    assert problem.fix == "rename the section to [connectors.psa_connectwise]"


def test_a_section_of_a_plugin_that_is_not_installed_names_the_distribution(write: Write) -> None:
    (problem,) = refusal(write("[connectors.rmm_unheard_of]\nsite = 'x'"), "rmm_unheard_of")
    assert "install the plugin deskhand-rmm-unheard-of, or remove the section" in problem.fix


def test_a_section_of_a_plugin_that_the_allow_list_leaves_out_names_the_list(write: Write) -> None:
    (problem,) = refusal(write(f"[plugins]\nenabled = []\n{CONNECTED}"))
    assert problem.fix == "add `psa_connectwise` to `enabled` in [plugins], or remove the section"


def test_a_section_of_a_plugin_that_broke_says_why(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "rmm_broken.py").write_text("import no_such_library\n", encoding="utf-8")
    papers = tmp_path / "deskhand_rmm_broken-1.0.dist-info"
    papers.mkdir()
    (papers / "METADATA").write_text("Metadata-Version: 2.1\nName: deskhand-rmm-broken\nVersion: 1.0\n")
    (papers / "entry_points.txt").write_text("[deskhand]\nrmm_broken = rmm_broken\n")
    (problem,) = refusal(write("[connectors.rmm_broken]\nsite = 'x'"), "rmm_broken")
    assert "no_such_library" in problem.fix
