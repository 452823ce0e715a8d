"""`deskhand demo`: a whole rehearsal MSP on this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from deskhand.cli.answers import console, explaining_errors, fail, inert, print_json
from deskhand.cli.exit_codes import ExitCode
from deskhand.demo.play import DemoOptions, default_state, played
from deskhand.demo.rehearsal import Script
from deskhand.demo.ticket_file import TicketFileError
from deskhand.demo.verdict import DemoReport
from deskhand.llm.build import InstallProgress
from deskhand.records.documents import FieldName, OutcomeKind, Why
from deskhand.sdk.clock import utc_now

_TONES = {
    OutcomeKind.TRIAGED: "green",
    OutcomeKind.QUARANTINED: "yellow",
    OutcomeKind.LEFT_ALONE: "dim",
    OutcomeKind.NEEDS_REVIEW: "red",
}


@click.command(name="demo", help="Run a whole rehearsal MSP on this machine.")
@click.option("--headless", is_flag=True, help="Play to the end, print the verdict, exit non-zero on a broken promise.")
@click.option("--tickets", type=click.Path(path_type=Path), help="CSV or JSONL (also .gz) in place of our tickets.")
@click.option("--limit", type=click.IntRange(min=1), help="Take this many tickets of the file.")
@click.option("--history", type=click.IntRange(min=0), help="Take this many earlier rows as closed tickets.")
@click.option("--text-column", help="The file's column with the ticket's text, where the name does not tell.")
@click.option("--label-column", help="The file's column with the ticket's type, where the name does not tell.")
@click.option("--engine", type=click.Choice(["auto", "none"]), default="auto", show_default=True, help="Use a model?")
@click.option("--embedding-model", type=click.Path(path_type=Path), help="GGUF file of an embedding model.")
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Folder for the rehearsal's state.")
@click.option("--database", help="URL of an empty PostgreSQL database for the records; left out: SQLite.")
@click.option("--port", type=click.IntRange(0, 65535), default=8484, show_default=True, help="The console's port.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON document; implies --headless.")
@explaining_errors
def command(  # noqa: PLR0913  # one argument an option
    *,
    headless: bool,
    tickets: Path | None,
    limit: int | None,
    history: int | None,
    text_column: str | None,
    label_column: str | None,
    engine: Literal["auto", "none"],
    database: str | None,
    embedding_model: Path | None,
    state: Path | None,
    port: int,
    as_json: bool,
) -> None:
    """Play, tell what happened, and keep the console open unless headless."""
    script = Script(
        now=utc_now(),
        tickets=tickets,
        limit=limit,
        history=history,
        text_column=text_column,
        label_column=label_column,
    )
    options = DemoOptions(script, state or default_state(), engine, embedding_model, port, database)
    stopping = threading.Event()
    try:
        with _terminal() as terminal, played(options, terminal, stopping) as report:
            terminal.close()
            print_json(_document(report)) if as_json else _tell(report, options.state)
            if not (headless or as_json):
                console().print(
                    f"\nThe console stays open at [bold]{terminal.console_url}[/]. Ctrl-C ends the rehearsal."
                )
                _wait(stopping)
    except TicketFileError as error:
        fail(ExitCode.USAGE, str(error))
    if report.problems:
        fail(ExitCode.FAILED, "; ".join(report.problems))


def _wait(stopping: threading.Event) -> None:
    try:
        stopping.wait()
    except KeyboardInterrupt:
        console().print("\nThe rehearsal is over.")


class _Terminal:
    """Shows phases and tickets as they come; an Audience."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=None)
        self._tickets = 0
        self._handled = 0
        self._told = ""
        self.console_url = ""

    def phase(self, name: str) -> None:
        """Begin a phase."""
        self._tell_once(name)
        self._bar.update(self._task, description=name, completed=0, total=None)

    def advanced(self, done: int, total: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total or None)

    def building(self, report: InstallProgress) -> None:
        """Move the bar of the model runtime's build."""
        share = f" {10 * (10 * report.done // report.total)}%" if report.total else ""
        self._tell_once(f"{report.step}{share}")
        self._bar.update(self._task, description=report.detail, completed=report.done, total=report.total or None)

    def remarked(self, remark: str) -> None:
        """Print a remark above the bar."""
        self._bar.console.print(inert(remark), style="dim", soft_wrap=True)

    def opened(self, console: str, tickets: int) -> None:
        """Print where the console is."""
        self.console_url, self._tickets = console, tickets
        self._bar.console.print(f"Console: [bold]{console}[/]  ·  {tickets} tickets are waiting in the PSA")

    def handled(self, why: Why) -> None:
        """Print one line a ticket."""
        self._handled += 1
        self.advanced(self._handled, self._tickets)
        tone = _TONES[why.outcome]
        self._bar.console.print(
            f"[dim]#{inert(why.ticket_id)}[/] [{tone}]{why.outcome.value:<12}[/] {inert(_gist(why))}",
            no_wrap=True,
            overflow="ellipsis",
        )

    def act(self, title: str) -> None:
        """Print the title of an act of the story."""
        self._bar.console.print(f"\n[bold]{inert(title)}[/]")

    def told(self, line: str) -> None:
        """Print what happened."""
        self._bar.console.print(f"  {inert(line)}", soft_wrap=True)

    def _tell_once(self, line: str) -> None:
        """Print a line where no bar can be seen, such as in a log."""
        if not self._bar.console.is_terminal and line != self._told:
            self._told = line
            self._bar.console.print(inert(line), style="dim")

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


