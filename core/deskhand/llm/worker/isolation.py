"""What a model process gives up before it sees a ticket: network, files, children, endless memory, orphanhood."""

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deskhand.llm.worker.landlock import confine
from deskhand.llm.worker.seccomp import refuse_calls

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_SYSTEM: Final = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/sys/devices", "/dev/urandom"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"),
)
_NOWHERE: Final = "/dev/null"
_CAPABILITIES_VERSION: Final = 0x20080522
"""Of capset(2): two sets of 32 bits each for effective, permitted and inheritable."""
_FORBIDDEN: Final = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.")


def isolate(memory_bytes: int, parent: int, readable: Sequence[str] = ()) -> tuple[str, ...]:
    """Give up what a model does not need, as far as this system allows, and name what was given up.

    Afterwards only ``readable``, Python itself and the system's libraries can be opened. Call it before any thread is
    started. The process dies with its parent (Linux), and at the latest when its standard input closes.
    """
    sys.addaudithook(_refuse)
    given_up = ["sockets"]
    if _limit_memory(memory_bytes):
        given_up.append("memory")
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        given_up += _leave_network(libc, parent)
        if _drop_capabilities(libc):
            given_up.append("capabilities")
        if confine(libc, [*_SYSTEM, sys.prefix, sys.base_prefix, *sys.path, *readable], [_NOWHERE]):
            given_up.append("files")
        if refuse_calls(libc):
            given_up.append("calls")
    return tuple(given_up)


def parts_of(model: str) -> list[str]:
    """Return the files of a model, which may be one of several that are loaded as one (``…-00001-of-00003.gguf``)."""
    path = Path(model)
    stem, separator, _ = path.stem.rpartition("-of-")
    if not separator:
        return [model]
    return [str(each) for each in path.parent.glob(f"{stem.rpartition('-')[0]}-*-of-*{path.suffix}")]


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


def _drop_capabilities(libc: ctypes.CDLL) -> bool:
    """Give up what root may do beyond others: with CAP_PERFMON it would read another process's environment."""
    header = struct.pack("Ii", _CAPABILITIES_VERSION, 0)
    return bool(libc.capset(header, bytes(24)) == 0)


def _leave_network(libc: ctypes.CDLL, parent: int) -> list[str]:
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the desk ended before its model process began")
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    alone = any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))
    return ["network"] if alone else []
