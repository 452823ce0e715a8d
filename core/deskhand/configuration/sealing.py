"""The stored secrets a connector's section names: opened once to check the section, and then anew for each call."""

from collections.abc import Callable, Iterable
from functools import partial

from pydantic import SecretStr

from deskhand.configuration.problems import InvalidConfigurationError, Problem, written
from deskhand.configuration.schema import Configuration
from deskhand.configuration.secret_references import stored_name
from deskhand.governance.secrets.failures import SecretStoreError
from deskhand.governance.secrets.keys import key_material
from deskhand.governance.secrets.store import SecretStore
from deskhand.registry import Plugin
from deskhand.sdk.errors import AuthorizationError
from deskhand.sdk.secrets import SealedSecret


def open_secrets(configuration: Configuration, *, key: str = "") -> SecretStore:
    """Open the secret store with the configured key, or the one that ``key`` specifies. Raises SecretStoreError."""
    return SecretStore.at(configuration.state, key_material(configuration.secrets, configuration.file.parent, key=key))


def stored_secrets(configuration: Configuration, plugin: Plugin) -> tuple[dict[str, SealedSecret], dict[str, str]]:
    """Return what a connector's section names in the store, by key: sealed, and this once opened, to be checked.

    Raises InvalidConfigurationError where one is missing, cannot be opened, or stands where no secret belongs.
    """
    section = configuration.connectors[plugin.name]
    named = {key: stored for key, value in section.items() if (stored := stored_name(value)) is not None}
    _refuse_misplaced(configuration, plugin, named)
    if not named:
        return {}, {}
    sealed: dict[str, SealedSecret] = {}
    values: dict[str, str] = {}
    where = written(("connectors", plugin.name, next(iter(named))))
    try:
        store = open_secrets(configuration)
        for key, stored in named.items():
            where = written(("connectors", plugin.name, key))
            reading = partial(store.read, stored, connector=plugin.name)
            values[key] = reading().get_secret_value()
            sealed[key] = SealedSecret(where, plugin.package, partial(_opened, reading))
    except SecretStoreError as error:
        raise InvalidConfigurationError([Problem(configuration.file, where, error.problem, error.fix)]) from None
    return sealed, values


def _refuse_misplaced(configuration: Configuration, plugin: Plugin, named: Iterable[str]) -> None:
    """Refuse a stored secret where the plugin declares none: it would be kept, and shown, as any other value."""
    misplaced = [key for key in named if key not in plugin.capabilities.secrets]
    if misplaced:
        expected, fix = "no stored secret, since it is not secret", "write the value itself, or use file: or env:"
        places = [written(("connectors", plugin.name, key)) for key in misplaced]
        raise InvalidConfigurationError([Problem(configuration.file, each, expected, fix) for each in places])


def _opened(reading: Callable[[], SecretStr]) -> str:
    try:
        return reading().get_secret_value()
    except SecretStoreError as error:
        raise AuthorizationError(f"{error.problem}: {error.fix}") from None
