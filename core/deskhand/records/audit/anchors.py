"""Anchors: what the log was at a moment, noted where this host cannot reach it, to catch what no signature can."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import select

from deskhand.records.audit.keys import decoded_key, encoded
from deskhand.records.audit.merkle import Frontier
from deskhand.records.database import Records
from deskhand.records.schema import audit_head


class AnchorError(ValueError):
    """An anchor file cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The Merkle root over the log's first ``size`` entries."""

    size: int
    root: bytes

    def line(self) -> str:
        """Write the anchor as one line of an anchor file."""
        return f"{self.size} {encoded(self.root)}"

    @classmethod
    def read(cls, line: str) -> Self:
        """Read a line of an anchor file. Raises ValueError where it is none."""
        size, root = line.split()
        return cls(int(size), decoded_key(root))


def anchor_of(records: Records) -> Anchor:
    """Return the log as it is now, to be noted elsewhere."""
    with records.reading() as connection:
        row = connection.execute(select(audit_head)).one()
    return Anchor(row.size, Frontier(row.size, row.frontier).root())


def read_anchors(path: Path) -> tuple[Anchor, ...]:
    """Read an anchor file: one ``size root`` a line, # for comments. Raises AnchorError where a line is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AnchorError(f"{path} cannot be read ({type(error).__name__})") from error
    numbered = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return tuple(_read(path, number, line) for number, line in numbered if line and not line.startswith("#"))


def _read(path: Path, number: int, line: str) -> Anchor:
    try:
        return Anchor.read(line)
    except ValueError as error:
        raise AnchorError(
            f"{path}, line {number}: expected a number of entries and a root, as `deskhand audit verify` prints them"
        ) from error
