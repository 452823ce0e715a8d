"""`deskhand approval delegate`, `delegations` and `end-delegation`: who votes in whose place."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import click

from deskhand.cli.acting import as_option
from deskhand.cli.answers import config_option, explaining_errors, json_option, print_json, print_line, print_table
from deskhand.cli.governing import governing_of, who_of
from deskhand.records.delegations import Delegation


class Moment(click.ParamType[datetime]):
    """A day, or a day and a time of day, in UTC; a day alone is meant whole."""

    name = "day"

    def __init__(self, *, is_end: bool) -> None:
        self._is_end = is_end

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read ``2026-12-24`` or ``2026-12-24T18:00``."""
        written = str(value)
        try:
            found = datetime.fromisoformat(written)
        except ValueError:
            self.fail(f"{written!r} is no day: write 2026-12-24 or 2026-12-24T18:00 (UTC)", param, ctx)
        moment = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        is_day = found.time() == time() and "T" not in written
        return moment + timedelta(days=1) if is_day and self._is_end else moment


@click.command()
@click.argument("to")
@click.option("--until", required=True, type=Moment(is_end=True), help="The last day (UTC), or a moment.")
@click.option("--since", type=Moment(is_end=False), help="The first day (UTC), or a moment. Left out: now.")
@click.option("--reason", required=True, help="Why; it is on the record.")
@as_option
@config_option
@json_option
@explaining_errors
def delegate(  # the options a person types
    to: str, until: datetime, since: datetime | None, reason: str, name: str, config_path: Path, *, as_json: bool
) -> None:
    """Let TO, an account that works tickets, vote in your place for a while. Never on what either of you asked for."""
    with governing_of(config_path) as governing:
        who = who_of(governing, name)
        given = governing.delegate(who, to, ends_at=until, starts_at=since, reason=reason)
    _tell(given, f"{given.delegate} votes for {given.delegator} until {_written(given.ends_at)}", as_json=as_json)


@click.command()
@config_option
@json_option
@explaining_errors
def delegations(config_path: Path, *, as_json: bool) -> None:
    """List who votes in whose place, and who did, the newest first."""
    with governing_of(config_path) as governing:
        found, now = governing.delegations(), governing.clock()
    if as_json:
        print_json([document_of(each) for each in found])
        return
    rows = [(each.id, each.delegator, each.delegate, standing_of(each, now), each.reason) for each in found]
    print_table("Delegations", ("delegation", "of", "to", "when", "reason"), rows)


@click.command(name="end-delegation")
@click.argument("delegation")
@as_option
@config_option
@json_option
@explaining_errors
def end_delegation(delegation: str, name: str, config_path: Path, *, as_json: bool) -> None:
    """End DELEGATION now: either of the two may, and an admin."""
    with governing_of(config_path) as governing:
        ended = governing.end_delegation(who_of(governing, name), delegation)
    _tell(ended, f"{ended.delegate} does not vote for {ended.delegator} any more", as_json=as_json)


def document_of(delegation: Delegation) -> dict[str, object]:
    """Describe a delegation for machines."""
    return {
        "id": delegation.id,
        "of": delegation.delegator,
        "to": delegation.delegate,
        "since": delegation.starts_at.isoformat(),
        "until": delegation.ends_at.isoformat(),
        "state": delegation.state.value,
        "reason": delegation.reason,
        "ended_by": delegation.ended_by,
    }


def standing_of(delegation: Delegation, now: datetime) -> str:
    """Say whether a delegation serves now, and until when."""
    if delegation.ended_by is not None:
        return f"ended by {delegation.ended_by}"
    if now >= delegation.ends_at:
        return f"over since {_written(delegation.ends_at)}"
    begins = "serves" if delegation.covers(now) else f"from {_written(delegation.starts_at)}"
    return f"{begins} until {_written(delegation.ends_at)}"


def _tell(delegation: Delegation, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(document_of(delegation))
    else:
        print_line(f"{delegation.id}: {what}.")


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
