from collections.abc import Iterator

import pytest

from deskhand.sdk.testing import SimulatorHost
from deskhand_identity_entra.connector import Entra
from tests.plugins.identity_entra.practice import Practice, connect, practice


@pytest.fixture
def msp() -> Practice:
    return practice()


@pytest.fixture
def simulator_host(msp: Practice) -> Iterator[SimulatorHost]:
    with SimulatorHost(msp.simulator) as host:
        yield host


@pytest.fixture
def connector(simulator_host: SimulatorHost) -> Iterator[Entra]:
    connector = connect(simulator_host.url)
    yield connector
    connector.close()
