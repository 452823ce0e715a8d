"""Who this desk is: a random name in the state folder, from which idempotency keys are made that nobody can guess."""

import os
import secrets
from pathlib import Path

from deskhand.sdk.errors import ConfigurationError


def desk_id(state: Path) -> str:
    """Return the desk's identifier, made durably on first use.

    Raises ConfigurationError where the file cannot be read or written; a new identifier is never made in its place,
    since keys of effects in flight depend on the old one.
    """
    path = state / "desk-id"
    try:
        if not path.exists():
            _create(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written ({error.strerror}); make room or mend its folder"
        ) from error
    try:
        identifier = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be used ({type(error).__name__}); restore it from a backup") from error
    if len(identifier) != 32:  # noqa: PLR2004  # 16 random bytes in hex
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
