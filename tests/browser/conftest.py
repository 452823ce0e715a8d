"""A real Chromium before a real desk, both for this folder alone: while its driver lives, it owns the event loop."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.practice import PASSWORD, Practice, open_practice
from tests.browser.story import Places, play
from tests.browser.watching import Watch
from tests.repository import MEMORY

CHROMIUM = Path("/usr/bin/chromium")
MISSING = f"{CHROMIUM} is missing, so no page was looked at: install Debian's package `chromium`"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SignIn = Callable[..., Watch]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start Chromium; skip where there is none."""
    if not CHROMIUM.exists():
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def practice() -> Iterator[Practice]:
    """A small MSP at work."""
    with TemporaryDirectory(dir=MEMORY) as folder, open_practice(Path(folder)) as opened:
        yield opened


@pytest.fixture(scope="package")
def places(practice: Practice) -> Places:
    """What has happened there already."""
    return play(practice)


@pytest.fixture(scope="package")
def everywhere(browser: Browser, practice: Practice) -> Iterator[Watch]:
    """A watched browser in which somebody is signed in who may see everything."""
    context = browser.new_context()
    watch = Watch(context.new_page(), practice.url)
    _sign_in(watch.page, practice.url, "siobhan")
    yield watch
    context.close()


@pytest.fixture
def sign_in(browser: Browser, practice: Practice) -> Iterator[SignIn]:
    """Return a function that has somebody sign in, in a browser of their own, which then is watched."""
    watches: list[Watch] = []

    def signed_in(name: str, *, width: int = 380, scheme: str = "light", has_scripts: bool = True) -> Watch:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=has_scripts,
        )
        watch = Watch(context.new_page(), practice.url)
        watches.append(watch)
        _sign_in(watch.page, practice.url, name)
        return watch

    yield signed_in
    for watch in watches:
        watch.page.context.close()
    assert [problem for watch in watches for problem in watch.problems] == []


def _sign_in(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/sign-in")
    page.locator("input[name=name]:focus").wait_for()  # what is typed before the field has the focus is lost
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")
