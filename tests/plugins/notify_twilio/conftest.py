from collections.abc import Iterator

import pytest

from deskhand.sdk.testing import SimulatorHost
from deskhand_notify_twilio.connector import Twilio
from deskhand_notify_twilio.simulator import TwilioSimulator
from tests.plugins.notify_twilio.practice import HandClock, Naps, account, connect


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def simulator(clock: HandClock) -> TwilioSimulator:
    return account(clock)


@pytest.fixture
def simulator_host(simulator: TwilioSimulator) -> Iterator[SimulatorHost]:
    with SimulatorHost(simulator) as host:
        yield host


@pytest.fixture
def connector(simulator_host: SimulatorHost, clock: HandClock, naps: Naps) -> Iterator[Twilio]:
    connector = connect(simulator_host.url, clock=clock, naps=naps)
    yield connector
    connector.close()
