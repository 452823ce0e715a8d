import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deskhand.cli.main import cli
from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.sdk.testing import SimulatorHost
from tests.core.desk.msp import Msp, drain, quick_folder, write_configuration

Run = Callable[..., Result]


@dataclass(frozen=True)
class Shop:
    """A folder with a configuration and the state of a desk that has handled three tickets, and their numbers."""

    folder: Path
    triaged: str
    held: str
    left_alone: str
    marlow: str
    babbage: str

    @property
    def file(self) -> Path:
        return self.folder / "deskhand.toml"

    @property
    def records(self) -> Path:
        return self.folder / "state" / "records.db"

    @property
    def mirror(self) -> Path:
        return self.folder / "state" / "mirror.db"


@pytest.fixture(scope="package")
def handled() -> Iterator[Shop]:
    """Let a desk handle a few tickets. Its PSA is gone by now."""
    msp = Msp()
    msp.remember()
    triaged, held, left = msp.ticket("Mein Konto ist gesperrt: Grüße"), msp.stranger(), msp.ticket(company=msp.babbage)
    with quick_folder() as folder, SimulatorHost(msp.psa) as host:
        path = write_configuration(folder, host.url, {"clients": {"BABBAGE": {"handling": "off"}}})
        with Desk.open(load(path)) as desk:
            drain(desk)
        yield Shop(folder, triaged, held, left, str(msp.marlow), str(msp.babbage))


@pytest.fixture
def shop(handled: Shop, tmp_path: Path) -> Shop:
    """A copy that may be changed."""
    folder = tmp_path / "shop"
    shutil.copytree(handled.folder, folder)
    return Shop(folder, handled.triaged, handled.held, handled.left_alone, handled.marlow, handled.babbage)


@pytest.fixture
def run() -> Run:
    """Run a command as an operator types it."""

    def invoke(*arguments: object, answer: str | None = None) -> Result:
        return CliRunner().invoke(cli, [str(each) for each in arguments], input=answer)

    return invoke
