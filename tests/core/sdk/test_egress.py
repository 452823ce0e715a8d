import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.sdk.egress import HOST_PATTERN, limited
from deskhand.sdk.errors import ConfigurationError
from deskhand.sdk.hooks import Capabilities
from deskhand.sdk.http import HttpClient
from deskhand.sdk.settings import ConnectorSettings

PACKAGE = "deskhand_psa_invented"
SOURCE = "from deskhand.sdk.http import HttpClient\ndef connect(url, **options): return HttpClient(url, **options)\n"
Connect = Callable[..., HttpClient]


@pytest.fixture(scope="module")
def connect() -> Connect:
    """Make a client as a module of a plugin does."""
    module = ModuleType(f"{PACKAGE}.client")
    exec(compile(SOURCE, "client.py", "exec"), vars(module))  # noqa: S102  # our own two lines
    made: Connect = module.connect
    return made


@pytest.mark.parametrize(
    "url",
    [
        "https://api.vendor.example",
        "https://API.Vendor.Example./v1",
        "https://eu.cloud.example",
        "https://a.b.cloud.example:8443/x",
    ],
)
def test_a_plugin_reaches_the_hosts_it_declares(connect: Connect, url: str) -> None:
    with limited(PACKAGE, ["api.vendor.example", "*.cloud.example"]):
        connect(url).close()


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "https://vendor.example",
        "https://xapi.vendor.example",
        "https://api.vendor.example.evil.example",
        "https://cloud.example",
        "https://evilcloud.example",
        "https://127.0.0.1:8443",
        "https://localhost",
        "https://[::1]",
        "https://10.0.0.1",
        "https://169.254.169.254",
    ],
)
def test_and_no_other(connect: Connect, url: str) -> None:
    with (
        limited(PACKAGE, ["api.vendor.example", "*.cloud.example"]),
        pytest.raises(ConfigurationError, match=f"not among the hosts {PACKAGE} declares"),
    ):
        connect(url)


def test_loopback_is_open_to_a_connector_that_may_reach_private_addresses_and_no_other_private_one(
    connect: Connect,
) -> None:
    with limited(PACKAGE, ["api.vendor.example"]):
        for url in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"):
            connect(url, allow_private_addresses=True).close()
        for url in ("http://10.0.0.1", "http://169.254.169.254", "http://localhost.evil.example"):
            with pytest.raises(ConfigurationError, match="declares"):
                connect(url, allow_private_addresses=True)


def test_a_plugin_that_declares_nothing_reaches_nothing(connect: Connect) -> None:
    with limited(PACKAGE, []), pytest.raises(ConfigurationError, match=r"declares \(none\)"):
        connect("https://api.vendor.example")


def test_the_limit_holds_for_its_package_alone_and_while_it_lasts(connect: Connect) -> None:
    with limited(PACKAGE, []):
        HttpClient("https://evil.example").close()
    connect("https://evil.example").close()


def test_limits_of_one_package_add_up_and_end_one_by_one(connect: Connect) -> None:
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(limited(PACKAGE, ["one.example.org", "both.example.org"]))
        second.enter_context(limited(PACKAGE, ["two.example.org", "both.example.org"]))
        for host in ("one", "two", "both"):
            connect(f"https://{host}.example.org").close()
        first.close()
        connect("https://both.example.org").close()
        with pytest.raises(ConfigurationError, match="declares"):
            connect("https://one.example.org")


def test_a_client_made_in_another_thread_is_held_to_the_same(connect: Connect) -> None:
    refused: list[ConfigurationError] = []

    def make() -> None:
        try:
            connect("https://evil.example")
        except ConfigurationError as error:
            refused.append(error)

    with limited(PACKAGE, []):
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
    assert len(refused) == 1


class Settings(ConnectorSettings):
    site: str = ""
    key_url: str | None = None


def test_hosts_an_administrator_names_are_allowed_too() -> None:
    manifest = Capabilities(hosts=("*.vendor.example",), host_settings=("site", "key_url"))
    assert manifest.hosts_for(Settings()) == ("*.vendor.example",)
    named = Settings(site="psa.local:8443", key_url="https://Keys.Local/x?y")
    assert manifest.hosts_for(named) == ("*.vendor.example", "psa.local", "keys.local")


@given(st.from_regex(HOST_PATTERN, fullmatch=True))
def test_no_pattern_covers_a_whole_top_level(pattern: str) -> None:
    assert pattern.removeprefix("*.").count(".") >= 1
    assert "*" not in pattern.removeprefix("*.")


def test_the_package_is_told_by_the_module_that_calls() -> None:
    assert PACKAGE not in sys.modules, "no module has to be registered for it"
