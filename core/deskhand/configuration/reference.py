"""Every setting a configuration file can have, with its default and what it means: one list for CLI, docs and tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from deskhand.configuration.schema import Configuration
from deskhand.registry import Registry


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the file: the table it stands in, its name, its default as text, and what it means."""

    section: str
    name: str
    default: str
    description: str


def settings(registry: Registry) -> tuple[Setting, ...]:
    """List every setting of the host and of each installed plugin, in the order of the file."""
    host = [each for each in _settings_of(Configuration, "") if each.section or each.name not in {"file", "connectors"}]
    plugins = [
        each
        for name, plugin in sorted(registry.plugins.items())
        if plugin.connector is not None
        for each in _settings_of(plugin.connector.settings, f"connectors.{name}")
    ]
    return (*host, *plugins)


def _settings_of(model: type[BaseModel], section: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            yield from _settings_of(nested, f"{section}.{name}" if section else name)
        else:
            yield Setting(section, name, _default(field), field.description or "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return _written(field.get_default(call_default_factory=True))


def _written(value: Any) -> str:  # noqa: ANN401  # whatever a setting's default is
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple() | list() | set() | frozenset() | dict():
            return f"{len(value)} built in" if value else "empty"
        case _:
            return str(value)
