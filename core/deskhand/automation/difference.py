"""What differs between two versions of an automation: field by field, and line by line."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue

from deskhand.automation.document import Automation

_MISSING = "nothing"
_NAMED_LISTS = {"steps": "id"}
"""Lists whose entries are told apart by a field of theirs, so that an inserted one moves none of the others."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not the same; a value that is not there reads “nothing”."""

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        """Word it for people."""
        return f"{self.path}: {self.before} → {self.after}"


def differences(one: Automation, other: Automation) -> tuple[Difference, ...]:
    """List what differs, in the document's order. Steps are told apart by their id; their order is a field too."""
    before, after = dict(_leaves("", _plain(one))), dict(_leaves("", _plain(other)))
    paths = [*before, *(path for path in after if path not in before)]
    return tuple(
        Difference(path, before.get(path, _MISSING), after.get(path, _MISSING))
        for path in paths
        if before.get(path) != after.get(path)
    )


def unified(one: str, other: str, names: tuple[str, str]) -> str:
    """Return the unified difference of two texts; empty where they are the same."""
    lines = difflib.unified_diff(one.splitlines(), other.splitlines(), *names, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _plain(document: BaseModel) -> JsonValue:
    found: JsonValue = document.model_dump(mode="json")
    return found


def _leaves(path: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, each)
    elif isinstance(value, list) and path in _NAMED_LISTS:
        entries: dict[str, JsonValue] = {
            str(each[_NAMED_LISTS[path]]): each for each in value if isinstance(each, Mapping)
        }
        yield f"{path} (order)", ", ".join(entries)
        yield from _leaves(path, entries)
    elif value is not None and value != []:
        yield path, _worded(value)


def _worded(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(map(_worded, value))
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_worded(each)}" for name, each in value.items() if each is not None)
    return str(value)
