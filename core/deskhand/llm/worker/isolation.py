"""What a model process gives up before it sees a ticket: the network, children, memory without end, orphanhood."""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_FORBIDDEN: Final = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.")


def isolate(memory_bytes: int, parent: int) -> tuple[str, ...]:
    """Give up what a model does not need, as far as this system allows, and name what was given up.

    Call it before any thread is started. The process dies with its parent (Linux), and at the latest when its
    standard input closes.
    """
    sys.addaudithook(_refuse)
    given_up = ["sockets"]
    if _limit_memory(memory_bytes):
        given_up.append("memory")
    if sys.platform == "linux":
        given_up += _leave_network(ctypes.CDLL(None, use_errno=True), parent)
    return tuple(given_up)


def _refuse(event: str, _arguments: object) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"the model process may not do {event}")


def _limit_memory(memory_bytes: int) -> bool:
    try:
        import resource  # noqa: PLC0415  # absent on Windows
    except ImportError:
        return False
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return True


def _leave_network(libc: ctypes.CDLL, parent: int) -> list[str]:
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the desk ended before its model process began")
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    alone = any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))
    return ["network"] if alone else []
