"""A bar that counts, for commands that may take a minute."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deskhand.cli.answers import console


@contextmanager
def counting_bar(what: str, *, is_shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes how many of how many; at a terminal it is shown on standard error, and goes away."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not (is_shown and screen.is_terminal)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
