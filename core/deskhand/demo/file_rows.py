"""Reads the rows of a CSV or JSONL file, plain or gzipped, one at a time, and says exactly where it is broken."""

import csv
import gzip
import json
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import TextIO

from deskhand.sdk.errors import ConfigurationError

LONGEST_LINE = 4_000_000
LONGEST_FIELD = 1_000_000
_GZIP = b"\x1f\x8b"
_JSON_ENDINGS = frozenset({".jsonl", ".ndjson", ".json"})
_DELIMITERS = (",", ";", "\t")


class TicketFileError(ConfigurationError):
    """A ticket file cannot be used; the message names the file, the place, what was expected, and the fix."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One record of the file: the line it starts on, and its values by column."""

    line: int
    values: dict[str, str]


def read_rows(path: Path) -> Generator[FileRow]:
    """Yield the file's records in order, holding one at a time.

    The file is UTF-8, with or without a byte order mark. A CSV file has a header line, is separated by comma,
    semicolon or tab, and quoted as RFC 4180 says; a JSONL file has one object a line. Raises TicketFileError.
    """
    place = _Place(path)
    try:
        with _open_text(path) as stream:
            lines = place.lines(stream)
            first = next((line for line in lines if line.strip()), None)
            if first is None:
                raise TicketFileError(
                    f"{path} is empty. Expected a CSV header or JSON lines, then at least one ticket."
                )
            lines = chain([first], lines)
            yield from _json_rows(place, lines) if _is_json(path, first) else _csv_rows(place, first, lines)
    except UnicodeDecodeError as error:
        raise TicketFileError(_not_utf8(place, error)) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TicketFileError(
            f"{path}, after line {place.line}: the compressed data is cut off or damaged ({error}). "
            "Expected a whole gzip file: check it with `gzip -t`, and copy it again."
        ) from None
    except FileNotFoundError:
        raise TicketFileError(f"{path}: there is no such file. Give the path of a CSV or JSONL file.") from None
    except IsADirectoryError:
        raise TicketFileError(f"{path} is a folder. Give the path of one CSV or JSONL file in it.") from None
    except OSError as error:
        raise TicketFileError(
            f"{path}: it cannot be read ({error.strerror}). Mend its permissions or copy it."
        ) from None


class _Place:
    """Where in the file reading has got to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = 0

    def lines(self, stream: TextIO) -> Iterator[str]:
        while line := stream.readline(LONGEST_LINE + 1):
            self.line += 1
            if len(line) > LONGEST_LINE:
                raise self.error(
                    f"the line is longer than {LONGEST_LINE:,} characters",
                    "Is this a table of tickets? Cut the line, or export the tickets again.",
                )
            yield line

    def error(self, wrong: str, fix: str, line: int | None = None) -> TicketFileError:
        return TicketFileError(f"{self.path}, line {line or self.line}: {wrong}. {fix}")


@contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    with path.open("rb") as raw:
        is_gzip = raw.read(2) == _GZIP
        raw.seek(0)
        if path.suffix.lower() == ".gz" and not is_gzip:
            raise TicketFileError(f"{path} is named .gz but is not gzipped. Rename it, or compress it with `gzip`.")
        with TextIOWrapper(gzip.open(raw) if is_gzip else raw, encoding="utf-8-sig", newline="") as stream:
            yield stream


def _is_json(path: Path, first: str) -> bool:
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return name.suffix.lower() in _JSON_ENDINGS or first.lstrip().startswith(("{", "["))


def _not_utf8(place: _Place, error: UnicodeDecodeError) -> str:
    byte = error.object[error.start]
    encoding = "UTF-16" if place.line == 0 and byte in {0xFE, 0xFF} else "WINDOWS-1252"
    return (
        f"{place.path}, after line {place.line}: byte 0x{byte:02X} is not UTF-8, which was expected. "
        f"Convert the file, for example: iconv -f {encoding} -t UTF-8 FILE > FILE.utf8"
    )


def _json_rows(place: _Place, lines: Iterator[str]) -> Iterator[FileRow]:
    for line in lines:
        if line.strip():
            yield FileRow(place.line, {name: _plain(value) for name, value in _json_object(place, line).items()})


def _json_object(place: _Place, line: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        wrong = f"column {error.colno} is not JSON ({error.msg.lower()})"
        raise place.error(wrong, "Expected one whole JSON object on each line.") from None
    except (ValueError, RecursionError):
        raise place.error("the JSON has a number too long or is nested too deep", "Flatten it.") from None
    if isinstance(value, list):
        raise place.error("this is a JSON array", "Expected one object a line: jq -c '.[]' FILE > FILE.jsonl")
    if not isinstance(value, dict):
        raise place.error("this is not a JSON object", 'Expected lines such as {"subject": "...", "body": "..."}.')
    return value


def _plain(value: object) -> str:
    """Return a JSON value as text; half a surrogate pair, which no encoding can carry, becomes U+FFFD."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _csv_rows(place: _Place, first: str, lines: Iterator[str]) -> Iterator[FileRow]:
    reader = csv.reader(lines, delimiter=max(_DELIMITERS, key=first.count), strict=True)
    start, header = place.line, None
    with _field_limit():
        while (fields := _next_fields(place, reader, start)) is not None:
            if header is None:
                header = _checked_header(place, fields)
            elif fields:
                if len(fields) != len(header):
                    raise _ragged(place, fields, header, start)
                yield FileRow(start, dict(zip(header, fields, strict=True)))
            start = place.line + 1


def _next_fields(place: _Place, reader: Iterator[list[str]], start: int) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        wrong = f"the record that starts here is not CSV ({error})"
        fix = "Expected text with commas or line breaks in double quotes, and quotes inside it doubled."
        raise place.error(wrong, fix, start) from None


def _checked_header(place: _Place, fields: list[str]) -> list[str]:
    header = [name.strip() for name in fields]
    doubled = next((name for name in header if name and header.count(name) > 1), None)
    if doubled is not None:
        raise place.error(f"the column '{doubled}' occurs twice", "Rename or remove one of the two.")
    return header


def _ragged(place: _Place, fields: list[str], header: list[str], start: int) -> TicketFileError:
    return place.error(
        f"found {len(fields)} fields where the header has {len(header)} ({', '.join(header)})",
        "Quote text that contains the separator, or add what is missing.",
        start,
    )


@contextmanager
def _field_limit() -> Iterator[None]:
    """Let a field be as long as ours may be; the csv module keeps its limit for the whole process."""
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)
