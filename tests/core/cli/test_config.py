import json
from pathlib import Path

import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.reference import settings
from deskhand.configuration.template import TEMPLATE
from deskhand.registry import Registry
from deskhand_psa_connectwise.simulator import CLIENT_ID, PRIVATE_KEY, PUBLIC_KEY
from tests.core.cli.conftest import Run, Shop


def test_init_writes_the_template_and_says_what_comes_next(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "deskhand.toml"
    result = run("init", path)
    assert result.exit_code == ExitCode.OK
    assert path.read_text(encoding="utf-8") == TEMPLATE
    assert f"deskhand doctor -c {path}" in result.stdout


@pytest.mark.parametrize("content", ["", "precious = true\n"])
def test_init_never_overwrites(run: Run, tmp_path: Path, content: str) -> None:
    path = tmp_path / "deskhand.toml"
    path.write_text(content, encoding="utf-8")
    result = run("init", path)
    assert result.exit_code == ExitCode.FAILED
    assert path.read_text(encoding="utf-8") == content
    assert "left as it is" in result.stderr


def test_init_does_not_write_through_a_link_that_leads_nowhere(run: Run, tmp_path: Path) -> None:
    link = tmp_path / "deskhand.toml"
    link.symlink_to(tmp_path / "elsewhere")
    assert run("init", link).exit_code == ExitCode.FAILED
    assert not (tmp_path / "elsewhere").exists()


def test_init_where_nothing_can_be_written_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("init", tmp_path / "file" / "deskhand.toml")
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert "cannot be written" in result.stderr


def test_a_good_configuration_is_understood(run: Run, shop: Shop) -> None:
    assert f"{shop.file}: everything in it is understood." in run("config", "check", "-c", shop.file).stdout
    document = json.loads(run("config", "check", "-c", shop.file, "--json").stdout)
    assert document == {"file": str(shop.file), "ok": True, "connectors": ["psa_connectwise"]}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('state = "state"', 'state = "state"\nnmae = "x"', "rename `nmae` to `name`"),
        ("company_id =", "compny_id =", "rename `compny_id` to `company_id`"),
        ("[connectors.psa_connectwise]", "[connectors.psa_conectwise]", "rename the section"),
        ('state = "state"', 'state = "state"\nticket_system = "psa_other"', "name one of psa_connectwise"),
        ('state = "state"', 'state = "state"\nticket_system = ""', "name one of psa_connectwise"),
    ],
)
def test_a_mistake_is_told_with_file_key_and_fix(run: Run, shop: Shop, old: str, new: str, told: str) -> None:
    text = shop.file.read_text(encoding="utf-8")
    assert old in text
    shop.file.write_text(text.replace(old, new), encoding="utf-8")
    result = run("config", "check", "-c", shop.file)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert str(shop.file) in result.stderr
    assert "expected: " in result.stderr
    assert told in result.stderr


def test_the_ticket_system_has_to_be_a_connector_that_holds_tickets(
    run: Run, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "rmm_pocket.py").write_text(
        "from deskhand.sdk.hooks import Capabilities, ConnectorOffer, hookimpl\n"
        "from deskhand.sdk.settings import ConnectorSettings\n"
        "class Pocket:\n"
        "    name = 'rmm_pocket'\n"
        "    def check(self): return 'fine'\n"
        "    def close(self): pass\n"
        "@hookimpl\n"
        "def offer_connector(): return ConnectorOffer(ConnectorSettings, lambda settings: Pocket())\n"
        "@hookimpl\n"
        "def offer_capabilities(): return Capabilities()\n"
    )
    papers = tmp_path / "deskhand_rmm_pocket-1.0.dist-info"
    papers.mkdir()
    (papers / "METADATA").write_text("Metadata-Version: 2.1\nName: deskhand-rmm-pocket\nVersion: 1.0\n")
    (papers / "entry_points.txt").write_text("[deskhand]\nrmm_pocket = rmm_pocket\n")
    text = shop.file.read_text(encoding="utf-8").replace(
        'state = "state"', 'state = "state"\nticket_system = "rmm_pocket"'
    )
    shop.file.write_text(f"{text}\n[connectors.rmm_pocket]\n", encoding="utf-8")
    result = run("config", "check", "-c", shop.file)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "desk.ticket_system" in result.stderr
    assert "name one of psa_connectwise" in result.stderr


def test_show_is_the_effective_configuration_without_secrets(run: Run, shop: Shop) -> None:
    result = run("config", "show", "-c", shop.file)
    document = json.loads(result.stdout)
    assert document["policy"]["handling"] == "suggest"
    assert document["clients"]["BABBAGE"]["handling"] == "off"
    section = document["connectors"]["psa_connectwise"]
    assert section["company_id"] == "rehearsal"
    assert section["page_size"] == 500
    assert {section[name] for name in ("public_key", "private_key", "client_id")} == {"**********"}
    assert not [each for each in (PUBLIC_KEY, PRIVATE_KEY, CLIENT_ID) if each in result.stdout]


def test_explain_tells_every_setting(run: Run) -> None:
    text = " ".join(run("config", "explain").stdout.split())
    every = settings(Registry.discover())
    assert all(each.name in text for each in every)
    documents = json.loads(run("config", "explain", "--json").stdout)
    assert [(each["section"], each["name"]) for each in documents] == [(each.section, each.name) for each in every]
    assert all(each["description"] for each in documents)


def test_explain_can_be_limited_to_a_section_and_what_is_below(run: Run) -> None:
    sections = {each["section"] for each in json.loads(run("config", "explain", "policy", "--json").stdout)}
    assert sections == {"policy", "policy.matrix.high", "policy.matrix.medium", "policy.matrix.low"}
    only = json.loads(run("config", "explain", "connectors.psa_connectwise", "--json").stdout)
    assert {each["section"] for each in only} == {"connectors.psa_connectwise"}


@pytest.mark.parametrize("section", ["polic", "policies", "nonsense", "policy.matrix.hi"])
def test_a_section_that_is_none_is_told_with_those_there_are(run: Run, section: str) -> None:
    result = run("config", "explain", section)
    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert "policy, policy.matrix.high" in result.stderr
