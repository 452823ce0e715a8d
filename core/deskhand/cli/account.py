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
from deskhand.desk.governing import Governing
from deskhand.records.accounts import Account, Role, account_name

NEW_PASSWORD = "DESKHAND_NEW_PASSWORD"  # noqa: S105  # the variable's name

role_option = click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role]),
    help="A role; several times for several.",
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
    name: str | None,
    config_path: Path,
    *,
    has_none: bool,
    as_json: bool,
) -> None:
    """Add ACCOUNT. Its password is asked for, or taken from DESKHAND_NEW_PASSWORD."""
    wanted = Account(account, display_name or account, frozenset(map(Role, roles)), member)
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
        (each.name, each.display_name, _roles(each), each.member_id or "", "" if each.is_active else "disabled")
        for each in found
    ]
    print_table("Accounts", ("account", "name", "roles", "PSA member", "state"), rows)


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
        "active": account.is_active,
    }
