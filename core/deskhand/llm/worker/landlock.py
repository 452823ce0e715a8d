"""Landlock: from here on this process can open only the files it was told it may read, and none to write.

https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
from collections.abc import Iterable
from typing import Final

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIRECTORY: Final = 1 << 3
_RIGHTS_BY_VERSION: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many file rights each version of the interface knows; later ones know no more."""
_NET_SINCE: Final = 4
_SCOPES_SINCE: Final = 6
_BOTH: Final = 0b11
"""TCP bind and connect; abstract sockets and signals."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def confine(libc: ctypes.CDLL, readable: Iterable[str], writable: Iterable[str] = ()) -> bool:
    """Let this process open only what is beneath these paths; tell whether the kernel does that.

    What is open already stays open. The process must have given up new privileges.
    """
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return False
    rights = (1 << _RIGHTS_BY_VERSION.get(version, 16)) - 1
    net, scopes = (_BOTH if version >= since else 0 for since in (_NET_SINCE, _SCOPES_SINCE))
    ruleset = _Ruleset(rights, net, scopes)
    size = 8 * (1 + (version >= _NET_SINCE) + (version >= _SCOPES_SINCE))
    handle = libc.syscall(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), 0)
    if handle < 0:
        return False
    try:
        for path in readable:
            _allow(libc, handle, path, _READ_FILE)
        for path in writable:
            _allow(libc, handle, path, _READ_FILE | _WRITE_FILE)
        return bool(libc.syscall(_RESTRICT_SELF, handle, 0) == 0)
    finally:
        os.close(handle)


def _allow(libc: ctypes.CDLL, handle: int, path: str, rights: int) -> None:
    """Add a rule; what does not exist needs none."""
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        granted = rights | _READ_DIRECTORY if os.path.isdir(path) else rights  # noqa: PTH112  # a string it is
        rule = _Beneath(granted, target)
        libc.syscall(_ADD_RULE, handle, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(target)
