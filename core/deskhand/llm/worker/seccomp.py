"""Seccomp: system calls that a model never needs, refused by the kernel whatever code asks for them.

https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Mapping
from typing import Final

_LOAD: Final = 0x20
_EQUALS: Final = 0x15
_AT_LEAST: Final = 0x35
_HAS_BITS: Final = 0x45
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_CLONE_THREAD: Final = 0x00010000
_OTHER_INTERFACE: Final = 0x40000000
"""Numbers of the x32 interface start here."""
_SET_MODE_FILTER: Final = 1
_ALL_THREADS: Final = 1

REFUSED: Final[Mapping[str, tuple[int, int | None]]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "socketpair": (53, 199),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "setns": (308, 268),
    "unshare": (272, 97),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "userfaultfd": (323, 282),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
}
"""By name, the numbers of the calls on x86_64 and on aarch64, which has no fork of its own."""
_MACHINES: Final = {
    "x86_64": (0, 0xC000003E, 56, 435, 317),
    "aarch64": (1, 0xC00000B7, 220, 435, 277),
}
"""By machine: its column above, its audit number, and the numbers of clone, clone3 and seccomp."""

Instruction = tuple[int, int, int, int]


def refuse_calls(libc: ctypes.CDLL) -> bool:
    """Have the kernel refuse those calls in every thread; tell whether it does.

    A process may start threads and no children. It must have given up new privileges.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    column, architecture, clone, clone3, seccomp = machine
    refused = [number for numbers in REFUSED.values() if (number := numbers[column]) is not None]
    program = b"".join(struct.pack("HBBI", *each) for each in _filter(architecture, refused, clone, clone3))
    instructions = ctypes.create_string_buffer(program)
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    return bool(libc.syscall(seccomp, _SET_MODE_FILTER, _ALL_THREADS, described) == 0)


def _filter(architecture: int, refused: list[int], clone: int, clone3: int) -> list[Instruction]:
    """Write the filter: jumps are counted in instructions from the next one on."""
    forbid = (_RETURN, 0, 0, _ERROR | errno.EPERM)
    one_by_one = [each for number in refused for each in ((_EQUALS, 0, 1, number), forbid)]
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUALS, 1, 0, architecture),
        forbid,
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _OTHER_INTERFACE),
        forbid,
        *one_by_one,
        (_EQUALS, 0, 1, clone3),
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),  # the C library then uses clone, whose flags can be seen
        (_EQUALS, 0, 3, clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_HAS_BITS, 1, 0, _CLONE_THREAD),
        forbid,
        (_RETURN, 0, 0, _ALLOW),
    ]
