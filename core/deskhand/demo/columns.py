"""Finds out which column of a ticket file says what, by the names such columns usually have."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deskhand.demo.file_rows import TicketFileError

_SUMMARY = ("summary", "subject", "title", "short description", "headline", "betreff")
_TEXT = ("text", "description", "body", "document", "content", "message", "details", "ticket text", "beschreibung")
_TYPE = ("type", "category", "topic group", "label", "class", "ticket type", "issue type", "kategorie", "typ")
_SUBTYPE = ("subtype", "sub type", "subcategory", "sub category", "unterkategorie")
_IMPACT = ("impact", "auswirkung")
_URGENCY = ("urgency", "dringlichkeit")
_PRIORITY = ("priority", "prio", "priorität")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a ticket file that are used; None where the file has no such column."""

    summary: str | None
    text: str | None
    type: str | None
    subtype: str | None
    impact: str | None
    urgency: str | None
    priority: str | None


def find_columns(
    path: Path, names: Sequence[str], *, text_column: str | None = None, label_column: str | None = None
) -> Columns:
    """Choose the columns; a column that is named outright goes before one that is recognised.

    Names are compared without case, spaces, underscores and hyphens apart. Raises TicketFileError where there is
    nothing to read a ticket from, or where a column named outright is not in the file.
    """
    columns = Columns(
        summary=_recognise(names, _SUMMARY),
        text=_named(path, names, text_column) or _recognise(names, _TEXT),
        type=_named(path, names, label_column) or _recognise(names, _TYPE),
        subtype=_recognise(names, _SUBTYPE),
        impact=_recognise(names, _IMPACT),
        urgency=_recognise(names, _URGENCY),
        priority=_recognise(names, _PRIORITY),
    )
    if columns.text is None and columns.summary is None:
        raise TicketFileError(
            f"{path}: none of its columns ({', '.join(names)}) looks like a ticket's text. Expected one of "
            f"{', '.join(_TEXT)}, or one of {', '.join(_SUMMARY)}: rename the column, or name it outright."
        )
    return columns


def _recognise(names: Sequence[str], usual: Sequence[str]) -> str | None:
    found = {_folded(name): name for name in reversed(names)}
    return next((found[name] for name in usual if name in found), None)


def _named(path: Path, names: Sequence[str], wanted: str | None) -> str | None:
    if wanted is None or wanted in names:
        return wanted
    found = next((name for name in names if _folded(name) == _folded(wanted)), None)
    if found is None:
        raise TicketFileError(f"{path} has no column '{wanted}'. Name one of: {', '.join(names)}.")
    return found


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
