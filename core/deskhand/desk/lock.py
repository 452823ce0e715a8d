"""One desk for one state folder: a second one is refused before it can touch anything."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from deskhand.sdk.errors import ConfigurationError


class StateLock:
    """An advisory lock on ``desk.lock``; the kernel drops it when the process dies, however it dies."""

    def __init__(self, state: Path) -> None:
        self._path = state / "desk.lock"
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Take the lock. Raises ConfigurationError where another process holds it or the folder is unusable."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._release()
            raise ConfigurationError(
                f"another desk is running on {self._path.parent}; stop it, or give this one its own [desk] state"
            ) from None
        except OSError as error:
            raise ConfigurationError(
                f"the state folder {self._path.parent} cannot be used ({error.strerror}); "
                "check [desk] state and its permissions"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock."""
        self._release()

    def _release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
