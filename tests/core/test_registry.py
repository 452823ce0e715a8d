import re
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from deskhand.registry import Registry, UnknownActionError, UnknownPluginError, _files_of_package, digest_of
from tests.repository import PLUGINS, ROOT

GOOD = """
    from deskhand.sdk.actions import Action, Arguments, Effect, Inspection, Receipt, Tier
    from deskhand.sdk.hooks import Capabilities, ConnectorOffer, SimulatorOffer, hookimpl
    from deskhand.sdk.settings import ConnectorSettings

    def action(name):
        return Action(
            name=name, title="Ping", arguments=Arguments, tier=Tier.READ, effect=Effect.READ, permission="none",
            documentation="https://vendor.example/ping", inspect=lambda connector, arguments: Inspection("1", ()),
            apply=lambda connector, arguments, key: Receipt(key), verify=lambda connector, arguments, receipt: True,
        )

    @hookimpl
    def offer_connector():
        return ConnectorOffer(settings=ConnectorSettings, connect=lambda settings: None)

    @hookimpl
    def offer_capabilities():
        return Capabilities(actions=(__name__ + ".ping_vendor",), hosts=("api.vendor.example", "*.vendor.example"))

    @hookimpl
    def offer_actions():
        return [action(__name__ + ".ping_vendor")]

    @hookimpl
    def offer_callbacks():
        return lambda settings: None

    @hookimpl
    def offer_simulator():
        return SimulatorOffer(create=object, settings=lambda url: {})
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs distributions as pip would: a module, and a dist-info folder that names its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(name: str, source: str = GOOD, *, distribution: str = "", version: str = "1.2.3") -> None:
        module = name.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(dedent(source), encoding="utf-8")
        monkeypatch.delitem(sys.modules, module, raising=False)
        papers = tmp_path / f"{(distribution or f'deskhand_{module}')}-{version}.dist-info"
        papers.mkdir()
        (papers / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution or f'deskhand-{name}'}\nVersion: {version}\n"
        )
        (papers / "entry_points.txt").write_text(f"[deskhand]\n{name} = {module}\n")

    return write


def reason(name: str) -> str:
    found = Registry.discover()
    assert name not in found.plugins
    return found.refused[name]


def test_an_installed_plugin_is_admitted_with_everything_it_offers(install: Install) -> None:
    install("psa_good")
    plugin = Registry.discover().plugins["psa_good"]
    assert (plugin.distribution, plugin.version) == ("deskhand-psa_good", "1.2.3")
    assert plugin.connector
    assert plugin.callbacks
    assert plugin.simulator
    assert [action.name for action in plugin.actions] == ["psa_good.ping_vendor"]


def test_a_plugin_may_offer_one_thing_only(install: Install) -> None:
    small = GOOD[: GOOD.index("    @hookimpl\n    def offer_actions")]
    install("rmm_small", small.replace('actions=(__name__ + ".ping_vendor",), ', ""))
    plugin = Registry.discover().plugins["rmm_small"]
    assert plugin.connector
    assert (plugin.actions, plugin.callbacks, plugin.simulator) == ((), None, None)


def test_an_action_is_found_by_its_full_name(install: Install) -> None:
    install("psa_good")
    assert Registry.discover().action("psa_good.ping_vendor").title == "Ping"


def test_an_action_that_is_not_there_says_why(install: Install) -> None:
    install("psa_good")
    install("psa_bad", "raise RuntimeError('out of cheese')")
    found = Registry.discover()
    with pytest.raises(UnknownActionError, match=r"psa_good 1\.2\.3 does not offer it"):
        found.action("psa_good.format_disk")
    with pytest.raises(UnknownActionError, match="out of cheese"):
        found.action("psa_bad.ping_vendor")
    with pytest.raises(UnknownActionError, match="not installed"):
        found.action("psa_absent.ping_vendor")


def test_a_plugin_that_is_not_enabled_is_refused_and_not_even_imported(install: Install) -> None:
    install("psa_good")
    install("psa_other")
    found = Registry.discover({"psa_good"})
    assert set(found.plugins) == {"psa_good"}
    assert found.refused["psa_other"] == "not enabled"
    assert "psa_other" not in sys.modules


def test_an_enabled_plugin_that_is_not_installed_says_so() -> None:
    found = Registry.discover({"psa_absent"})
    assert "not installed" in found.refused["psa_absent"]
    assert not found.plugins


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd", "psa_bad.Odd: "),
        ("class Own(BaseExceptionGroup): pass\nraise Own('two', [KeyError('a'), ValueError('b')])", "psa_bad.Own: two"),
        ("raise ValueError('first\\nsecond ' + 'x' * 5000)", "ValueError: first second xxx"),
    ],
)
def test_whatever_a_broken_plugin_raises_becomes_a_reason_and_the_rest_survive(
    install: Install, source: str, why: str
) -> None:
    install("psa_bad", source)
    install("psa_good")
    found = Registry.discover()
    assert "psa_good" in found.plugins
    assert found.refused["psa_bad"].startswith(why)
    assert len(found.refused["psa_bad"]) <= 300
    assert "\n" not in found.refused["psa_bad"]


def test_a_hook_that_raises_is_a_reason_too(install: Install) -> None:
    install("psa_bad", GOOD.replace("return [action(", "return [1 / 0, action("))
    assert reason("psa_bad") == "ZeroDivisionError: division by zero"


def test_two_claims_to_one_name_are_both_refused(install: Install) -> None:
    install("psa_good")
    install("psa_good", distribution="rogue")
    assert reason("psa_good") == "claimed more than once, by deskhand-psa_good, rogue: uninstall all but one"
    assert "psa_good" not in sys.modules


@pytest.mark.parametrize("name", ["connectwise", "PSA_connectwise", "psa-connectwise", "_psa", "psa_"])
def test_a_name_that_is_not_kind_and_vendor_is_refused(install: Install, name: str) -> None:
    install(name)
    assert "<kind>_<vendor>" in reason(name)


def test_a_setting_without_a_description_is_refused_by_name(install: Install) -> None:
    bare = "class Bare(ConnectorSettings):\n        site: str\n        company: str = ''"
    source = GOOD.replace("def action(name):", f"{bare}\n\n    def action(name):")
    install("psa_bad", source.replace("settings=ConnectorSettings", "settings=Bare"))
    assert reason("psa_bad") == "settings without a description: site, company"


@pytest.mark.parametrize(
    "name", ["psa_other.ping_vendor", "ping", "psa_bad", "psa_bad.", "psa_bad.Ping", "psa_badx.ping"]
)
def test_an_action_outside_its_plugins_name_is_refused(install: Install, name: str) -> None:
    install("psa_bad", GOOD.replace('__name__ + ".ping_vendor"', repr(name)))
    assert reason("psa_bad") == f"the action {name!r} must be named psa_bad.<verb>_<object>"


def test_an_action_offered_twice_is_refused(install: Install) -> None:
    install("psa_bad", GOOD.replace("return [", "return 2 * ["))
    assert reason("psa_bad") == "the action psa_bad.ping_vendor is offered twice"


def test_a_misspelt_hook_is_refused(install: Install) -> None:
    install("psa_bad", GOOD.replace("def offer_actions", "def offer_actoins"))
    assert "unknown hook 'offer_actoins'" in reason("psa_bad")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            "return ConnectorOffer(settings=ConnectorSettings, connect=lambda settings: None)",
            "return 7",
            "offer_connector",
        ),
        ("settings=ConnectorSettings", "settings=dict", "offer_connector"),
        ("connect=lambda settings: None", "connect=None", "offer_connector"),
        ("return [action(", "return ['ping', action(", "not str"),
        ("return lambda settings: None", "return 7", "offer_callbacks"),
        ("return SimulatorOffer(create=object, settings=lambda url: {})", "return object()", "offer_simulator"),
    ],
)
def test_an_offer_of_the_wrong_type_is_refused(install: Install, old: str, new: str, why: str) -> None:
    install("psa_bad", GOOD.replace(old, new))
    assert why in reason("psa_bad")


def test_a_module_that_implements_no_hook_is_refused(install: Install) -> None:
    install("psa_empty", "from deskhand.sdk.hooks import hookimpl")
    assert "offers nothing" in reason("psa_empty")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("@hookimpl\n    def offer_capabilities", "def unoffered", "offer_capabilities must declare Capabilities"),
        ("return Capabilities(", "return dict(", "offer_capabilities must declare Capabilities"),
        (
            'actions=(__name__ + ".ping_vendor",), ',
            "",
            "actions that are not declared in offer_capabilities: psa_bad.ping_vendor",
        ),
        (
            '".ping_vendor",), hosts',
            '".ping_vendor", "psa_bad.more"), hosts',
            "actions that are declared and not there in offer_capabilities: psa_bad.more",
        ),
        (', hosts=("', ', secrets=("token",), hosts=("', "secrets that are declared and not there"),
        (', hosts=("', ', host_settings=("site",), hosts=("', "name no host or setting: site"),
        ('"*.vendor.example"', '"*"', "name no host or setting: *"),
        ('"*.vendor.example"', '"*.example"', r"name no host or setting: *.example"),
        ('"*.vendor.example"', '"https://vendor.example"', "name no host or setting: https://vendor.example"),
        ('"*.vendor.example"', '"Vendor.example"', "name no host or setting: Vendor.example"),
    ],
)
def test_a_manifest_that_says_less_or_more_than_is_offered_is_refused(
    install: Install, old: str, new: str, why: str
) -> None:
    assert old in GOOD
    install("psa_bad", GOOD.replace(old, new))
    assert why in reason("psa_bad")


def test_a_secret_setting_that_is_not_declared_is_refused(install: Install) -> None:
    own = """class Own(ConnectorSettings):
        token: SecretStr = Field(description="Its token.")
        spare: SecretStr | None = Field(default=None, description="Another.")"""
    source = GOOD.replace(
        "def action(name):", f"from pydantic import Field, SecretStr\n\n    {own}\n\n    def action(name):"
    )
    install("psa_bad", source.replace("settings=ConnectorSettings", "settings=Own"))
    assert reason("psa_bad") == "secrets that are not declared in offer_capabilities: spare, token"


def test_a_pinned_plugin_is_admitted_while_its_files_are_the_pinned_ones(install: Install, tmp_path: Path) -> None:
    install("psa_good")
    pinned = {"psa_good": digest_of("psa_good")}
    assert "psa_good" not in sys.modules, "pinning runs nothing"
    assert set(Registry.discover({"psa_good"}, pinned).plugins) == {"psa_good"}
    sys.modules.pop("psa_good")
    with (tmp_path / "psa_good.py").open("a") as file:
        file.write("\n# one more line\n")
    found = Registry.discover({"psa_good"}, pinned)
    assert not found.plugins
    assert "its files are not the pinned ones" in found.refused["psa_good"]
    assert "psa_good" not in sys.modules, "what was changed is not run"


def test_with_any_pin_a_plugin_without_one_is_refused(install: Install) -> None:
    install("psa_good")
    install("psa_other")
    found = Registry.discover({"psa_good", "psa_other"}, {"psa_good": digest_of("psa_good")})
    assert set(found.plugins) == {"psa_good"}
    assert "not pinned" in found.refused["psa_other"]
    assert "psa_other" not in sys.modules


def test_a_digest_covers_every_file_that_pip_recorded_and_nothing_pip_writes_of_its_own(
    install: Install, tmp_path: Path
) -> None:
    install("psa_good")
    papers = tmp_path / "deskhand_psa_good-1.2.3.dist-info"
    lists = tmp_path / "psa_good_lists"
    lists.mkdir()
    (lists / "words.txt").write_text("one")
    recorded = [
        "psa_good.py",
        "psa_good_lists/words.txt",
        "__pycache__/psa_good.pyc",
        *_names(papers, "METADATA", "RECORD"),
    ]
    (papers / "RECORD").write_text("".join(f"{each},,\n" for each in recorded))
    before = digest_of("psa_good")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", before)
    (tmp_path / "__pycache__").mkdir(exist_ok=True)
    (tmp_path / "__pycache__" / "psa_good.pyc").write_bytes(b"compiled")
    (papers / "INSTALLER").write_text("uv")
    assert digest_of("psa_good") == before
    (lists / "words.txt").write_text("two")
    assert digest_of("psa_good") != before
    (lists / "words.txt").write_text("one")
    assert digest_of("psa_good") == before
    (lists / "words.txt").unlink()
    assert digest_of("psa_good") != before


def test_a_name_that_is_not_one_installed_plugin_cannot_be_pinned(install: Install) -> None:
    with pytest.raises(UnknownPluginError, match="by 0 installed distributions"):
        digest_of("psa_absent")
    install("psa_good")
    install("psa_good", distribution="rogue")
    with pytest.raises(UnknownPluginError, match="by 2 installed distributions"):
        digest_of("psa_good")


@pytest.mark.parametrize("name", PLUGINS)
def test_our_own_plugins_have_a_digest_of_all_their_modules(name: str, tmp_path: Path) -> None:
    package = f"deskhand_{name}"
    files = _files_of_package(package)
    own = {str(path.relative_to(path.parents[0])) for path in (ROOT / "plugins" / name / package).glob("*.py")}
    assert {Path(each).name for each in files} >= own
    assert tmp_path not in files.values()


def _names(papers: Path, *names: str) -> list[str]:
    return [f"{papers.name}/{name}" for name in names]
