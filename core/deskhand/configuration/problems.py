"""A mistake in the configuration, told so that it can be mended: file, key, what was expected, and the fix."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NOT_A_TABLE = frozenset({"model_type", "model_attributes_type", "dict_type"})
_OPENINGS = ("Value error, ", "Input should be ")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")

Keys = Sequence[str | int]
"""The way to a value: names of tables and keys, and places in arrays."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it stands, what was expected there, and what mends it."""

    file: Path
    key: str
    expected: str
    fix: str

    def __str__(self) -> str:
        """Tell the mistake in three short lines."""
        return f"{self.file}: {self.key or '(whole file)'}\n  expected: {self.expected}\n  fix: {self.fix}"


class InvalidConfigurationError(Exception):
    """The configuration cannot be used; ``problems`` lists every mistake found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems; the message is all of them, for people."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def explain(file: Path, error: ValidationError, model: type[BaseModel], within: Keys = ()) -> list[Problem]:
    """Turn pydantic's errors into problems; values are never quoted, since one of them may be a secret.

    ``within`` is the way to the table that ``model`` describes.
    """
    errors = error.errors(include_url=False, include_context=False)
    return [_explained(file, dict(each), model, within) for each in errors]


def written(keys: Keys) -> str:
    """Write the way to a value as TOML would, with places in arrays in brackets."""
    parts = [f"[{each}]" if isinstance(each, int) else f".{_written_key(each)}" for each in keys]
    return "".join(parts).removeprefix(".")


def closest(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that was probably meant."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def _explained(file: Path, error: Mapping[str, Any], model: type[BaseModel], within: Keys) -> Problem:
    path: Keys = error["loc"]
    where = (*within, *path)
    description = _description(path, model)
    expected, fix = _plainly(error), f"change {_quoted(where)}: {description}".rstrip(": ")
    if error["type"] == "extra_forbidden":
        expected, fix = "a key this section knows", _renamed_or_removed(path, model)
    elif error["type"] == "missing":
        expected, fix = description or "a value", _added(where, _kind_at(path, model))
    elif error["type"] in _NOT_A_TABLE:
        expected, fix = f"a table: {description}".rstrip(": "), f"write it as [{written(where)}], its keys below"
    return Problem(file, written(where), expected, fix)


def _plainly(error: Mapping[str, Any]) -> str:
    """Return what was expected; where a validator's message repeats part of the value, without that part."""
    message = str(error["msg"])
    for opening in _OPENINGS:
        message = message.removeprefix(opening)
    if error["type"] != "value_error":
        return message
    given = str(error["input"])
    return _QUOTED.sub(lambda quoted: "'…'" if quoted[0][1:-1] in given else quoted[0], message)


def _quoted(where: Keys) -> str:
    return f"`{where[-1]}`" if where else "the file"


def _added(where: Keys, kind: object) -> str:
    if _as_model(kind) or get_origin(kind) is dict:
        return f"add a table [{written(where)}]" if _as_model(kind) else f"add a table [{written(where)}.<name>]"
    section = written(where[:-1])
    return f"add `{where[-1]} = …` " + (f"to [{section}]" if section else "above the first table")


def _renamed_or_removed(path: Keys, model: type[BaseModel]) -> str:
    owner, name = _as_model(_kind_at(path[:-1], model)), str(path[-1])
    known = sorted(key for key, field in owner.model_fields.items() if _is_writable(field)) if owner else []
    meant = closest(name, known)
    if meant:
        return f"rename `{name}` to `{meant}`"
    return f"remove `{name}`; known keys: {', '.join(known)}" if known else f"remove `{name}`"


def _is_writable(field: FieldInfo) -> bool:
    """Tell fields that a file may set from those the program fills in."""
    return not field.exclude


def _description(path: Keys, model: type[BaseModel]) -> str:
    """Return what the innermost described field on the way says of itself."""
    fields = [_field_at(path[:length], model) for length in range(1, len(path) + 1)]
    return next((field.description for field in reversed(fields) if field and field.description), "")


def _field_at(path: Keys, model: type[BaseModel]) -> FieldInfo | None:
    owner = _as_model(_kind_at(path[:-1], model))
    return owner.model_fields.get(str(path[-1])) if owner else None


def _kind_at(path: Keys, model: type[BaseModel]) -> object:
    kind: object = model
    for part in path:
        kind = _kind_within(kind, part)
    return kind


def _kind_within(kind: object, part: str | int) -> object:
    """Return the type of what stands under a key, or a place, of a value of this type; None where it is unknown."""
    owner = _as_model(kind)
    if owner:
        field = owner.model_fields.get(str(part))
        return _bare(field.annotation) if field else None
    held = [each for each in get_args(kind) if each is not Ellipsis]
    return _bare(held[-1]) if held else None


def _bare(kind: object) -> object:
    """Take the type out of ``Annotated[type, …]`` and ``type | None``."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        return _bare(next(each for each in get_args(kind) if each is not type(None)))
    return kind


def _as_model(kind: object) -> type[BaseModel] | None:
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _written_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key)
