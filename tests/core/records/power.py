"""What a disk holds after a power cut: told by strace what a program did to a folder, played back to any moment.

The disk is a bad one: of what was not synced to a file, any part may have arrived, in any order and torn at 512 bytes;
of names that were made, replaced or removed, those up to some moment, unless their folder was synced.
"""

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

STRACE = shutil.which("strace")
SECTOR = 512
CALLS = (
    *("openat", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "unlink", "rename"),
    *("unlinkat", "renameat", "renameat2", "link", "linkat", "writev", "pwritev", "sendfile", "copy_file_range"),
    *("truncate", "fallocate"),
)
"""Every way to change a file that this program could take; those `Disk.apply` does not know end the test."""
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_HANDLE = re.compile(r"^(\d+)<")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call: what it was, the handle and the texts it was given, its last number, and what it returned."""

    call: str
    handle: int
    texts: tuple[bytes, ...]
    number: int
    returned: int
    flags: str


def traced(script: Path, *arguments: str) -> list[Operation]:
    """Run a Python script and return what it did to files, in order; skip where strace is not installed."""
    if STRACE is None:
        pytest.skip("STRACE IS NOT INSTALLED: apt-get install strace, then power cuts are tested")
    log = script.with_suffix(".trace")
    options = [
        "-f",
        "-y",
        "-xx",
        "-s",
        "1000000",
        "-e",
        f"trace={','.join(CALLS)}",
        "-e",
        "signal=none",
        "-o",
        str(log),
    ]
    command = [STRACE, *options, sys.executable, str(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own script
    assert done.returncode == 0, done.stderr
    return list(_operations(log.read_text(encoding="ascii").splitlines()))


def _operations(lines: list[str]) -> Iterator[Operation]:
    for line in lines:
        found = _LINE.match(line)
        if found is None or int(found[3]) < 0:
            continue
        call, told, returned = found[1], found[2], int(found[3])
        handle = _HANDLE.match(told)
        texts = tuple(bytes.fromhex(each.replace("\\x", "")) for each in _TEXT.findall(told))
        last = told.rpartition(", ")[2]
        number = int(last) if re.fullmatch(r"-?\d+", last) else 0
        yield Operation(call, int(handle[1]) if handle else -1, texts, number, returned, told)


@dataclass(slots=True)
class File:
    """A file's bytes that are safe, and the writes since: (place, bytes), or (length, None) for a cut."""

    safe: bytes = b""
    since: list[tuple[int, bytes | None]] = field(default_factory=list)
    place: int = 0


Names = dict[str, File]


@dataclass(slots=True)
class Disk:
    """A folder as the program sees it (``names``), as it is safe, and the changes of names in between."""

    folder: bytes
    names: Names = field(default_factory=dict)
    safe_names: Names = field(default_factory=dict)
    since: list[Names] = field(default_factory=list)
    handles: dict[int, File] = field(default_factory=dict)
    folders: set[int] = field(default_factory=set)
    said: list[str] = field(default_factory=list)

    def apply(self, operation: Operation) -> bool:
        """Do what the program did, and tell whether it touched the folder."""
        match operation.call:
            case "openat":
                return self._open(operation)
            case "write" | "pwrite64" if operation.handle in self.handles:
                file = self.handles[operation.handle]
                place = operation.number if operation.call == "pwrite64" else file.place
                file.since.append((place, operation.texts[-1]))
                file.place = place + len(operation.texts[-1])
            case "write":
                if operation.handle == 1:
                    self.said += operation.texts[-1].decode().splitlines()
                return False
            case "ftruncate" if operation.handle in self.handles:
                self.handles[operation.handle].since.append((operation.number, None))
            case "fsync" | "fdatasync":
                return self._sync(operation)
            case "unlink" | "rename" if operation.texts[-1].startswith(self.folder):
                self._rename(operation)
            case _:
                assert not any(text.startswith(self.folder) for text in operation.texts), operation
                return False
        return True

    def _open(self, operation: Operation) -> bool:
        path, handle = operation.texts[-1], operation.returned
        self.handles.pop(handle, None)
        self.folders.discard(handle)
        if path == self.folder:
            self.folders.add(handle)
        if not path.startswith(self.folder + b"/") or path.endswith(b"-shm"):
            return False
        name = path[len(self.folder) + 1 :].decode()
        if name not in self.names:
            self.names[name] = File()
            self.since.append(dict(self.names))
        self.handles[handle] = file = self.names[name]
        file.place = 0
        if "O_TRUNC" in operation.flags:
            file.since.append((0, None))
        return "O_CREAT" in operation.flags

    def _sync(self, operation: Operation) -> bool:
        if operation.handle in self.folders:
            self.safe_names, self.since = dict(self.names), []
        elif operation.handle in self.handles:
            file = self.handles[operation.handle]
            file.safe, file.since = _with(file.safe, file.since), []
        else:
            return False
        return True

    def _rename(self, operation: Operation) -> None:
        old, new = (each[len(self.folder) + 1 :].decode() for each in (operation.texts[0], operation.texts[-1]))
        file = self.names.pop(old, None)
        if operation.call == "rename" and file is not None:
            self.names[new] = file
        self.since.append(dict(self.names))

    def after_power_cut(self, chance: random.Random, folder: Path) -> None:
        """Write what is left into an empty folder."""
        names = chance.choice([self.safe_names, *self.since])
        for name, file in names.items():
            kept = [each for write in file.since if (each := _arrived(write, chance)) is not None]
            (folder / name).write_bytes(_with(file.safe, kept))


def _arrived(write: tuple[int, bytes | None], chance: random.Random) -> tuple[int, bytes | None] | None:
    """Decide what became of a write: all of it, its first sectors, or nothing."""
    place, content = write
    fate = chance.random()
    if fate < 0.4:
        return write
    if fate < 0.6 and content is not None and len(content) > SECTOR:
        return place, content[: SECTOR * chance.randrange(1, len(content) // SECTOR + 1)]
    return None


def _with(content: bytes, writes: list[tuple[int, bytes | None]]) -> bytes:
    found = bytearray(content)
    for place, written in writes:
        if written is None:
            del found[place:]
            found.extend(bytes(max(place - len(found), 0)))
        else:
            found.extend(bytes(max(place - len(found), 0)))
            found[place : place + len(written)] = written
    return bytes(found)
