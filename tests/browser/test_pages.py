"""Every page at three widths, light and dark: nothing axe finds, nothing too wide, too heavy or from elsewhere."""

import pytest
from playwright.sync_api import Browser

from deskhand.configuration.schema import WebSettings
from deskhand.daemon import serving
from deskhand.web.app import create_app
from tests.browser.practice import Practice
from tests.browser.story import Places
from tests.browser.under_way import UnderWay
from tests.browser.watching import HEAVIEST, SCHEMES, WIDTHS, Watch
from tests.core.web.conftest import quiet_desk

TALL = 6_000
"""A window in which no bar that stays in view lies over anything else."""
NAMES = tuple(Places("a", "b", "c", "d", "e", "f", "g", "h", UnderWay(*"abcdefghi")).pages(1))


def looked_at(watch: Watch) -> list[str]:
    """Look at the page as it is, in every width and light."""
    found = []
    for scheme in SCHEMES:
        watch.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
        for width in WIDTHS:
            watch.page.set_viewport_size({"width": width, "height": TALL})
            found += [f"{width} {scheme}: {each}" for each in watch.accessibility()]
            if watch.overflow():
                found.append(f"{width} {scheme}: {watch.overflow()} px too wide")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_fit_for_everybody(everywhere: Watch, practice: Practice, places: Places, name: str) -> None:
    watch = everywhere
    watch.problems.clear()
    watch.go(places.pages(practice.company)[name])
    assert watch.page.locator("h1").count() == 1
    assert looked_at(watch) == []
    assert watch.problems == []
    assert watch.weight <= HEAVIEST, watch.weights


@pytest.mark.parametrize("path", ["/sign-in", "/setup"])
def test_a_page_for_strangers_is_fit_for_everybody_and_needs_no_script(browser: Browser, path: str) -> None:
    with quiet_desk(is_set_up=path == "/sign-in") as desk, serving(create_app(desk), WebSettings(port=0)) as url:
        context = browser.new_context()
        watch = Watch(context.new_page(), url)
        watch.go(path)
        found, scripts = looked_at(watch), watch.page.locator("script").count()
        context.close()
    assert found == []
    assert watch.problems == []
    assert scripts == 0
