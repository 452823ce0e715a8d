"""One desk for one state folder, and one hand of a name: a second one is refused before it can touch anything."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from deskhand.sdk.errors import ConfigurationError

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class StateLock:
    """An advisory lock on ``<kind>.lock``; the kernel drops it when the process dies, however it dies."""

    def __init__(self, state: Path, *, kind: str = "desk", otherwise: str = "its own [desk] state") -> None:
        """``otherwise`` is what to give a second one of this ``kind``."""
        self._path = state / f"{kind}.lock"
        self._kind, self._otherwise = kind, otherwise
        self._file: int | None = None

    @property
    def place(self) -> str:
        """Name what only the holder of this lock can name, on this machine, until it starts anew; empty where none can.

        Whoever named it before is dead.
        """
        if self._file is None or not _BOOT.exists():
            return ""
        status = os.fstat(self._file)
        return f"{_BOOT.read_text(encoding='ascii').strip()}:{status.st_dev}:{status.st_ino}"

    def __enter__(self) -> Self:
        """Take the lock. Raises ConfigurationError where another process holds it or the folder is unusable."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._release()
            raise ConfigurationError(
                f"another {self._kind} is running on {self._path.parent}; stop it, or give this one {self._otherwise}"
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
