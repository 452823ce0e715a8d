"""`deskhand runs`: what is being carried out and what came of it; stop, take up again, put back."""

from pathlib import Path

import click

from deskhand.cli.acting import acting, as_option, desk_of, password_of
from deskhand.cli.answers import (
    config_option,
    explaining_errors,
    fail,
    json_option,
    print_json,
    print_line,
    print_pairs,
    print_table,
)
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.showing import print_run, run_document
from deskhand.cli.stores import records_of
from deskhand.configuration.loading import load
from deskhand.desk.hands import executors, told_of
from deskhand.records import runs
from deskhand.records.runs import Run, RunState
from deskhand.workflow.executors import Heard


@click.group(name="runs", help="See what is being carried out; stop, take up again, put back.")
def command() -> None:
    """Group the run commands."""


@command.command(name="list")
@click.option("--ticket", help="Only those on this ticket.")
@click.option("--state", type=click.Choice([each.value for each in RunState]), help="Only those in this state.")
@click.option("--automation", help="Only those of this automation.")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
@config_option
@json_option
@explaining_errors
def list_runs(
    config_path: Path, ticket: str | None, state: str | None, automation: str | None, limit: int, *, as_json: bool
) -> None:
    """List runs, newest first."""
    with records_of(load(config_path)) as records:
        chosen = RunState(state) if state else None
        found = (
            runs.of_ticket(records, ticket)[::-1]
            if ticket
            else runs.recent(records, limit, state=chosen, automation=automation)
        )
    if as_json:
        print_json([run_document(each) for each in found])
        return
    rows = [
        (each.id, each.ticket_id, each.automation or each.requested_by, each.state.value, each.started_at)
        for each in found
    ]
    print_table("Runs", ("run", "ticket", "asked for by", "state", "started"), rows)


@command.command(name="hands")
@config_option
@json_option
@explaining_errors
def list_hands(config_path: Path, *, as_json: bool) -> None:
    """List who carries runs out, the desk and its hands, and when each was last heard of."""
    with records_of(load(config_path)) as records:
        found = executors(records)
    if as_json:
        print_json([_hand_document(each) for each in found])
        return
    rows = [
        (
            each.executor.name,
            each.executor.kind,
            each.executor.host,
            each.executor.version,
            each.started_at,
            told_of(each),
        )
        for each in found
    ]
    print_table("Who carries runs out", ("name", "what", "machine", "version", "since", "state"), rows)


@command.command()
@click.argument("run")
@config_option
@json_option
@explaining_errors
def show(run: str, config_path: Path, *, as_json: bool) -> None:
    """Show RUN step by step."""
    with records_of(load(config_path)) as records:
        found = _expect(runs.find(records, run), run)
    if as_json:
        print_json(run_document(found))
        return
    print_run(found)


@command.command()
@click.argument("run")
@click.option("--seconds", default=3600.0, show_default=True, help="Give up after so long.")
@config_option
@explaining_errors
def watch(run: str, seconds: float, config_path: Path) -> None:
    """Follow RUN until it is over: one line a change."""
    with records_of(load(config_path)) as records:
        _expect(runs.find(records, run), run)
        for each in runs.followed(records, run, patience=seconds):
            steps = "  ".join(f"{step.id}:{step.state.value}" for step in each.steps)
            print_line(f"{each.state.value:<12} {steps}")


@command.command()
@click.argument("run")
@as_option
@config_option
@explaining_errors
def cancel(run: str, name: str, config_path: Path) -> None:
    """Stop RUN before its next step; what was done stays done."""
    with acting(config_path, name) as (desk, who):
        desk.resolving.cancel(who, run)
    print_line(f"{run} stops before its next step.")


@command.command()
@click.argument("run")
@as_option
@config_option
@explaining_errors
def hold(run: str, name: str, config_path: Path) -> None:
    """Have RUN wait before its next step, until it is let go."""
    with acting(config_path, name) as (desk, who):
        desk.resolving.hold(who, run)
    print_line(f"{run} waits before its next step: `deskhand runs let-go {run}` has it go on.")


