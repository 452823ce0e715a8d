"""A page under watch: what it complains of, whom it asks, what it weighs, and what axe finds."""

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from playwright.sync_api import ConsoleMessage, Page, Request, Response

WIDTHS = (300, 380, 1000)
SCHEMES = ("light", "dark")
HEAVIEST = 120_000
PATIENCE = 15_000
MOST_TABS = 150
_RUN = """async () => (await axe.run(document, {
    resultTypes: ["violations"],
    preload: false,
    iframes: false,
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
})).violations.map(each => `${each.id}: ${each.nodes.map(node => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`)"""


@dataclass
class Watch:
    """Notes every error on the console, every request elsewhere, and how much came."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)
    weights: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._came)

    def go(self, path: str) -> None:
        """Go to a page and begin to weigh anew."""
        self.weights.clear()
        self.page.goto(f"{self.url}{path}")

    def tab_to(self, name: str) -> None:
        """Press Tab until what has the keyboard goes by this name."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(_NAME) == name:
                return
        raise AssertionError(f"no key leads to “{name}” on {self.page.url}")

    def press(self, name: str) -> None:
        """Press a button or follow a link, with keys alone."""
        self.tab_to(name)
        self.page.keyboard.press("Enter")

    def sees(self, text: str) -> None:
        """Wait until words are shown."""
        self.page.get_by_text(text).first.wait_for()

    def accessibility(self) -> list[str]:
        """Return what axe finds on the page as it is."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(_axe())
        found: list[str] = self.page.evaluate(_RUN)
        return found

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        wide: int = self.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        return max(wide, 0)

    @property
    def weight(self) -> int:
        """Bytes of everything the page took, uncompressed."""
        return sum(self.weights.values())

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.problems.append(f"elsewhere: {request.url}")

    def _came(self, response: Response) -> None:
        if response.ok and response.url.startswith(self.url) and "/events/" not in response.url:
            self.weights[response.url] = len(response.body())


_NAME = r"""() => {
    const at = document.activeElement;
    if (!at) return "";
    const label = at.labels && at.labels[0] && at.labels[0].textContent;
    return (at.getAttribute("aria-label") || label || at.textContent || "").trim().replace(/\s+/g, " ");
}"""


@cache
def _axe() -> str:
    """Return axe-core's source; what evaluates it does not stand under the page's own policy."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
