"""`deskhand account`: who may sign in, in which roles; and the secret that makes the first admin."""

import os
from dataclasses import replace
from pathlib import Path

import click

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
from deskhand.cli.governing import governing_of, who_of, who_option
from deskhand.configuration.loading import load
from deskhand.desk.governing import Governing
from deskhand.governance.entra.settings import is_guid
from deskhand.records.accounts import Account, Role, account_name

NEW_PASSWORD = "DESKHAND_NEW_PASSWORD"  # noqa: S105  # the variable's name

role_option = click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role]),
    help="A role; several times for several.",
)


client_option = click.option(
    "--client",
    "clients",
    multiple=True,
    help="PSA id of a client the account is for; several times for several. Left out: for all of them.",
)


@click.group(name="account", help="Add people, give them roles and passwords.")
def command() -> None:
    """Group the account commands."""


@command.command()
@config_option
@json_option
@explaining_errors
def setup(config_path: Path, *, as_json: bool) -> None:
    """Print the one-time secret with which the first admin is made in the console, within an hour."""
    with governing_of(config_path, is_made=False) as governing:
        secret = governing.offer_set_up().get_secret_value()
    if as_json:
        print_json({"secret": secret})
        return
    print_line("Open the console, choose “Set up”, and type this secret within an hour. It works once:")
    click.echo(secret)


@command.command()
@click.argument("account")
@click.option("--name", "display_name", help="The person's name.")
@role_option
@click.option("--member", help="Their id as a technician in the PSA: time entries are made out to it.")
@client_option
@click.option("--no-password", "has_none", is_flag=True, help="Nobody can sign in to it until it gets a password.")
@who_option
@config_option
@json_option
@explaining_errors
def add(  # noqa: PLR0913  # the options a person types
    account: str,
    display_name: str | None,
    roles: tuple[str, ...],
    member: str | None,
    clients: tuple[str, ...],
    name: str | None,
    config_path: Path,
    *,
    has_none: bool,
    as_json: bool,
) -> None:
    """Add ACCOUNT. Its password is asked for, or taken from DESKHAND_NEW_PASSWORD."""
    wanted = Account(account, display_name or account, frozenset(map(Role, roles)), member, clients=frozenset(clients))
    with governing_of(config_path, is_made=False) as governing:
        who = who_of(governing, name)
        added = governing.add_account(who, wanted, None if has_none else _new_password(account))
    _tell(added, "added", as_json=as_json)


@command.command(name="list")
@config_option
@json_option
@explaining_errors
def list_accounts(config_path: Path, *, as_json: bool) -> None:
    """List every account and its roles."""
    with governing_of(config_path) as governing:
        found = governing.accounts()
    if as_json:
        print_json([_document(each) for each in found])
        return
    rows = [
        (
            each.name,
            each.display_name,
            _roles(each),
            ", ".join(sorted(each.clients)) or "all",
            each.member_id or "",
            "linked" if each.entra else "",
            "" if each.is_active else "disabled",
        )
        for each in found
    ]
    print_table("Accounts", ("account", "name", "roles", "clients", "PSA member", "Entra ID", "state"), rows)


@command.command()
@click.argument("account")
@who_option
@config_option
@explaining_errors
def password(account: str, name: str | None, config_path: Path) -> None:
    """Set the password of ACCOUNT and end its sessions."""
    with governing_of(config_path) as governing:
        who, own = who_of(governing, name), None
        if account_name(account) == who.name:
            own = click.prompt("Your current password once more", hide_input=True, err=True)
        governing.set_password(who, account, _new_password(account), current=own)
    print_line(f"The password of {account_name(account)} is set; its sessions are ended.")


@command.command()
@click.argument("account")
@role_option
@who_option
@config_option
@json_option
@explaining_errors
def roles(account: str, roles: tuple[str, ...], name: str | None, config_path: Path, *, as_json: bool) -> None:
    """Give ACCOUNT exactly these roles."""
    with governing_of(config_path) as governing:
        wanted = replace(_found(governing, account), roles=frozenset(map(Role, roles)))
        governing.change_account(who_of(governing, name), wanted)
    _tell(wanted, "changed", as_json=as_json)


@command.command()
@click.argument("account")
@client_option
@who_option
@config_option
@json_option
@explaining_errors
def clients(account: str, clients: tuple[str, ...], name: str | None, config_path: Path, *, as_json: bool) -> None:
    """Confine ACCOUNT to exactly these clients: it sees and does nothing for others. None named: all of them."""
    with governing_of(config_path) as governing:
        wanted = replace(_found(governing, account), clients=frozenset(clients))
        governing.change_account(who_of(governing, name), wanted)
    _tell(wanted, "changed", as_json=as_json)


