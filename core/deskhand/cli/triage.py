"""`deskhand triage`: what was thought of a ticket, and a technician's word on it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from deskhand.cli.acting import acting, as_option
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
from deskhand.cli.stores import records_of
from deskhand.configuration.loading import load
from deskhand.desk.correcting import TicketChoices
from deskhand.records import explanations
from deskhand.records.documents import FieldName, Why
from deskhand.sdk.models import Level


@click.group(name="triage", help="See what was thought of a ticket; apply it, or say what it should be.")
def command() -> None:
    """Group the triage commands."""


@command.command()
@click.argument("ticket")
@config_option
@json_option
@explaining_errors
def show(ticket: str, config_path: Path, *, as_json: bool) -> None:
    """Show how sure each value for TICKET is, and similar tickets with what fixed them."""
    with records_of(load(config_path)) as records:
        why = explanations.find(records, ticket)
    if why is None or why.triage is None:
        fail(ExitCode.FAILED, f"ticket {ticket} has no triage: `deskhand audit show --ticket {ticket}` says why")
    if as_json:
        print_json(why.model_dump(mode="json"))
        return
    rows = [
        (each.field.value, each.label or "not decided", f"{each.confidence:.0%}", "; ".join(each.evidence))
        for each in why.triage.decisions
    ]
    print_table(f"Triage of {ticket}", ("field", "value", "sure", "because"), rows)
    similar = [(each.ticket_id, f"{each.similarity:.0%}", each.summary, each.fix or "") for each in why.triage.similar]
    print_table("Similar tickets of the same client", ("ticket", "alike", "summary", "what fixed it"), similar)


@command.command()
@click.argument("ticket")
@as_option
@config_option
@explaining_errors
def apply(ticket: str, name: str, config_path: Path) -> None:
    """Set on TICKET what its triage decided."""
    with acting(config_path, name) as (desk, who):
        why = desk.correcting.apply(who, ticket)
    print_line(_last(why))


@command.command()
@click.argument("ticket")
@click.option("--type", "type_", help="A type of the ticket's board, by name or id.")
@click.option("--subtype", help="A subtype, by name or id.")
@click.option("--item", help="An item, by name or id.")
@click.option("--priority", help="A priority, by name or id.")
@click.option("--impact", type=click.Choice([each.value for each in Level]), help="How far it reaches.")
@click.option("--urgency", type=click.Choice([each.value for each in Level]), help="How soon it hurts.")
@as_option
@config_option
@explaining_errors
def correct(ticket: str, name: str, config_path: Path, **given: str | None) -> None:
    """Set these values on TICKET instead; each is learned."""
    given["type"] = given.pop("type_")
    wanted = {FieldName(field): value for field, value in given.items() if value}
    with acting(config_path, name) as (desk, who):
        chosen = _chosen(wanted, desk.correcting.choices(ticket)) if wanted else {}
        why = desk.correcting.correct(who, ticket, chosen)
    print_line(_last(why))


def _chosen(wanted: Mapping[FieldName, str], choices: TicketChoices) -> dict[FieldName, str]:
    """Find the identifiers of what was typed; exit where the board lists no such value."""
    lists: dict[FieldName, Iterable[Any]] = {
        FieldName.TYPE: choices.types,
        FieldName.SUBTYPE: choices.subtypes,
        FieldName.ITEM: choices.items,
        FieldName.PRIORITY: choices.priorities,
    }
    return {
        field: _identifier(field, value, lists[field]) if field in lists else value for field, value in wanted.items()
    }


def _identifier(field: FieldName, typed: str, listed: Iterable[Any]) -> str:
    known = list(listed)
    found = next((each for each in known if typed in {each.id, each.name}), None)
    found = found or next((each for each in known if each.name.casefold() == typed.casefold()), None)
    if found is None:
        names = ", ".join(each.name for each in known) or "none"
        fail(ExitCode.USAGE, f"the board lists no {field.value} {typed}; it lists {names}")
    return str(found.id)


def _last(why: Why) -> str:
    return why.reasons[-1]
