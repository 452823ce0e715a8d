"""The contract of each role: tests that a connector inherits and cannot override.

A plugin's test file supplies fixtures and nothing else::

    class TestContract(TicketSystemContract, ActionContract):
        @pytest.fixture
        def simulator_host(self) -> Iterator[SimulatorHost]: ...     # running, its simulator seeded afresh
        @pytest.fixture
        def connector(self, simulator_host) -> Iterator[TicketSystem]: ...   # open, with a budget of ≥ 10,000 a minute
        @pytest.fixture
        def settings(self, simulator_host) -> ConnectorSettings: ...         # what it is opened with, secrets plain
        @pytest.fixture
        def world(self) -> TicketWorld: ...                          # what was seeded, by identifier
        @pytest.fixture
        def action_cases(self, connector, simulator_host) -> Sequence[ActionCase]: ...   # at least one for each action

``ConnectorContract`` needs ``simulator_host``, ``connector``, its ``settings`` and a ``world`` (a plain ``World`` will
do); ``TicketSystemContract`` a ``TicketWorld``; ``DirectoryContract`` a ``DirectoryWorld``; ``ActionContract`` besides
``action_cases``. Own tests go beside, under names of their own.
"""

from deskhand.sdk.testing.action_contract import ActionCase, ActionContract
from deskhand.sdk.testing.binding import BindingError, Contract
from deskhand.sdk.testing.connector_contract import ConnectorContract, World
from deskhand.sdk.testing.directory_contract import DirectoryContract, DirectoryWorld
from deskhand.sdk.testing.ticket_fault_contract import TicketFaultContract
from deskhand.sdk.testing.ticket_reading_contract import TicketReadingContract
from deskhand.sdk.testing.ticket_world import TicketWorld
from deskhand.sdk.testing.ticket_writing_contract import TicketWritingContract

__all__ = [
    "ActionCase",
    "ActionContract",
    "BindingError",
    "ConnectorContract",
    "Contract",
    "DirectoryContract",
    "DirectoryWorld",
    "TicketSystemContract",
    "TicketWorld",
    "World",
]


class TicketSystemContract(TicketReadingContract, TicketWritingContract, TicketFaultContract):
    """What holds for every PSA."""
