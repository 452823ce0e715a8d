"""The plugin API: every hook a plugin may implement, on one screen.

A plugin is a module named by an entry point in the group ``deskhand``; the entry point's name is the plugin's
name, ``<kind>_<vendor>``. A plugin implements the hooks it needs, as functions marked ``@hookimpl``. Each returns one
typed object and does no work: nothing is contacted at import.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pluggy

from deskhand.sdk.actions import AnyAction
from deskhand.sdk.roles import Connector
from deskhand.sdk.settings import ConnectorSettings
from deskhand.sdk.webhooks import CallbackReceiver

GROUP = "deskhand"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@dataclass(frozen=True, slots=True)
class ConnectorOffer:
    """A connector a plugin can open: its settings and the function that turns them into a connection."""

    settings: type[ConnectorSettings]
    connect: Callable[[Any], Connector]


@dataclass(frozen=True, slots=True)
class CallLimit:
    """How many calls the vendor answers in so many seconds, from all of a customer's integrations together.

    ``documentation`` is the vendor's page that says so.
    """

    calls: int
    seconds: int
    documentation: str

    @property
    def per_hour(self) -> int:
        """What it comes to in an hour."""
        return self.calls * 3600 // self.seconds


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A plugin's manifest: everything it can do, reach and be told, for whoever decides whether to let it in.

    ``actions`` are full names, ``hosts`` names or ``*.`` and a domain, ``host_settings`` the settings by which an
    administrator names further hosts, ``secrets`` the settings that are secret. What is not declared is refused.
    ``limit`` is what the vendor says it answers; where it says nothing, calls are counted and bounded by the settings.
    """

    actions: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    host_settings: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    limit: CallLimit | None = None

    def hosts_for(self, settings: ConnectorSettings) -> tuple[str, ...]:
        """Return every host that may be reached with these settings."""
        named = (str(getattr(settings, name) or "") for name in self.host_settings)
        written = (urlsplit(each if "://" in each else f"https://{each}").hostname for each in named if each)
        return (*self.hosts, *(host for host in written if host))


@dataclass(frozen=True, slots=True)
class SimulatorOffer:
    """The vendor in miniature: ``create`` makes an empty one, ``settings`` configures a connector for its address."""

    create: Callable[[], Any]
    settings: Callable[[str], dict[str, Any]]


@hookspec(firstresult=True)
def offer_connector() -> ConnectorOffer:  # type: ignore[empty-body]  # pluggy specs have no body
    """Offer the plugin's connector."""


@hookspec(firstresult=True)
def offer_capabilities() -> Capabilities:  # type: ignore[empty-body]  # pluggy specs have no body
    """Declare what the plugin can do, which hosts it reaches and which secrets it asks for."""


@hookspec(firstresult=True)
def offer_actions() -> Sequence[AnyAction]:  # type: ignore[empty-body]  # pluggy specs have no body
    """Offer the changes this connector can make, each named ``<plugin>.<verb>_<object>``."""


@hookspec(firstresult=True)
def offer_callbacks() -> Callable[[Any], CallbackReceiver]:  # type: ignore[empty-body]  # pluggy specs have no body
    """Offer a function from settings to a receiver that verifies and parses the vendor's callbacks."""


@hookspec(firstresult=True)
def offer_simulator() -> SimulatorOffer:  # type: ignore[empty-body]  # pluggy specs have no body
    """Offer the vendor's simulator, for tests and the rehearsal."""
