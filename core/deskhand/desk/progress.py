"""How long work tells how far it is: one Protocol, so that a terminal, a log and a test can each listen."""

from typing import Protocol

from deskhand.records.documents import Why


class Progress(Protocol):
    """Listens to a desk. Called from the desk's thread; must return quickly."""

    def phase(self, name: str) -> None:
        """Begin a phase, such as reading history."""
        ...

    def advanced(self, done: int, total: int) -> None:
        """Tell how far the current phase is; ``total`` is 0 where it is not known."""
        ...

    def handled(self, why: Why) -> None:
        """Tell that a ticket has come to its end."""
        ...


class Silent:
    """Listens and says nothing."""

    def phase(self, name: str) -> None:
        """Ignore it."""

    def advanced(self, done: int, total: int) -> None:
        """Ignore it."""

    def handled(self, why: Why) -> None:
        """Ignore it."""
