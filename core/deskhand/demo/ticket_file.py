"""Turns a file of tickets, an MSP's own export or a public data set, into history and tickets for the rehearsal."""

import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from deskhand.demo.columns import Columns, find_columns
from deskhand.demo.file_rows import FileRow, TicketFileError, read_rows
from deskhand.sdk.models import Level

__all__ = ["FileTicket", "TicketFile", "TicketFileError", "read_tickets", "shortened"]

HISTORY = 2_000
LONGEST_SUMMARY = 100
MOST_TYPES = 200
_HISTORY_SHARE = (3, 5)
_ENOUGH = HISTORY * _HISTORY_SHARE[1] // _HISTORY_SHARE[0] + 1

_Read = TypeVar("_Read")
_LEVELS = {
    **dict.fromkeys(("high", "critical", "urgent", "extensive", "hoch", "kritisch"), Level.HIGH),
    **dict.fromkeys(("medium", "moderate", "normal", "mittel"), Level.MEDIUM),
    **dict.fromkeys(("low", "minor", "limited", "niedrig", "gering"), Level.LOW),
}
_DIGIT_LEVELS = {"1": Level.HIGH, "2": Level.MEDIUM, "3": Level.LOW}
_RANKS = {
    **dict.fromkeys(("critical", "urgent", "emergency", "kritisch"), 1),
    **dict.fromkeys(("high", "hoch"), 2),
    **dict.fromkeys(("medium", "moderate", "normal", "mittel"), 3),
    **dict.fromkeys(("low", "planning", "niedrig"), 4),
}
_DIGIT_RANKS = {**{str(rank): rank for rank in range(1, 5)}, **{f"p{rank}": rank for rank in range(1, 5)}}


@dataclass(frozen=True, slots=True)
class FileTicket:
    """One ticket of the file. A label is None where the file has none; ``priority`` is a rank from 1 to 4."""

    line: int
    summary: str
    text: str
    type: str | None = None
    subtype: str | None = None
    impact: Level | None = None
    urgency: Level | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class TicketFile:
    """A ticket file, divided: what is already closed, and what comes in, each in the file's order."""

    path: Path
    columns: Columns
    history: tuple[FileTicket, ...]
    tickets: tuple[FileTicket, ...]
    types: dict[str, tuple[str, ...]]
    """The types seen in either part and each one's subtypes, sorted; empty where the file has no labels."""


def read_tickets(
    path: Path,
    *,
    limit: int | None = None,
    history: int | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
) -> TicketFile:
    """Read a CSV or JSONL file, plain or gzipped, as far as it is needed.

    The first ``history`` rows are closed tickets with their label as the type, the next ``limit`` come in (all of
    the rest where ``limit`` is None). Left out, ``history`` is 2,000; of a file too short for that, the first three
    fifths; of a file without labels, none, since nothing could be learnt from it. Raises TicketFileError.
    """
    wanted = None if limit is None else max(_ENOUGH, (HISTORY if history is None else history) + limit)
    with closing(read_rows(path)) as rows:
        first = next(rows, None)
        if first is None:
            raise TicketFileError(f"{path} has a header and no tickets. Expected at least one row below it.")
        columns = find_columns(path, tuple(first.values), text_column=text_column, label_column=label_column)
        tickets = [_ticket(path, columns, row) for row in islice(chain([first], rows), wanted)]
    closed = _history_length(tickets) if history is None else history
    if closed >= len(tickets):
        raise TicketFileError(
            f"{path} has {len(tickets)} tickets: none is left after {closed} of history. Ask for fewer."
        )
    incoming = tickets[closed:] if limit is None else tickets[closed : closed + limit]
    types = _types(path, columns, (*tickets[:closed], *incoming))
    return TicketFile(path, columns, tuple(tickets[:closed]), tuple(incoming), types)


def _history_length(tickets: list[FileTicket]) -> int:
    if not any(ticket.type for ticket in tickets):
        return 0
    part, whole = _HISTORY_SHARE
    return min(HISTORY, len(tickets) * part // whole)


def _ticket(path: Path, columns: Columns, row: FileRow) -> FileTicket:
    summary, text = _value(row, columns.summary), _value(row, columns.text)
    if not summary and not text:
        named = " and ".join(f"'{name}'" for name in (columns.summary, columns.text) if name)
        raise TicketFileError(
            f"{path}, line {row.line}: the ticket has no text in {named}. Fill it in or remove the row."
        )
    return FileTicket(
        line=row.line,
        summary=shortened(summary or text),
        text=text or summary,
        type=_value(row, columns.type) or None,
        subtype=_value(row, columns.subtype) or None,
        impact=_read_word(_value(row, columns.impact), _LEVELS, _DIGIT_LEVELS),
        urgency=_read_word(_value(row, columns.urgency), _LEVELS, _DIGIT_LEVELS),
        priority=_read_word(_value(row, columns.priority), _RANKS, _DIGIT_RANKS),
    )


def _value(row: FileRow, column: str | None) -> str:
    return "" if column is None else row.values.get(column, "").strip()


def shortened(text: str) -> str:
    """Cut a text to what a PSA takes as a summary: one line, whole words, 100 characters."""
    line = " ".join(text[: LONGEST_SUMMARY * 4].split())
    if len(line) <= LONGEST_SUMMARY:
        return line
    cut = line[: LONGEST_SUMMARY - 1]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut else cut}…"


def _read_word(value: str, words: dict[str, _Read], digits: dict[str, _Read]) -> _Read | None:
    """Read "High", "1 - High" or "2"; what is not understood is no label."""
    parts = re.findall(r"\w+", value.casefold())
    known = next((words[part] for part in parts if part in words), None)
    return known or (digits.get(parts[0]) if parts else None)


def _types(path: Path, columns: Columns, tickets: Iterable[FileTicket]) -> dict[str, tuple[str, ...]]:
    seen: dict[str, set[str]] = {}
    for ticket in tickets:
        if ticket.type is not None:
            seen.setdefault(ticket.type, set()).update({ticket.subtype} if ticket.subtype else ())
    if len(seen) > MOST_TYPES:
        raise TicketFileError(
            f"{path}: the column '{columns.type}' has {len(seen)} different values; a board has at most {MOST_TYPES} "
            "types. Name the column that holds the category."
        )
    return {name: tuple(sorted(seen[name])) for name in sorted(seen)}
