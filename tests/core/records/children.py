"""Functions run in a forked process, to be killed, starved or demoted without the imports being paid for again."""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGKILL
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Child:
    """A process that runs one function; what it says comes through ``said``."""

    pid: int
    said: BinaryIO

    def kill(self) -> bytes:
        """Kill -9, and return what was still unread."""
        os.kill(self.pid, SIGKILL)
        return self.wait()[1]

    def wait(self) -> tuple[int, bytes]:
        """Return the exit status and what was still unread."""
        with self.said:
            rest = self.said.read()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), rest


def start(act: Callable[[Callable[[str], None]], None]) -> Child:
    """Run a function in a child; it is given a way to say a line."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Child(pid, os.fdopen(reading, "rb"))

    def say(line: str) -> None:
        os.write(writing, f"{line}\n".encode())

    try:
        act(say)
    except BaseException:  # noqa: BLE001  # nothing of the parent's may run in the child
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
