"""`deskhand quarantine`: say whose ticket it is where the desk could not tell, and have it remembered."""

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
from deskhand.cli.stores import mirror_of, records_of
from deskhand.configuration.loading import load
from deskhand.desk.governing import OPERATOR
from deskhand.desk.holding import Holding, NothingHeldError
from deskhand.desk.refusals import DeskRefusedError
from deskhand.identity.resolution import Remembered
from deskhand.records import quarantine


@click.group(name="quarantine", help="Say whose ticket it is where the desk could not tell.")
def command() -> None:
    """Group the quarantine commands."""


@command.command(name="list")
@config_option
@json_option
@explaining_errors
def list_entries(config_path: Path, *, as_json: bool) -> None:
    """List the tickets that are held, the longest waiting first."""
    with records_of(load(config_path)) as records:
        entries = quarantine.open_entries(records)
    if as_json:
        print_json(
            [
                {
                    "ticket": each.ticket_id,
                    "held_at": each.held_at.isoformat(),
                    "reason": each.reason,
                    "candidates": [{"id": one.id, "name": one.name} for one in each.candidates],
                    "suggestion": each.suggestion,
                }
                for each in entries
            ]
        )
        return
    rows = [
        (each.ticket_id, each.reason, ", ".join(f"{one.name} ({one.id})" for one in each.candidates), each.suggestion)
        for each in entries
    ]
    print_table("Held", ("ticket", "what is ambiguous", "could be", "how to resolve it"), rows)


@command.command()
@click.argument("ticket")
@click.option("--tenant", required=True, help="The client's id in the PSA.")
@click.option(
    "--remember", "what", type=click.Choice(["address", "domain", "device"]), help="Remember this for next time."
)
@click.option("--device", default="", help="The device to remember, where the ticket names several.")
@config_option
@explaining_errors
def resolve(ticket: str, tenant: str, what: Remembered | None, device: str, config_path: Path) -> None:
    """Say whose TICKET it is. It goes back into the queue; a running desk takes it up within a second."""
    configuration = load(config_path)
    with records_of(configuration) as records, mirror_of(configuration) as mirror:
        holding = Holding(configuration, records, mirror)
        try:
            rule = holding.resolve(OPERATOR, ticket, tenant, remember_by=what, device=device)
        except NothingHeldError as error:
            fail(ExitCode.USAGE, f"{error}; `deskhand quarantine list` names those that are held")
        except DeskRefusedError as error:
            fail(ExitCode.FAILED, str(error))
        owner = mirror.company(tenant)
    remembered = f" Remembered: {rule.kind} {rule.value}." if rule else ""
    print_line(f"Ticket {ticket} belongs to {owner.name if owner else tenant}.{remembered}")
