"""The example vendor keeps every contract: this is what a plugin's test file looks like."""

from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint

import pytest
from pydantic import SecretStr

from deskhand.sdk.testing import (
    ActionCase,
    ActionContract,
    SimulatorHost,
    TicketSystemContract,
    TicketWorld,
    offers,
)
from tests.core.sdk.example_connector import (
    ADD_NOTE,
    SET_PRIORITY,
    ExampleConnector,
    ExampleSettings,
    Prioritise,
    WriteNote,
)
from tests.core.sdk.example_vendor import CREDENTIAL, ExampleSimulator

WORLD = TicketWorld(
    secrets=(CREDENTIAL,),
    ticket="3",
    missing_ticket="999",
    board="b1",
    company="c1",
    contact="p1",
    contact_email="ada@client.example",
    member="m1",
)

ENTRY = EntryPoint("psa_example", "tests.core.sdk.example_connector", "deskhand")


def cases(connector: ExampleConnector, simulator: ExampleSimulator) -> list[ActionCase]:
    return [
        ActionCase(SET_PRIORITY, Prioritise(ticket="3", priority="high"), "c1", lambda: connector.ticket("3").priority),
        ActionCase(ADD_NOTE, WriteNote(ticket="3", text="Hello"), "c1", lambda: len(simulator.notes)),
    ]


class TestExample(TicketSystemContract, ActionContract):
    @pytest.fixture
    def simulator_host(self) -> Iterator[SimulatorHost]:
        with SimulatorHost(ExampleSimulator()) as host:
            yield host

    @pytest.fixture
    def connector(self, simulator_host: SimulatorHost) -> Iterator[ExampleConnector]:
        connector = ExampleConnector(simulator_host.url, CREDENTIAL)
        yield connector
        connector.close()

    @pytest.fixture
    def settings(self, simulator_host: SimulatorHost, monkeypatch: pytest.MonkeyPatch) -> ExampleSettings:
        monkeypatch.setattr(offers, "entry_points", lambda **_: [ENTRY])  # it is not installed
        return ExampleSettings(url=simulator_host.url, token=SecretStr(CREDENTIAL))

    @pytest.fixture
    def world(self) -> TicketWorld:
        return WORLD

    @pytest.fixture
    def action_cases(
        self, connector: ExampleConnector, simulator_host: SimulatorHost, monkeypatch: pytest.MonkeyPatch
    ) -> Sequence[ActionCase]:
        monkeypatch.setattr(offers, "entry_points", lambda **_: [ENTRY])  # it is not installed
        assert isinstance(simulator_host.simulator, ExampleSimulator)
        return cases(connector, simulator_host.simulator)
