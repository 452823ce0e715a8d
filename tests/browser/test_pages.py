"""Every page at three widths, light and dark: nothing axe finds, nothing too wide, too heavy or from elsewhere."""

import pytest

from tests.browser.practice import Practice
from tests.browser.story import Places
from tests.browser.watching import HEAVIEST, SCHEMES, WIDTHS, Watch

NAMES = tuple(Places(*"abcdefgh").pages(1))


def looked_at(watch: Watch) -> list[str]:
    """Look at the page as it is, in every width and light."""
    found = []
    for scheme in SCHEMES:
        watch.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
        for width in WIDTHS:
            watch.page.set_viewport_size({"width": width, "height": 900})
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
