"""The only module that knows pluggy: which plugins this installation admits, and why it refuses the others."""

import logging
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from traceback import format_exception_only
from typing import Any, Self

import pluggy

from deskhand.sdk import hooks
from deskhand.sdk.actions import Action, AnyAction
from deskhand.sdk.hooks import ConnectorOffer, SimulatorOffer
from deskhand.sdk.settings import ConnectorSettings
from deskhand.sdk.webhooks import CallbackReceiver

log = logging.getLogger(__name__)

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
LONGEST_REASON = 300


class UnknownActionError(LookupError):
    """No admitted plugin offers an action of this name."""


class RefusedPluginError(Exception):
    """A plugin breaks a rule of the house; the message is the reason, fit for a person."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """An admitted plugin and what it offers; ``distribution`` and ``version`` are what pip knows it by."""

    name: str
    distribution: str
    version: str
    connector: ConnectorOffer | None
    actions: tuple[AnyAction, ...]
    callbacks: Callable[[Any], CallbackReceiver] | None
    simulator: SimulatorOffer | None


@dataclass(slots=True)
class Registry:
    """The plugins this installation admitted, and the reason for each refusal, both by plugin name."""

    plugins: dict[str, Plugin] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @classmethod
    def discover(cls, enabled: Collection[str] | None = None) -> Self:
        """Admit the installed plugins, or of them only the enabled ones; what is not enabled is not even imported.

        A refusal never stops the host nor another plugin: it is a reason in ``refused``, also for an enabled name
        that is not installed, and for a name that two distributions claim (both are refused).
        """
        registry = cls()
        claims: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(group=hooks.GROUP):
            claims.setdefault(entry.name, []).append(entry)
        for name, entries in sorted(claims.items()):
            registry._consider(name, entries, is_enabled=enabled is None or name in enabled)
        for name in sorted(set(enabled or ()) - claims.keys()):
            registry.refused[name] = f"not installed: install the distribution that provides {name}"
        return registry

    def action(self, name: str) -> AnyAction:
        """Find an action by its full name, ``<plugin>.<verb>_<object>``. Raises UnknownActionError."""
        plugin_name = name.partition(".")[0]
        plugin = self.plugins.get(plugin_name)
        if plugin is None:
            reason = self.refused.get(plugin_name, "it is not installed")
            raise UnknownActionError(f"no action {name}: the plugin {plugin_name} is not available ({reason})")
        for action in plugin.actions:
            if action.name == name:
                return action
        raise UnknownActionError(f"no action {name}: {plugin_name} {plugin.version} does not offer it")

    def _consider(self, name: str, entries: list[EntryPoint], *, is_enabled: bool) -> None:
        if not is_enabled:
            self.refused[name] = "not enabled"
        elif not NAME.fullmatch(name):
            self.refused[name] = "not a plugin's name: it must be <kind>_<vendor>, in lower case"
        elif len(entries) > 1:
            claimants = ", ".join(sorted(_distribution(entry)[0] for entry in entries))
            self.refused[name] = f"claimed more than once, by {claimants}: uninstall all but one"
        else:
            self._admit(entries[0])

    def _admit(self, entry: EntryPoint) -> None:
        try:
            self.plugins[entry.name] = _load(entry)
        except RefusedPluginError as refusal:
            self.refused[entry.name] = str(refusal)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # it may exit, or panic in Rust: the host outlives it
            log.debug("plugin %s refused", entry.name, exc_info=True)
            self.refused[entry.name] = " ".join(format_exception_only(error)[-1].split())[:LONGEST_REASON]


def _load(entry: EntryPoint) -> Plugin:
    manager = pluggy.PluginManager(hooks.GROUP)
    manager.add_hookspecs(hooks)
    manager.register(entry.load(), name=entry.name)
    manager.check_pending()
    distribution, version = _distribution(entry)
    plugin = Plugin(
        name=entry.name,
        distribution=distribution,
        version=version,
        connector=_checked_connector(manager.hook.offer_connector()),
        actions=_checked_actions(entry.name, manager.hook.offer_actions()),
        callbacks=_checked_callbacks(manager.hook.offer_callbacks()),
        simulator=_checked_simulator(manager.hook.offer_simulator()),
    )
    if not (plugin.connector or plugin.actions or plugin.callbacks or plugin.simulator):
        raise RefusedPluginError("it offers nothing: its module implements no hook of deskhand.sdk.hooks")
    return plugin


def _distribution(entry: EntryPoint) -> tuple[str, str]:
    return (str(entry.dist.name), str(entry.dist.version)) if entry.dist else (entry.module, "unknown")


def _checked_connector(offer: object) -> ConnectorOffer | None:
    if offer is None:
        return None
    if not isinstance(offer, ConnectorOffer) or not _is_settings(offer.settings) or not callable(offer.connect):
        raise RefusedPluginError("offer_connector must return ConnectorOffer(a ConnectorSettings class, a function)")
    bare = [name for name, each in offer.settings.model_fields.items() if not (each.description or "").strip()]
    if bare:
        raise RefusedPluginError(f"settings without a description: {', '.join(bare)}")
    return offer


def _is_settings(candidate: object) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, ConnectorSettings)


def _checked_actions(plugin: str, offered: Iterable[object] | None) -> tuple[AnyAction, ...]:
    actions: list[AnyAction] = []
    for each in offered or ():
        if not isinstance(each, Action):
            raise RefusedPluginError(f"offer_actions must return actions, not {type(each).__name__}")
        if not re.fullmatch(rf"{plugin}\.[a-z0-9]+(_[a-z0-9]+)*", each.name):
            raise RefusedPluginError(f"the action {each.name!r} must be named {plugin}.<verb>_<object>")
        if each.name in {known.name for known in actions}:
            raise RefusedPluginError(f"the action {each.name} is offered twice")
        actions.append(each)
    return tuple(actions)


def _checked_callbacks(offer: Callable[[Any], CallbackReceiver] | None) -> Callable[[Any], CallbackReceiver] | None:
    if offer is not None and not callable(offer):
        raise RefusedPluginError("offer_callbacks must return a function from settings to a receiver")
    return offer


def _checked_simulator(offer: object) -> SimulatorOffer | None:
    if offer is None:
        return None
    if not isinstance(offer, SimulatorOffer) or not callable(offer.create) or not callable(offer.settings):
        raise RefusedPluginError("offer_simulator must return SimulatorOffer(create, settings)")
    return offer
