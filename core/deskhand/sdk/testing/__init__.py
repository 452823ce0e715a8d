"""What a plugin's tests need: a host for its simulator, faults on demand, and the contract of each role."""

from deskhand.sdk.testing.contracts import (
    ActionCase,
    ActionContract,
    BindingError,
    ConnectorContract,
    Contract,
    TicketSystemContract,
    TicketWorld,
    World,
)
from deskhand.sdk.testing.faults import (
    DropAfterEffect,
    DropBefore,
    DuplicateCallback,
    ExpiredToken,
    Fault,
    Faults,
    HtmlErrorPage,
    Latency,
    ServerError,
    Throttle,
    TruncatedBody,
)
from deskhand.sdk.testing.host import Delivery, SimulatorHost
from deskhand.sdk.testing.simulator import (
    Deliver,
    RoutedSimulator,
    SimulatedRequest,
    SimulatedResponse,
    Simulator,
    route,
)

__all__ = [
    "ActionCase",
    "ActionContract",
    "BindingError",
    "ConnectorContract",
    "Contract",
    "Deliver",
    "Delivery",
    "DropAfterEffect",
    "DropBefore",
    "DuplicateCallback",
    "ExpiredToken",
    "Fault",
    "Faults",
    "HtmlErrorPage",
    "Latency",
    "RoutedSimulator",
    "ServerError",
    "SimulatedRequest",
    "SimulatedResponse",
    "Simulator",
    "SimulatorHost",
    "Throttle",
    "TicketSystemContract",
    "TicketWorld",
    "TruncatedBody",
    "World",
    "route",
]