@contextmanager
def _terminal() -> Iterator[_Terminal]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        yield _Terminal(bar)


def _gist(why: Why) -> str:
    if why.triage is None:
        return why.reasons[0] if why.reasons else ""
    place = [
        each.label
        for name in (FieldName.TYPE, FieldName.SUBTYPE)
        if (each := why.triage.decision(name)) and each.label and each.is_made
    ]
    priority = why.triage.decision(FieldName.PRIORITY)
    level = f" · {priority.label}" if priority is not None and priority.is_made else ""
    return f"{' › '.join(filter(None, place)) or 'type left open'}{level}  “{why.triage.summary}”"


def _tell(report: DemoReport, state: Path) -> None:
    out = console()
    out.print()
    quality = Table(
        title="How good it was, against what would have been right", title_justify="left", header_style="bold"
    )
    for column in ("field", "tickets", "accuracy of the first choice", "coverage (decided)", "precision of decisions"):
        quality.add_column(column, justify="left" if column == "field" else "right")
    for field, each in report.quality.items():
        quality.add_row(
            field.value, str(each.count), f"{each.accuracy:.1%}", f"{each.coverage:.1%}", f"{each.precision:.1%}"
        )
    out.print(quality)
    for name, value in _summary(report, state).items():
        out.print(f"[bold]{name:<12}[/] {inert(value)}", soft_wrap=True)


def _summary(report: DemoReport, state: Path) -> dict[str, str]:
    ends = ", ".join(f"{count} {outcome.value}" for outcome, count in report.outcomes.items())
    identity = report.identity
    return {
        "Tickets": f"{report.tickets}: {ends}",
        "Notes": f"{report.notes} written; {len(report.delivery.lost)} lost, {len(report.delivery.doubled)} doubled, "
        f"{len(report.impossible)} given an impossible value",
        "Clients": f"{len(identity.right)} right, {len(identity.wrong)} wrong, {len(identity.held)} rightly held, "
        f"{len(identity.cautious)} held though it could be told",
        "Record": f"{report.audit.entries} entries, {'whole' if report.audit.ok else report.audit.reason}",
        "Engine": f"{report.engine}; {report.history}",
        "Speed": f"{report.seconds:.1f} s, {report.calls_per_ticket:.1f} PSA calls a ticket, both with history",
        "Story": _story(report),
        "Look closer": f"deskhand audit show --ticket N -c {state / 'deskhand.toml'}",
    }


def _story(report: DemoReport) -> str:
    story = report.story
    if story is None or story.problem:
        return "did not come to its end" if story else "not told"
    names = "maya (technician), tom (approver), siobhan (admin)"
    return f"{len(story.acts)} acts in {story.seconds:.0f} s. Sign in as {names}, password {story.password}"


def _document(report: DemoReport) -> dict[str, Any]:
    return {
        "ok": not report.problems,
        "problems": report.problems,
        "tickets": report.tickets,
        "outcomes": {outcome.value: count for outcome, count in report.outcomes.items()},
        "notes": report.notes,
        "lost": report.delivery.lost,
        "doubled": report.delivery.doubled,
        "impossible": report.impossible,
        "identity": asdict(report.identity),
        "quality": {
            field.value: {
                "count": each.count,
                "accuracy": each.accuracy,
                "coverage": each.coverage,
                "precision": each.precision,
            }
            for field, each in report.quality.items()
        },
        "story": None if report.story is None else asdict(report.story),
        "audit": {"ok": report.audit.ok, "entries": report.audit.entries},
        "engine": report.engine,
        "history": report.history,
        "seconds": report.seconds,
        "calls_per_ticket": report.calls_per_ticket,
    }