@command.command(name="let-go")
@click.argument("run")
@as_option
@config_option
@explaining_errors
def let_go(run: str, name: str, config_path: Path) -> None:
    """Have RUN, which is held, go on."""
    with acting(config_path, name) as (desk, who):
        desk.resolving.let_go(who, run)
    print_line(f"{run} goes on: `deskhand runs show {run}`.")


@command.command()
@click.argument("run")
@click.option("--step", help="Only this step.")
@as_option
@config_option
@explaining_errors
def undo(run: str, step: str | None, name: str, config_path: Path) -> None:
    """Put back what RUN changed, the last step first."""
    with acting(config_path, name) as (desk, who):
        desk.resolving.undo(who, run, step)
    print_line(f"{run} is being undone: `deskhand runs show {run}`.")


@command.command()
@click.argument("run")
@click.option("--from", "step", help="From this step on, what was only read is read anew, and decided by.")
@as_option
@config_option
@explaining_errors
def retry(run: str, step: str | None, name: str, config_path: Path) -> None:
    """Take RUN up again at the step that failed; what was done is not done again."""
    with acting(config_path, name) as (desk, who):
        desk.resolving.retry(who, run, step)
    print_line(f"{run} goes on: `deskhand runs show {run}`.")


@command.command()
@click.argument("run")
@click.option("--step", required=True, help="The step whose outcome is unknown.")
@click.option("--found", type=click.Choice(["done", "not-done"]), required=True, help="What the vendor shows.")
@as_option
@config_option
@explaining_errors
def settle(run: str, step: str, found: str, name: str, config_path: Path) -> None:
    """Say what you found at the vendor about a step of RUN nobody knows the outcome of; then it can be retried."""
    with acting(config_path, name) as (desk, who):
        desk.resolving.settle(who, run, step, is_done=found == "done")
    print_line(f"{step} of {run} is settled: `deskhand runs retry {run}` takes it up again.")


@command.command()
@click.argument("run")
@click.option("--step", required=True, help="The step that waits.")
@as_option
@config_option
@explaining_errors
def answer(run: str, step: str, name: str, config_path: Path) -> None:
    """Give RUN what it waits for, such as the code a person reads out. It is asked for, and kept nowhere."""
    from deskhand.cli.running_desk import running_desk  # noqa: PLC0415  # whoever only reads needs no console

    with desk_of(config_path) as desk:
        password = password_of(name)
        who = desk.governing.confirm(name, password)
        value = click.prompt("What the person reads out", hide_input=True, err=True)
        with running_desk(desk, who, password) as session:
            session.change(f"/runs/{run}/steps/{step}/answer", value=value)
    print_line(f"{run} goes on: `deskhand runs show {run}`.")


@command.command()
@click.argument("run")
@click.option("--step", required=True, help="The step that made it.")
@as_option
@config_option
@json_option
@explaining_errors
def reveal(run: str, step: str, name: str, config_path: Path, *, as_json: bool) -> None:
    """Show once what a step of RUN made for a person, such as a temporary password."""
    from deskhand.cli.running_desk import running_desk  # noqa: PLC0415  # whoever only reads needs no console

    with desk_of(config_path) as desk:
        password = password_of(name)
        who = desk.governing.confirm(name, password)
        with running_desk(desk, who, password) as session:
            found = session.change(f"/runs/{run}/steps/{step}/reveal")
    if as_json:
        print_json(found)
        return
    print_pairs({key.replace("_", " "): value for key, value in found.items()})


def _hand_document(heard: Heard) -> dict[str, object]:
    return {
        "name": heard.executor.name,
        "kind": heard.executor.kind,
        "host": heard.executor.host,
        "version": heard.executor.version,
        "connectors": sorted(heard.executor.connectors),
        "started_at": heard.started_at,
        "heard_at": heard.heard_at,
        "silent_seconds": round(heard.silent_for.total_seconds(), 1),
        "is_living": heard.is_living,
    }


def _expect(found: Run | None, run_id: str) -> Run:
    if found is None:
        fail(ExitCode.FAILED, f"there is no run {run_id}: `deskhand runs list` shows what there is")
    return found
