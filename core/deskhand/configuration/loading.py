"""Reading a configuration file into a Configuration, or into a list of problems that can be mended."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deskhand.configuration.problems import InvalidConfigurationError, Problem, explain
from deskhand.configuration.schema import Configuration
from deskhand.configuration.secret_references import SecretReferenceError, dereference
from deskhand.registry import Registry
from deskhand.sdk.settings import ConnectorSettings


def load(path: Path) -> Configuration:
    """Read and check a TOML file. Raises InvalidConfigurationError with every problem found."""
    document = _parse(path)
    connectors = document.get("connectors", {})
    if isinstance(connectors, dict):
        document["connectors"] = _resolve_secrets(path, connectors)
    try:
        return Configuration.model_validate({**document, "file": path.resolve()})
    except ValidationError as error:
        raise InvalidConfigurationError(explain(path, error, Configuration)) from error


def connector_settings(configuration: Configuration, registry: Registry, name: str) -> ConnectorSettings:
    """Check one connector's section against its plugin's settings. Raises InvalidConfigurationError."""
    path = configuration.file
    plugin = registry.plugins.get(name)
    if plugin is None or plugin.connector is None:
        reason = registry.refused.get(name, "it is not installed")
        fix = f"install the plugin deskhand-{name.replace('_', '-')}, or remove the section ({reason})"
        raise InvalidConfigurationError([Problem(path, f"connectors.{name}", "an installed plugin", fix)])
    model = plugin.connector.settings
    try:
        return model.model_validate(configuration.connectors[name])
    except ValidationError as error:
        raise InvalidConfigurationError(explain(path, error, model, f"connectors.{name}")) from error


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problem = Problem(path, "", "a configuration file", f"run `deskhand init {path}` or name one with --config")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(path, "", "a readable UTF-8 file", f"check the file's permissions ({type(error).__name__})")
    except tomllib.TOMLDecodeError as error:
        problem = Problem(
            path, "", f"valid TOML, but {error}", "mend that line; strings need quotes, tables [brackets]"
        )
    raise InvalidConfigurationError([problem])


def _resolve_secrets(path: Path, connectors: dict[str, Any]) -> dict[str, Any]:
    problems: list[Problem] = []
    resolved: dict[str, Any] = {}
    for name, section in connectors.items():
        resolved[name] = section
        if not isinstance(section, dict):
            continue
        resolved[name] = {}
        for key, value in section.items():
            try:
                resolved[name][key] = dereference(value, path.parent)
            except SecretReferenceError as error:
                problems.append(Problem(path, f"connectors.{name}.{key}", error.expected, error.fix))
    if problems:
        raise InvalidConfigurationError(problems)
    return resolved
