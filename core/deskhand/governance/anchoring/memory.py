"""What was anchored where and when, in a file of the state folder: lost, it only costs an anchor too many."""

import os
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError


class Remembered(BaseModel):
    """How it went with one place: the last copy there, the last try, and why that failed if it did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = 0
    anchored_at: AwareDatetime | None = None
    reference: str = ""
    tried_at: AwareDatetime | None = None
    trouble: str = ""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    places: dict[str, Remembered] = Field(default_factory=dict)
    is_stale: bool = False


class Memory:
    """The file, read once and replaced whole. It is no evidence: the places themselves are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._document = _read(path)

    @property
    def is_stale(self) -> bool:
        """Whether the record says at present that anchors are stale."""
        return self._document.is_stale

    def of(self, place: str) -> Remembered:
        """Return what is known of a place, which is nothing at first."""
        return self._document.places.get(place, Remembered())

    def keep(self, place: str, remembered: Remembered) -> None:
        """Remember how it went. A folder that cannot be written is forgiven: the next start tries again."""
        self._replace(self._document.model_copy(update={"places": {**self._document.places, place: remembered}}))

    def keep_staleness(self, *, is_stale: bool) -> None:
        """Remember what the record says."""
        self._replace(self._document.model_copy(update={"is_stale": is_stale}))

    def _replace(self, document: _Document) -> None:
        self._document = document
        draft = self._path.with_name(f".{self._path.name}.draft")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(document.model_dump_json(indent=1))
            draft.replace(self._path)
        except OSError:
            draft.unlink(missing_ok=True)


def _read(path: Path) -> _Document:
    try:
        return _Document.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, ValidationError):
        return _Document()
