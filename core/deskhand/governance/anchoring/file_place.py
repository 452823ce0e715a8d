"""Anchors in a file on another volume: one line a checkpoint, as `deskhand audit verify --anchors` reads them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from deskhand.governance.anchoring.place import PlaceError, Sealed
from deskhand.records.audit.anchors import Anchor
from deskhand.records.canonical import written_time


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Appends to a file and never makes its folder, since a volume that is not mounted would go unnoticed."""

    path: Path
    name: str = "file"
    every: timedelta | None = None

    def put(self, sealed: Sealed) -> str:
        """Append a line, and a comment that tells when and of which log it is; it is on the disk when this returns."""
        checkpoint = sealed.checkpoint
        about = f"# {checkpoint.origin} epoch {checkpoint.epoch} at {written_time(checkpoint.at)}"
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, f"{about}\n{sealed.anchor.line()}\n".encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise PlaceError(
                f"{self.path} cannot be written ({error.strerror}): check that its volume is mounted and writable"
            ) from error
        return str(self.path)

    def anchors(self, origin: str) -> tuple[Anchor, ...] | None:
        """Read back the lines under comments that name this log."""
        if not self.path.exists():
            return ()
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
            return tuple(_anchors_of(lines, origin))
        except (OSError, ValueError) as error:
            raise PlaceError(f"{self.path} cannot be read as anchors ({type(error).__name__}): look at it") from error


def _anchors_of(lines: Sequence[str], origin: str) -> Iterator[Anchor]:
    named = ""
    for line in filter(str.strip, lines):
        if line.startswith("#"):
            named = line[1:].split()[0] if line[1:].strip() else ""
        elif named == origin:
            yield Anchor.read(line)


def is_on_same_volume(path: Path, state: Path) -> bool:
    """Tell whether a file would be lost, or rolled back, together with the state folder."""
    try:
        return path.parent.stat().st_dev == state.stat().st_dev
    except OSError:
        return False
