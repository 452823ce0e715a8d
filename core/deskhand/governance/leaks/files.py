"""Looks for secrets in everything a folder holds: files byte by byte, and SQLite databases row by row as well."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from deskhand.governance.leaks.scanner import Leak, LeakScanner

_CHUNK = 1 << 20
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class FoundLeak:
    """A secret in a file, or in a table of one; ``secret`` names it and its encoding."""

    where: str
    secret: str


def leaks_in(folder: Path, scanner: LeakScanner) -> Iterator[FoundLeak]:
    """Yield each secret once for each file, and table, that holds it. What cannot be read is passed over."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()):
        name = str(path.relative_to(folder))
        found = {str(leak) for leak in _in_file(path, scanner)}
        yield from (FoundLeak(name, secret) for secret in sorted(found))
        yield from _in_database(path, name, scanner, found)


def _in_file(path: Path, scanner: LeakScanner) -> Iterator[Leak]:
    overlap = b""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield from scanner.find_in_bytes(overlap + chunk)
                overlap = (overlap + chunk)[-max(scanner.longest - 1, 1) :]
    except OSError:
        return


def _in_database(path: Path, name: str, scanner: LeakScanner, known: set[str]) -> Iterator[FoundLeak]:
    """Look at whole values: in the file, a long one may be broken over pages."""
    try:
        with path.open("rb") as file:
            if file.read(len(_SQLITE)) != _SQLITE:
                return
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.text_factory = bytes
            for table in _tables(connection):
                found = {str(leak) for leak in _in_table(connection, table, scanner)}
                yield from (FoundLeak(f"{name}, table {table}", secret) for secret in sorted(found - known))
    except (OSError, sqlite3.DatabaseError):
        return


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    return [name.decode() for (name,) in connection.execute(query)]


def _in_table(connection: sqlite3.Connection, table: str, scanner: LeakScanner) -> Iterator[Leak]:
    quoted = table.replace('"', '""')
    for row in connection.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608  # a name out of the database itself
        for value in row:
            if isinstance(value, bytes):
                yield from scanner.find_in_bytes(value)
