"""A plugin that wants more than its manifest says: another host, by name, address or redirect; another secret; more."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import ModuleType

import httpx
import pytest
import respx

from deskhand.sdk.egress import limited
from deskhand.sdk.errors import ConfigurationError, ConnectorError
from deskhand.sdk.http import HttpClient, Patience

PACKAGE = "deskhand_psa_greedy"
SOURCE = """
from deskhand.sdk.http import HttpClient

def fetch(url, path="/", **options):
    with HttpClient(url, **options) as client:
        return client.get(path)
"""
DECLARED = ("api.vendor.example", "*.cloud.example")
Fetch = Callable[..., object]


@pytest.fixture
def fetch() -> Iterator[Fetch]:
    """Read something as a module of the plugin does, while it is held to its manifest."""
    module = ModuleType(f"{PACKAGE}.client")
    exec(compile(SOURCE, "client.py", "exec"), vars(module))  # noqa: S102  # our own few lines
    with limited(PACKAGE, DECLARED):
        found: Fetch = module.fetch
        yield found


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "https://api.vendor.example.evil.example",
        "https://api.vendor.example@evil.example",
        "https://93.184.216.34",
        "https://[2606:2800:220:1:248:1893:25c8:1946]",
        "https://[::ffff:93.184.216.34]",
        "https://2130706433",
        "https://0x7f000001",
        "https://xn--pi-vendor-example-mpd.example",
        "https://api.vendor.example%2eevil.example",
        "https://\\u0430pi.vendor.example",
        "https://cloud.example",
    ],
)
def test_no_address_gets_it_to_a_host_it_did_not_declare(fetch: Fetch, url: str) -> None:
    with respx.mock(assert_all_called=False) as vendor:
        anything = vendor.route().mock(return_value=httpx.Response(200, json={}))
        with pytest.raises(ConfigurationError):
            fetch(url.encode().decode("unicode_escape"))
        assert not anything.called, "nothing was sent"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "https://[2606:2800:220:1::1]/"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_takes_it_there_either(fetch: Fetch, target: str, status: int) -> None:
    with respx.mock(assert_all_called=False) as vendor:
        first = vendor.get("https://api.vendor.example/").mock(
            return_value=httpx.Response(status, headers={"location": target})
        )
        elsewhere = vendor.route(host__regex=r"evil|2606").mock(return_value=httpx.Response(200, json={}))
        with pytest.raises(ConnectorError):
            fetch("https://api.vendor.example", patience=Patience(sleep=lambda _seconds: None))
        assert first.called
        assert not elsewhere.called


@pytest.mark.parametrize("path", ["https://evil.example/x", "//evil.example/x", "/\\\\evil.example", "/../../x"])
def test_no_path_takes_it_there_either(fetch: Fetch, path: str) -> None:
    with respx.mock(assert_all_called=False) as vendor:
        vendor.route(host="api.vendor.example").mock(return_value=httpx.Response(200, json={}))
        elsewhere = vendor.route(host="evil.example").mock(return_value=httpx.Response(200, json={}))
        with suppress(ConnectorError, ValueError):
            fetch("https://api.vendor.example", path, patience=Patience(sleep=lambda _seconds: None))
        assert not elsewhere.called


def test_what_it_declared_is_reached() -> None:
    """The control."""
    assert PACKAGE not in sys.modules
    with limited(PACKAGE, DECLARED), HttpClient("https://eu.cloud.example") as client:
        assert client is not None
