"""Records as text and back: one JSON document each, times of one width, and no character that SQLite refuses."""

import json
from datetime import UTC, datetime
from typing import Generic, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


class Document(Generic[T]):
    """Turns one kind of record into JSON and back; default values are left out."""

    def __init__(self, kind: type[T]) -> None:
        self._adapter = TypeAdapter(kind)

    def write(self, record: T) -> str:
        """Return the record as JSON."""
        return storable(
            json.dumps(self._adapter.dump_python(record, mode="json", exclude_defaults=True), ensure_ascii=False)
        )

    def read(self, text: str) -> T:
        """Return the record that was written."""
        return self._adapter.validate_json(text)


def storable(text: str) -> str:
    """Return the text with lone surrogates replaced: JSON can carry them into a ticket, UTF-8 cannot store them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def moment(time: datetime) -> str:
    """Return an aware time as UTC text whose order is the order in time."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")
