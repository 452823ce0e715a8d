"""`deskhand secret`: keep secrets sealed, and out of files, arguments and the shell's history."""

import sys
from contextlib import closing
from pathlib import Path

import click
from pydantic import JsonValue, SecretStr

from deskhand.cli.answers import (
    config_option,
    explaining_errors,
    fail,
    json_option,
    print_json,
    print_line,
    print_table,
)
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import load
from deskhand.configuration.schema import Configuration
from deskhand.configuration.sealing import open_secrets
from deskhand.desk.stores import are_records_made, open_records
from deskhand.governance.secrets.failures import SecretStoreError
from deskhand.governance.secrets.keys import key_material
from deskhand.governance.secrets.store import SecretStore
from deskhand.sdk.clock import utc_now

_LARGEST = 65_536

connector_option = click.option("--connector", required=True, help="The connector it is for, a key of [connectors].")
tenant_option = click.option(
    "--tenant", default="", help="The client it is for, by its id in the PSA; else the MSP's own."
)


@click.group(name="secret", help="Keep secrets sealed: set, list, rotate, remove.")
def command() -> None:
    """Group the secret commands."""


@command.command(name="set")
@config_option
@click.argument("name")
@connector_option
@tenant_option
@explaining_errors
def set_secret(config_path: Path, name: str, connector: str, tenant: str) -> None:
    """Seal a secret, read from standard input or asked for; the connector's section then says `secret:NAME`."""
    configuration = load(config_path)
    try:
        store = open_secrets(configuration)
        version = store.set(name, _value(name), connector=connector, tenant=tenant, clock=utc_now)
    except SecretStoreError as error:
        fail(ExitCode.CONFIGURATION, str(error))
    _record(configuration, "secret.set", tenant, {"connector": connector, "name": name, "version": version})
    print_line(f"Sealed as version {version}. In [connectors.{connector}] it is called secret:{name}")


@command.command(name="list")
@config_option
@json_option
@explaining_errors
def list_secrets(config_path: Path, *, as_json: bool) -> None:
    """List the sealed secrets, without their values."""
    found = _store(load(config_path)).list()
    rows = [(each.name, each.connector, each.tenant, each.version, f"{each.at:%Y-%m-%d %H:%M:%S}") for each in found]
    columns = ("name", "connector", "tenant", "version", "set (UTC)")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table("Secrets", columns, rows)


@command.command()
@config_option
@click.argument("name")
@connector_option
@tenant_option
@explaining_errors
def remove(config_path: Path, name: str, connector: str, tenant: str) -> None:
    """Forget a secret."""
    configuration = load(config_path)
    try:
        _store(configuration).remove(name, connector=connector, tenant=tenant)
    except SecretStoreError as error:
        fail(ExitCode.FAILED, str(error))
    _record(configuration, "secret.removed", tenant, {"connector": connector, "name": name})
    print_line(f"Forgotten: {name} of {connector}.")


@command.command()
@config_option
@click.option(
    "--from",
    "old",
    default="",
    help="The key it is sealed with now, written as `key` in [secrets] is; left out, the configured one.",
)
@explaining_errors
def rotate(config_path: Path, old: str) -> None:
    """Seal every secret anew under the key that is configured now."""
    configuration = load(config_path)
    try:
        material = key_material(configuration.secrets, configuration.file.parent)
        count = open_secrets(configuration, key=old).rotate(material)
    except SecretStoreError as error:
        fail(ExitCode.CONFIGURATION, str(error))
    _record(configuration, "secret.rotated", "", {"secrets": count})
    print_line(f"{count} secrets are sealed anew. Old copies of the file still open with the old key: delete them.")


def _store(configuration: Configuration) -> SecretStore:
    try:
        return open_secrets(configuration)
    except SecretStoreError as error:
        fail(ExitCode.CONFIGURATION, str(error))


def _value(name: str) -> SecretStr:
    """Ask a person, or read what another program hands over; never an argument, which other users could see."""
    if sys.stdin.isatty():
        return SecretStr(click.prompt(f"The secret {name}", hide_input=True, confirmation_prompt=True))
    value = sys.stdin.read(_LARGEST + 1)
    if len(value) > _LARGEST:
        fail(ExitCode.USAGE, f"the secret {name} is longer than {_LARGEST} characters")
    return SecretStr(value.removesuffix("\n").removesuffix("\r"))


def _record(configuration: Configuration, kind: str, tenant: str, detail: dict[str, JsonValue]) -> None:
    """Put on the record that a secret changed, where there is a record already."""
    if are_records_made(configuration):
        with closing(open_records(configuration)) as records, records.transaction("operator") as transaction:
            transaction.audit(kind, tenant=tenant, detail=detail)
