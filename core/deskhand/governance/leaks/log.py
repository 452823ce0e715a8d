"""Keeps secrets out of the log: the last thing that happens to a line before it is written."""

import logging

from structlog.typing import EventDict, WrappedLogger

from deskhand.governance.leaks.scanner import Redact


class RedactingProcessor:
    """A structlog processor for after the renderer: it sees the very line that is written, tracebacks too."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact

    def __call__(self, _logger: WrappedLogger, _method: str, line: str | EventDict) -> str:
        """Take the secrets out of a rendered line."""
        return self._redact(str(line))


class RedactingFormatter(logging.Formatter):
    """The same for libraries that log in the standard way."""

    def __init__(self, redact: Redact) -> None:
        super().__init__("%(levelname)s:%(name)s:%(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Write a record without secrets."""
        return self._redact(super().format(record))
