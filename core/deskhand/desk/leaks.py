"""The secrets a configured desk knows, for the scanner that keeps them from going anywhere."""

from collections.abc import Iterator
from contextlib import closing

from pydantic import BaseModel, SecretStr
from sqlalchemy import select

from deskhand.configuration.loading import connector_settings
from deskhand.configuration.schema import Configuration
from deskhand.desk.stores import are_records_made, open_records
from deskhand.governance.leaks.files import FoundLeak
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.records.schema import metadata
from deskhand.registry import Registry


def scanner_of(configuration: Configuration, registry: Registry) -> LeakScanner:
    """Return a scanner for every secret of the file and its connectors. Raises InvalidConfigurationError."""
    found = dict(_secrets_in(configuration, ""))
    for name in configuration.connectors:
        found.update(_secrets_in(connector_settings(configuration, registry, name), f"connectors.{name}"))
    return LeakScanner(found)


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
