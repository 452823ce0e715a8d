"""Who this desk is: a random name in the state folder, from which idempotency keys are made that nobody can guess."""

import os
import re
import secrets
from pathlib import Path

from deskhand.sdk.errors import ConfigurationError

_IDENTIFIER = re.compile(r"[0-9a-f]{32}")


def desk_id(state: Path, *, is_first: bool = True) -> str:
    """Return the desk's identifier, made durably on first use.

    Raises ConfigurationError where the file cannot be read or written, or is gone though this ``is_first`` no more: a
    new identifier is never made in its place, since keys of effects in flight depend on the old one.
    """
    path = state / "desk-id"
    try:
        if not path.exists():
            if not is_first:
                raise ConfigurationError(f"{path} is gone, and what it was cannot be guessed; restore it from a backup")
            _create(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written ({error.strerror}); make room or mend its folder"
        ) from error
    try:
        identifier = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be used ({type(error).__name__}); restore it from a backup") from error
    if not _IDENTIFIER.fullmatch(identifier):
        raise ConfigurationError(f"{path} is damaged; restore it from a backup")
    return identifier


def _create(path: Path) -> None:
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, secrets.token_hex(16).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
