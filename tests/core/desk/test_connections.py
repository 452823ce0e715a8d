"""Connectors are opened from their sections, contact nobody, play their roles, and are closed whatever happens."""

from datetime import timedelta

import pytest

from deskhand.configuration.problems import InvalidConfigurationError
from deskhand.desk.connections import Connections
from deskhand.desk.desk import Desk
from deskhand.sdk.roles import TicketSystem
from deskhand.sdk.testing import SimulatorHost
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import PSA


def test_opening_contacts_nobody_and_finds_the_ticket_system(configured: Configure, host: SimulatorHost) -> None:
    with Connections.open(configured()) as connections:
        assert set(connections.connectors) == {PSA}
        assert connections.ticket_system is connections.connectors[PSA]
        assert isinstance(connections.ticket_system, TicketSystem)
        assert set(connections.receivers) == {PSA}
        assert host.requests == 0
        assert connections.ticket_system.check()
    assert host.requests > 0


def test_the_longest_answer_is_that_of_the_most_patient_connector(configured: Configure) -> None:
    section = {**configured().connectors[PSA], "timeout_seconds": 45}
    with Connections.open(configured(connectors={PSA: section})) as connections:
        assert connections.longest_answer == timedelta(seconds=45)


def test_a_closed_connector_answers_no_more(configured: Configure) -> None:
    connections = Connections.open(configured())
    system = connections.ticket_system
    connections.close()
    with pytest.raises(RuntimeError, match="closed"):
        system.check()


def test_a_mistake_in_a_section_names_its_key(configured: Configure) -> None:
    section = {**configured().connectors[PSA], "timeout_seconds": -1}
    with pytest.raises(InvalidConfigurationError) as raised:
        Connections.open(configured(connectors={PSA: section}))
    assert [problem.key for problem in raised.value.problems] == [f"connectors.{PSA}.timeout_seconds"]


def test_a_section_without_its_plugin_is_told_what_to_install(configured: Configure) -> None:
    with pytest.raises(InvalidConfigurationError, match="install the plugin deskhand-psa-nobody"):
        Connections.open(configured(connectors={**configured().connectors, "psa_nobody": {}}))


@pytest.mark.parametrize("name", ["psa_other", "", "psa_conectwise"])
def test_the_ticket_system_has_to_be_a_configured_connector(configured: Configure, name: str) -> None:
    configuration = configured(desk={"ticket_system": name})
    for open_it in (Connections.open, Desk.open):
        with pytest.raises(InvalidConfigurationError) as raised:
            open_it(configuration)
        (problem,) = raised.value.problems
        assert problem.key == "desk.ticket_system"
        assert problem.fix == "name one of psa_connectwise"
