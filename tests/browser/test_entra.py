"""Signing in with Microsoft, in a real browser: away, back, and on to the page that was asked for first."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext

from deskhand.configuration.schema import WebSettings
from deskhand.daemon import serving
from deskhand.records.accounts import Role
from deskhand.sdk.testing import SimulatorHost
from deskhand.web.app import create_app
from tests.browser.test_pages import looked_at
from tests.browser.watching import Watch
from tests.core.web.conftest import quiet_desk
from tests.entra_authority import CLIENT_ID, CLIENT_SECRET, TENANT, EntraAuthority


@dataclass
class Way:
    """A desk and its tenant's authority, both on sockets, and a browser before them."""

    authority: EntraAuthority
    watch: Watch
    context: BrowserContext
    elsewhere: str

    def problems(self) -> list[str]:
        """What the browser complains of, but for having gone to the authority."""
        return [each for each in self.watch.problems if not each.startswith(f"elsewhere: {self.elsewhere}")]


@pytest.fixture
def way(browser: Browser) -> Iterator[Way]:
    authority = EntraAuthority()
    with SimulatorHost(authority) as host:
        entra = {"tenant_id": TENANT, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "authority": host.url}
        roles = {"Desk.Admin": [role.value for role in Role]}
        with (
            quiet_desk(web={"entra": {**entra, "roles": roles}}) as desk,
            serving(create_app(desk), WebSettings(port=0)) as url,
        ):
            authority.redirect_uris = {f"{url}/sign-in/entra/callback"}
            context = browser.new_context()
            yield Way(authority, Watch(context.new_page(), url), context, host.url)
            context.close()


def test_with_keys_alone_somebody_signs_in_and_is_where_they_wanted_to_be(way: Way) -> None:
    way.authority.hire("ada@msp.example", "Ada Lovelace", "Desk.Admin")
    page = way.watch.page
    way.watch.go("/runs?state=failed")
    way.watch.press("Sign in with Microsoft")
    page.get_by_role("heading", name="Pick an account").wait_for()
    assert page.url.startswith(f"{way.elsewhere}/{TENANT}/oauth2/v2.0/authorize")
    way.watch.press("Ada Lovelace")
    page.wait_for_url("**/runs?state=failed")
    way.watch.sees("Ada Lovelace")
    cookies = {str(each.get("name")): each for each in way.context.cookies()}
    assert set(cookies) == {"deskhand-session"}, "what found the sign-in under way is gone"
    assert (cookies["deskhand-session"]["httpOnly"], cookies["deskhand-session"]["sameSite"]) == (True, "Lax")
    assert "code=" not in page.evaluate("() => performance.getEntriesByType('navigation')[0].name")
    way.watch.go("/accounts")
    assert looked_at(way.watch) == []
    way.watch.sees("Turn passwords off")
    assert way.problems() == []


def test_whoever_is_refused_is_told_why_and_can_try_again(way: Way) -> None:
    way.authority.hire("eve@msp.example", "Eve", "Desk.Unknown")
    page = way.watch.page
    way.watch.go("/sign-in?next=/runs")
    way.watch.press("Sign in with Microsoft")
    page.get_by_role("heading", name="Pick an account").wait_for()
    way.watch.press("Eve")
    page.get_by_role("heading", name="Not signed in").wait_for()
    way.watch.sees("gives you no role here")
    assert looked_at(way.watch) == []
    way.watch.press("Back to sign-in")
    page.get_by_role("link", name="Sign in with Microsoft").wait_for()
    assert urlsplit(page.url).query == "next=/runs"
    assert looked_at(way.watch) == []
    assert [each for each in way.problems() if "403" not in each] == []


def test_the_page_is_the_same_without_scripts(way: Way, browser: Browser) -> None:
    way.authority.hire("ada@msp.example", "Ada", "Desk.Admin")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{way.watch.url}/sign-in?next=/record")
    page.get_by_role("link", name="Sign in with Microsoft").click()
    page.get_by_role("link", name="Ada").click()
    page.get_by_role("heading", name="Record").wait_for()
    context.close()
