from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.web.app import create_app
from tests.core.desk.msp import quick_folder, write_configuration
from tests.core.web.browser import Browser
from tests.core.web.documents import fill

Visit = Callable[..., Browser]
WORDS = "A customer's own words"
NOWHERE = "http://127.0.0.1:9"


def visitor(desk: Desk) -> Visit:
    """Visit a desk from an address, under a name: by default as a browser on this machine does."""
    app = create_app(desk)

    def visit(address: str = "127.0.0.1", name: str = "127.0.0.1:8484") -> Browser:
        return Browser(app, address, name)

    return visit


@contextmanager
def quiet_desk() -> Iterator[Desk]:
    """Open a desk that contacts nobody."""
    with quick_folder() as folder, Desk.open(load(write_configuration(folder, NOWHERE))) as opened:
        yield opened


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A desk that has handled nothing yet."""
    with quiet_desk() as opened:
        yield opened


@pytest.fixture
def visit(desk: Desk) -> Visit:
    return visitor(desk)


@pytest.fixture
def browser(visit: Visit) -> Browser:
    return visit()


@pytest.fixture(scope="package")
def busy_desk() -> Iterator[Desk]:
    """A desk that has handled ticket 1 and holds ticket 10. Only for tests that change nothing."""
    with quiet_desk() as opened:
        fill(opened, WORDS)
        yield opened


@pytest.fixture(scope="package")
def visit_busy(busy_desk: Desk) -> Visit:
    return visitor(busy_desk)
