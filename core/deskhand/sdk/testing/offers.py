"""What the installed plugin of a name offers, and its settings as the host hands them over: with sealed secrets."""

from collections.abc import Iterable
from importlib.metadata import entry_points
from types import ModuleType
from typing import TypeVar

from pydantic import SecretStr

from deskhand.sdk.actions import Action, AnyAction
from deskhand.sdk.hooks import GROUP, ConnectorOffer
from deskhand.sdk.secrets import SealedSecret
from deskhand.sdk.settings import ConnectorSettings

S = TypeVar("S", bound=ConnectorSettings)


def offered_actions(plugin: str) -> list[AnyAction]:
    """Return the actions of a plugin; none where it is not installed."""
    return [action for each in _modules(plugin) for action in _actions_of(each)]


def offered_connector(plugin: str) -> tuple[ConnectorOffer, str]:
    """Return a plugin's connector, and the package its modules are in."""
    for each in _modules(plugin):
        offer = each.offer_connector()
        assert isinstance(offer, ConnectorOffer)
        return offer, each.__name__.partition(".")[0]
    raise AssertionError(f"{plugin} is not installed")


def sealed(settings: S, package: str, opened: list[str]) -> S:
    """Seal every secret of settings, as the host does with stored ones; ``opened`` gets the name of each opening."""
    secrets: dict[str, SealedSecret] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            secrets[name] = SealedSecret(name, package, value.get_secret_value)
            secrets[name].tell(lambda _value, name=name: opened.append(name))  # type: ignore[misc]  # bound here
    return settings.model_copy(update=secrets)


def _actions_of(module: ModuleType) -> list[AnyAction]:
    offered: object = getattr(module, "offer_actions", list)()
    return [each for each in offered if isinstance(each, Action)] if isinstance(offered, Iterable) else []


def _modules(plugin: str) -> list[ModuleType]:
    return [each.load() for each in entry_points(group=GROUP, name=plugin)]
