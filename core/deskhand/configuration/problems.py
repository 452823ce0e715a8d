"""A mistake in the configuration, told so that it can be mended: file, key, what was expected, and the fix."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError


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
    """The configuration cannot be used; ``problems`` lists every mistake found, in the file's order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems; the message is all of them, for people."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def explain(file: Path, error: ValidationError, model: type[BaseModel], prefix: str = "") -> list[Problem]:
    """Turn pydantic's errors into problems; values are never quoted, since one of them may be a secret."""
    return [_explain_one(file, dict(each), model, prefix) for each in error.errors(include_input=False)]


def _explain_one(file: Path, error: dict[str, Any], model: type[BaseModel], prefix: str) -> Problem:
    path = [str(part) for part in error["loc"]]
    key = ".".join([prefix, *path] if prefix else path)
    if error["type"] == "extra_forbidden":
        return Problem(file, key, "a key this section knows", _closest(path, model))
    description = _described(path, model)
    if error["type"] == "missing":
        return Problem(file, key, description or "a value", f"add `{path[-1]} = …` to [{_section(key)}]")
    return Problem(file, key, error["msg"], f"change `{path[-1] if path else key}`: {description}".rstrip(": "))


def _section(key: str) -> str:
    return key.rpartition(".")[0] or "the top of the file"


def _model_at(path: Sequence[str], model: type[BaseModel]) -> type[BaseModel] | None:
    current: type[BaseModel] | None = model
    for part in path:
        field = current.model_fields.get(part) if current else None
        kind = field.annotation if field else None
        current = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return current


def _described(path: Sequence[str], model: type[BaseModel]) -> str:
    owner = _model_at(path[:-1], model) if path else None
    field = owner.model_fields.get(path[-1]) if owner else None
    return (field.description or "") if field else ""


def _closest(path: Sequence[str], model: type[BaseModel]) -> str:
    owner = _model_at(path[:-1], model)
    known = sorted(owner.model_fields) if owner else []
    matches = difflib.get_close_matches(path[-1], known, n=1)
    if matches:
        return f"rename `{path[-1]}` to `{matches[0]}`"
    return f"remove `{path[-1]}`; known keys: {', '.join(known)}" if known else f"remove `{path[-1]}`"
