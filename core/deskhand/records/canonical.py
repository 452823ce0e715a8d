"""One way to write a value as bytes, so that what is hashed, stored and compared is the same everywhere."""

import json
import re
from datetime import UTC, datetime

from pydantic import JsonValue

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL stores no NUL in text, and a lone surrogate is no UTF-8."""


def storable(words: str) -> str:
    """Return the text with what a database cannot store replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", words)


def canonical_json(value: JsonValue) -> str:
    """Write a document with sorted keys and no spaces, storable as text. Raises ValueError for NaN and infinity."""
    written = _write(value)
    if "\\u0000" in written or _UNSTORABLE.search(written):
        return _write(_storable_value(value))
    return written


def written_time(moment: datetime) -> str:
    """Write an aware time in UTC so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def read_time(written: str | None) -> datetime | None:
    """Read what `written_time` wrote; None stays None."""
    return None if written is None else datetime.fromisoformat(written)


def _write(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _storable_value(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable_value(each) for each in value]
    if isinstance(value, dict):
        return {storable(name): _storable_value(each) for name, each in value.items()}
    return value
