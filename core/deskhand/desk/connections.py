"""The vendors a desk speaks to: each connector opened from its section, and closed with the desk."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

from deskhand.configuration.loading import connector_settings
from deskhand.configuration.problems import InvalidConfigurationError, Problem
from deskhand.configuration.schema import Configuration
from deskhand.desk.callbacks import PermittedReceiver
from deskhand.governance.traffic.budget import Budget
from deskhand.governance.traffic.control import Controls
from deskhand.registry import Registry
from deskhand.sdk.actions import AnyAction
from deskhand.sdk.egress import limited
from deskhand.sdk.roles import Connector, Directory, TicketSystem
from deskhand.sdk.settings import ConnectorSettings
from deskhand.sdk.webhooks import CallbackReceiver


@dataclass(frozen=True, slots=True)
class Connections:
    """Open connectors by plugin name, the roles they play, and the receivers of their callbacks."""

    registry: Registry
    connectors: Mapping[str, Connector]
    receivers: Mapping[str, CallbackReceiver]
    settings: Mapping[str, ConnectorSettings]
    """What each connector was opened with, stored secrets sealed: for the scanner that looks for them."""
    ticket_system: TicketSystem
    longest_answer: timedelta
    """How long any of the connectors waits for one answer."""
    _closing: ExitStack

    @classmethod
    def open(cls, configuration: Configuration, controls: Controls | None = None) -> Self:
        """Open every configured connector; nobody is contacted. Raises InvalidConfigurationError.

        Where there are ``controls``, each connector's requests ask there before they are sent.
        """
        registry = Registry.discover(configuration.enabled_plugins, configuration.plugins.pinned)
        connectors: dict[str, Connector] = {}
        opened: dict[str, ConnectorSettings] = {}
        receivers: dict[str, CallbackReceiver] = {}
        longest_answer = timedelta()
        with ExitStack() as closing:
            for name in configuration.connectors:
                settings = opened[name] = connector_settings(configuration, registry, name)
                plugin = registry.plugins[name]
                closing.enter_context(limited(plugin.package, plugin.capabilities.hosts_for(settings)))
                if controls is not None:
                    budget = Budget.of(settings, plugin.capabilities.limit)
                    closing.enter_context(controls.over(name, plugin.package, budget))
                longest_answer = max(longest_answer, timedelta(seconds=settings.timeout_seconds))
                if plugin.connector is not None:
                    connectors[name] = plugin.connector.connect(settings)
                    closing.callback(connectors[name].close)
                if plugin.callbacks is not None:
                    receivers[name] = PermittedReceiver(plugin.callbacks(settings), plugin.package)
            system = _ticket_system(configuration, connectors)
            return cls(registry, connectors, receivers, opened, system, longest_answer, closing.pop_all())

    @property
    def directories(self) -> tuple[Directory, ...]:
        """The connectors that know who works at a client."""
        return tuple(each for each in self.connectors.values() if isinstance(each, Directory))

    @property
    def actions(self) -> tuple[AnyAction, ...]:
        """The actions of the plugins whose connectors are open, plugin by plugin."""
        return self.registry.actions_of(self.connectors)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connector."""
        self._closing.close()


def _ticket_system(configuration: Configuration, connectors: Mapping[str, Connector]) -> TicketSystem:
    name = configuration.desk.ticket_system
    system = connectors.get(name)
    if isinstance(system, TicketSystem):
        return system
    able = [each for each, connector in connectors.items() if isinstance(connector, TicketSystem)]
    fix = f"name one of {', '.join(able)}" if able else f"add a section [connectors.{name}]"
    problem = Problem(configuration.file, "desk.ticket_system", "a configured connector that holds tickets", fix)
    raise InvalidConfigurationError([problem])
