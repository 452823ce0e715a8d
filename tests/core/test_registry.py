import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from deskhand.registry import Registry, UnknownActionError

GOOD = """
    from deskhand.sdk.actions import Action, Arguments, Effect, Inspection, Receipt, Tier
    from deskhand.sdk.hooks import ConnectorOffer, SimulatorOffer, hookimpl
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
    install("rmm_small", GOOD[: GOOD.index("    @hookimpl\n    def offer_actions")])
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
