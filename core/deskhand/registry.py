"""The only module that knows pluggy: which plugins this installation admits, and why it refuses the others."""

import hashlib
import hmac
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from traceback import format_exception_only
from types import MappingProxyType
from typing import Any, Self, get_args

import pluggy
from pydantic import SecretStr

from deskhand.sdk import hooks
from deskhand.sdk.actions import Action, AnyAction, connector_of
from deskhand.sdk.egress import HOST_PATTERN
from deskhand.sdk.hooks import Capabilities, ConnectorOffer, SimulatorOffer
from deskhand.sdk.settings import ConnectorSettings
from deskhand.sdk.webhooks import CallbackReceiver

log = logging.getLogger(__name__)

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
LONGEST_REASON = 300
_PIPS_OWN = re.compile(r"(^|/)__pycache__/|\.pyc$|\.pth$|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$")


class UnknownActionError(LookupError):
    """No admitted plugin offers an action of this name."""


class UnknownPluginError(LookupError):
    """No plugin of this name is installed, or several are."""


class RefusedPluginError(Exception):
    """A plugin breaks a rule of the house; the message is the reason, fit for a person."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """An admitted plugin and what it offers; ``distribution`` and ``version`` are what pip knows it by.

    ``package`` is the Python package its modules are in.
    """

    name: str
    package: str
    distribution: str
    version: str
    capabilities: Capabilities
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
    def discover(cls, enabled: Collection[str] | None = None, pinned: Mapping[str, str] = MappingProxyType({})) -> Self:
        """Admit the installed plugins, or of them only the enabled ones; what is not enabled is not even imported.

        Where any plugin is ``pinned`` to a digest, one whose files have another, or that is not pinned, is not imported
        either.

        A refusal never stops the host nor another plugin: it is a reason in ``refused``, also for an enabled name
        that is not installed, and for a name that two distributions claim (both are refused).
        """
        registry = cls()
        claims: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(group=hooks.GROUP):
            claims.setdefault(entry.name, []).append(entry)
        for name, entries in sorted(claims.items()):
            registry._consider(name, entries, is_enabled=enabled is None or name in enabled, pinned=pinned)
        for name in sorted(set(enabled or ()) - claims.keys()):
            registry.refused[name] = f"not installed: install the distribution that provides {name}"
        return registry

    def action(self, name: str) -> AnyAction:
        """Find an action by its full name, ``<plugin>.<verb>_<object>``. Raises UnknownActionError."""
        plugin_name = connector_of(name)
        plugin = self.plugins.get(plugin_name)
        if plugin is None:
            reason = self.refused.get(plugin_name, "it is not installed")
            raise UnknownActionError(f"no action {name}: the plugin {plugin_name} is not available ({reason})")
        for action in plugin.actions:
            if action.name == name:
                return action
        raise UnknownActionError(f"no action {name}: {plugin_name} {plugin.version} does not offer it")

    def actions_of(self, plugins: Iterable[str]) -> tuple[AnyAction, ...]:
        """List the actions of these plugins, plugin by plugin."""
        return tuple(action for name in plugins for action in self.plugins[name].actions)

    def _consider(self, name: str, entries: list[EntryPoint], *, is_enabled: bool, pinned: Mapping[str, str]) -> None:
        if not is_enabled:
            self.refused[name] = "not enabled"
        elif not NAME.fullmatch(name):
            self.refused[name] = "not a plugin's name: it must be <kind>_<vendor>, in lower case"
        elif len(entries) > 1:
            claimants = ", ".join(sorted(_distribution(entry)[0] for entry in entries))
            self.refused[name] = f"claimed more than once, by {claimants}: uninstall all but one"
        elif pinned and (doubt := _doubt(entries[0], pinned.get(name))):
            self.refused[name] = doubt
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
    connector = _checked_connector(manager.hook.offer_connector())
    actions = _checked_actions(entry.name, manager.hook.offer_actions())
    plugin = Plugin(
        name=entry.name,
        package=entry.module.partition(".")[0],
        distribution=distribution,
        version=version,
        capabilities=_checked_capabilities(manager.hook.offer_capabilities(), connector, actions),
        connector=connector,
        actions=actions,
        callbacks=_checked_callbacks(manager.hook.offer_callbacks()),
        simulator=_checked_simulator(manager.hook.offer_simulator()),
    )
    if not (plugin.connector or plugin.actions or plugin.callbacks or plugin.simulator):
        raise RefusedPluginError("it offers nothing: its module implements no hook of deskhand.sdk.hooks")
    return plugin


def digest_of(name: str) -> str:
    """Return the digest of an installed plugin's files, ``sha256:…``, as `pinned` takes it. Importing nothing.

    Raises UnknownPluginError where it is not installed, or claimed more than once.
    """
    entries = [each for each in entry_points(group=hooks.GROUP) if each.name == name]
    if len(entries) != 1:
        raise UnknownPluginError(f"{name} is provided by {len(entries)} installed distributions, not by one")
    return _digest(entries[0])


def _doubt(entry: EntryPoint, pin: str | None) -> str:
    if pin is None:
        return "not pinned: compare it with what you reviewed, then add what `deskhand plugin pin` prints"
    if not hmac.compare_digest(pin, _digest(entry)):
        return "its files are not the pinned ones: if the update is meant, pin it again with `deskhand plugin pin`"
    return ""


def _digest(entry: EntryPoint) -> str:
    """Hash every file of a plugin with its path, in order; what Python compiles and what pip notes do not count."""
    digest = hashlib.sha256()
    for path, file in sorted(_files(entry).items()):
        digest.update(f"{path}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def _files(entry: EntryPoint) -> dict[str, Path]:
    """Return the files its RECORD lists, and those of its package where that is installed as an editable one."""
    package = entry.module.partition(".")[0]
    listed = (entry.dist.files if entry.dist else None) or ()
    files = {str(each): Path(str(each.locate())) for each in listed if not _PIPS_OWN.search(str(each))}
    files = {name: path for name, path in files.items() if path.is_file()}
    if not any(name.startswith((f"{package}/", f"{package}.py")) for name in files):
        files |= _files_of_package(package)
    return files


def _files_of_package(package: str) -> dict[str, Path]:
    found = find_spec(package)
    folders = [Path(each) for each in (found.submodule_search_locations or ())] if found else []
    if found and found.origin and not folders:
        return {Path(found.origin).name: Path(found.origin)}
    files = ((folder, path) for folder in folders for path in folder.rglob("*") if path.is_file())
    named = {str(path.relative_to(folder.parent)): path for folder, path in files}
    return {name: path for name, path in named.items() if not _PIPS_OWN.search(name)}


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


def _checked_capabilities(
    offer: object, connector: ConnectorOffer | None, actions: tuple[AnyAction, ...]
) -> Capabilities:
    """Compare the manifest with what is offered: neither may say more than the other."""
    if offer is None and connector is None and not actions:
        return Capabilities()
    if not isinstance(offer, Capabilities):
        raise RefusedPluginError("offer_capabilities must declare Capabilities(actions, hosts, host_settings, secrets)")
    fields = connector.settings.model_fields if connector else {}
    secret = {name for name, each in fields.items() if SecretStr in {each.annotation, *get_args(each.annotation)}}
    _compare("actions", set(offer.actions), {each.name for each in actions})
    _compare("secrets", set(offer.secrets), secret)
    unknown = sorted(set(offer.host_settings) - set(fields))
    wrong = [host for host in offer.hosts if not HOST_PATTERN.fullmatch(host)]
    if unknown or wrong:
        raise RefusedPluginError(f"capabilities name no host or setting: {', '.join([*unknown, *wrong])}")
    limit = offer.limit
    if limit is not None and not (limit.calls > 0 < limit.seconds and limit.documentation.startswith("https://")):
        raise RefusedPluginError("a limit of calls is CallLimit(calls, seconds, the vendor's https:// page about it)")
    return offer


def _compare(what: str, declared: set[str], offered: set[str]) -> None:
    for names, problem in (
        (offered - declared, "are not declared"),
        (declared - offered, "are declared and not there"),
    ):
        if names:
            raise RefusedPluginError(f"{what} that {problem} in offer_capabilities: {', '.join(sorted(names))}")


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
