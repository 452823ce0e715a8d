from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.web.app import create_app
from tests.core.desk.msp import write_configuration
from tests.core.web.browser import Browser
from tests.core.web.documents import fill

Visit = Callable[..., Browser]
WORDS = "A customer's own words"
NOWHERE = "http://127.0.0.1:9"


def visitor(desk: Desk) -> Visit:
    """Visit a desk from an address, under a name: by default as a browser on this machine does."""

    def visit(address: str = "127.0.0.1", name: str = "127.0.0.1:8484") -> Browser:
        return Browser(create_app(desk), address, name)

    return visit


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk that has contacted nobody yet."""
    with Desk.open(load(write_configuration(tmp_path, NOWHERE))) as opened:
        yield opened


@pytest.fixture
def visit(desk: Desk) -> Visit:
    return visitor(desk)


@pytest.fixture
def browser(visit: Visit) -> Browser:
    return visit()


@pytest.fixture(scope="package")
def busy_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk that has handled ticket 1 and holds ticket 10. Only for tests that change nothing."""
    with Desk.open(load(write_configuration(tmp_path_factory.mktemp("desk"), NOWHERE))) as opened:
        fill(opened, WORDS)
        yield opened


@pytest.fixture
def visit_busy(busy_desk: Desk) -> Visit:
    return visitor(busy_desk)
