"""The progress bar of a model runtime's build."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deskhand.cli.answers import console
from deskhand.llm.build import InstallProgress


@contextmanager
def build_bar() -> Iterator[Callable[[InstallProgress], None]]:
    """Yield a function that shows each report; nothing appears before the first one."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:

        def show(report: InstallProgress) -> None:
            task = bar.task_ids[0] if bar.task_ids else bar.add_task("")
            bar.update(task, description=report.detail, completed=report.done, total=report.total or None)

        yield show
