"""Secrets stay out of the configuration file: a value may name a file or an environment variable instead."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STORED = "secret:"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SecretReferenceError(Exception):
    """A reference names a file or a variable that cannot be read; ``fix`` says what mends it."""

    def __init__(self, expected: str, fix: str) -> None:
        """Keep what was expected and what mends it; the value itself is never part of either."""
        super().__init__(expected)
        self.expected = expected
        self.fix = fix


def dereference(value: Any, folder: Path, environment: Mapping[str, str] = os.environ) -> Any:  # noqa: ANN401  # TOML
    """Replace ``file:PATH`` and ``env:NAME`` in one TOML value; a relative path is relative to ``folder``.

    ``secret:NAME`` stays as it is: a stored secret is opened for a call, not with the configuration.
    """
    if not isinstance(value, str):
        return value
    scheme, separator, rest = value.partition(":")
    if separator and scheme == "file":
        return _from_file(folder / rest)
    if separator and scheme == "env":
        return _from_environment(rest, environment)
    return value


def stored_name(value: object) -> str | None:
    """Return the name in ``secret:NAME``, or None where a value is no reference to a stored secret."""
    return value.removeprefix(STORED) if isinstance(value, str) and value.startswith(STORED) else None


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SecretReferenceError(
            f"a readable text file at {path}", f"write the secret to {path} and `chmod 600` it ({type(error).__name__})"
        ) from error


def _from_environment(name: str, environment: Mapping[str, str]) -> str:
    if not _VARIABLE.fullmatch(name):
        raise SecretReferenceError(
            "the name of an environment variable after env:", "write env:NAME, and the secret itself into the variable"
        )
    try:
        return environment[name]
    except KeyError:
        raise SecretReferenceError(f"an environment variable {name}", f"export {name}=… before starting") from None