@command.command()
@click.argument("account")
@click.argument("object_id")
@who_option
@config_option
@json_option
@explaining_errors
def link(account: str, object_id: str, name: str | None, config_path: Path, *, as_json: bool) -> None:
    """Let the person with OBJECT_ID in your Entra tenant sign in to ACCOUNT."""
    tenant, person = load(config_path).web.entra.tenant_id, object_id.strip().lower()
    if not tenant:
        fail(ExitCode.CONFIGURATION, "signing in with Entra ID is not set up: see [web.entra] in the settings")
    if not is_guid(person):
        fail(ExitCode.USAGE, "an object id is a GUID: Entra shows it on the person's page")
    _relink(account, f"{tenant}/{person}", name, config_path, as_json=as_json)


@command.command()
@click.argument("account")
@who_option
@config_option
@json_option
@explaining_errors
def unlink(account: str, name: str | None, config_path: Path, *, as_json: bool) -> None:
    """Let nobody in Entra ID sign in to ACCOUNT any more."""
    _relink(account, None, name, config_path, as_json=as_json)


@command.command(name="local-sign-in")
@click.argument("wanted", type=click.Choice(["on", "off"]))
@click.option("--break-glass", help="An admin's account whose password opens the desk all the same; empty: none.")
@who_option
@config_option
@json_option
@explaining_errors
def local_sign_in(wanted: str, break_glass: str | None, name: str | None, config_path: Path, *, as_json: bool) -> None:
    """Let passwords of this desk open it, or nothing but Entra ID and the account named for emergencies."""
    with governing_of(config_path) as governing:
        named = None if break_glass is None else account_name(break_glass)
        found = governing.turn_local_sign_in(who_of(governing, name), is_on=wanted == "on", break_glass=named)
    if as_json:
        print_json({"on": found.is_on, "break_glass": found.break_glass or None})
        return
    kept = f" for everybody but {found.break_glass}" if found.break_glass and not found.is_on else ""
    print_line(f"Passwords of this desk are {'on' if found.is_on else f'off{kept}'}.")


@command.command()
@click.argument("account")
@who_option
@config_option
@json_option
@explaining_errors
def disable(account: str, name: str | None, config_path: Path, *, as_json: bool) -> None:
    """Let nobody sign in to ACCOUNT any more, and end its sessions."""
    _switch(account, name, config_path, is_active=False, as_json=as_json)


@command.command()
@click.argument("account")
@who_option
@config_option
@json_option
@explaining_errors
def enable(account: str, name: str | None, config_path: Path, *, as_json: bool) -> None:
    """Let ACCOUNT sign in again."""
    _switch(account, name, config_path, is_active=True, as_json=as_json)


def _relink(account: str, entra: str | None, name: str | None, config_path: Path, *, as_json: bool) -> None:
    with governing_of(config_path) as governing:
        wanted = replace(_found(governing, account), entra=entra)
        governing.change_account(who_of(governing, name), wanted)
    _tell(wanted, "linked" if entra else "unlinked", as_json=as_json)


def _switch(account: str, name: str | None, config_path: Path, *, is_active: bool, as_json: bool) -> None:
    with governing_of(config_path) as governing:
        wanted = replace(_found(governing, account), is_active=is_active)
        governing.change_account(who_of(governing, name), wanted)
    _tell(wanted, "enabled" if is_active else "disabled", as_json=as_json)


def _found(governing: Governing, name: str) -> Account:
    found = {each.name: each for each in governing.accounts()}
    if account_name(name) not in found:
        fail(ExitCode.USAGE, f"there is no account {name}: `deskhand account list` names those there are")
    return found[account_name(name)]


def _new_password(account: str) -> str:
    given = os.environ.get(NEW_PASSWORD)
    if given:
        return given
    asked: str = click.prompt(f"New password of {account}", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _tell(account: Account, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(account))
    else:
        print_line(f"Account {account.name} is {what}: {_roles(account) or 'no role'}.")


def _roles(account: Account) -> str:
    return ", ".join(sorted(role.value for role in account.roles))


def _document(account: Account) -> dict[str, object]:
    return {
        "account": account.name,
        "name": account.display_name,
        "roles": sorted(role.value for role in account.roles),
        "member": account.member_id,
        "clients": sorted(account.clients),
        "entra": account.entra,
        "active": account.is_active,
    }
