"""The secrets a configured desk knows, for the scanner that keeps them from going anywhere."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import cache, partial

from pydantic import BaseModel, SecretStr
from sqlalchemy import select

from deskhand.configuration.loading import connector_settings
from deskhand.configuration.problems import InvalidConfigurationError
from deskhand.configuration.schema import Configuration
from deskhand.desk.stores import are_records_made, open_records
from deskhand.governance.leaks.files import FoundLeak
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.records.audit.entries import read_entry
from deskhand.records.schema import metadata
from deskhand.registry import Registry
from deskhand.sdk.secrets import SealedSecret, permit


def scanner_of(configuration: Configuration, registry: Registry) -> LeakScanner:
    """Return a scanner for every secret of the file and its connectors. Raises InvalidConfigurationError."""
    opened = {name: connector_settings(configuration, registry, name) for name in configuration.connectors}
    return scanner_over(configuration, opened)


def scanner_over(
    configuration: Configuration, connectors: Mapping[str, BaseModel], scanner: LeakScanner | None = None
) -> LeakScanner:
    """Return a scanner for every secret of the file and of the settings its connectors were opened with.

    It hears of each whenever it is opened, and so of a new value with the first call that uses it. A ``scanner`` that
    was there before is told of them instead.
    """
    scanner = scanner or LeakScanner()
    found = dict(_secrets_in(configuration, ""))
    for name, settings in connectors.items():
        found.update(_secrets_in(settings, f"connectors.{name}"))
    for name, secret in found.items():
        if isinstance(secret, SealedSecret):
            secret.tell(partial(scanner.hear, name))
            with permit(secret.package):
                secret.get_secret_value()
        else:
            scanner.watch(name, secret)
    return scanner


def redacting(configuration: Configuration) -> Callable[[str], str]:
    """Return what keeps secrets out of what a command writes; nothing is opened before it is first asked.

    Where a connector's secrets cannot be opened, as by a command without the store's key, those of the file are known.
    """

    @cache
    def scanner() -> LeakScanner:
        registry = Registry.discover(configuration.enabled_plugins, configuration.plugins.pinned)
        try:
            return scanner_of(configuration, registry)
        except InvalidConfigurationError:
            return scanner_over(configuration, {})

    return lambda text: scanner().redact(text)


def expect_no_secret(configuration: Configuration, entries: Iterable[str]) -> None:
    """Look through entries that are to leave this machine.

    They are handed over byte for byte, so nothing can be taken out of one. Raises LeakError where one holds a secret,
    InvalidConfigurationError where not every secret could be opened and so looked for.
    """
    registry = Registry.discover(configuration.enabled_plugins, configuration.plugins.pinned)
    scanner = scanner_of(configuration, registry)
    for entry in entries:
        if scanner.find(entry):
            scanner.refuse(entry, f"what leaves here, in entry {read_entry(entry).seq},")


def leaks_on_server(configuration: Configuration, scanner: LeakScanner) -> Iterator[FoundLeak]:
    """Yield each secret that a table of a record store on a server holds; a file is looked at with its folder.

    Raises RecordsUnavailableError.
    """
    if not configuration.records.url or not are_records_made(configuration):
        return
    with closing(open_records(configuration)) as records, records.reading() as connection:
        for table in metadata.tables.values():
            rows = connection.execute(select(table), execution_options={"yield_per": 1000})
            values = (value for row in rows for value in row if isinstance(value, str))
            found = {str(leak) for value in values for leak in scanner.find(value)}
            yield from (FoundLeak(f"table {table.name}", secret) for secret in sorted(found))


def _secrets_in(model: BaseModel, within: str) -> Iterator[tuple[str, SecretStr]]:
    for name in type(model).model_fields:
        value, where = getattr(model, name), f"{within}.{name}".removeprefix(".")
        if isinstance(value, SecretStr):
            yield where, value
        elif isinstance(value, BaseModel):
            yield from _secrets_in(value, where)
