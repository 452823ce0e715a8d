"""Reading a page as a browser does: which elements and attributes there are, and which text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

Attributes = tuple[tuple[str, str], ...]


@dataclass
class Page:
    """Elements in order with their attributes, and the text between them."""

    elements: list[tuple[str, Attributes]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)

    @property
    def skeleton(self) -> list[tuple[str, tuple[str, ...]]]:
        """The page without anything a ticket could say: elements and the names of their attributes."""
        return [(tag, tuple(name for name, _ in attributes)) for tag, attributes in self.elements]

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def values(self, tag: str, name: str) -> list[str]:
        return [value for each, attributes in self.elements if each == tag for key, value in attributes if key == name]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.elements.append((tag, tuple((name, value or "") for name, value in attrs)))

    def handle_data(self, data: str) -> None:
        self.page.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.page.oddities.append(data)

    def unknown_decl(self, data: str) -> None:
        self.page.oddities.append(data)

    def handle_pi(self, data: str) -> None:
        self.page.oddities.append(data)


def read(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page
