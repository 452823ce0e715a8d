"""Reading a configuration file into a Configuration, or into a list of problems that can be mended."""

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deskhand.configuration.problems import InvalidConfigurationError, Problem, closest, explain, written
from deskhand.configuration.schema import Configuration
from deskhand.configuration.sealing import stored_secrets
from deskhand.configuration.secret_references import SecretReferenceError, dereference, stored_name
from deskhand.registry import Registry
from deskhand.sdk.settings import ConnectorSettings

_SECRET_SECTIONS = (("records",), ("secrets",), ("audit", "anchors", "s3"), ("web", "entra"))
"""The tables, beside the connectors', whose values may name a file or a variable."""


def load(path: Path) -> Configuration:
    """Read and check a TOML file. Raises InvalidConfigurationError with every problem found.

    Types are taken strictly: ``"8484"`` is no port. Connectors' sections are checked by `connector_settings`.
    """
    document, problems = _with_secrets(path, _parse(path))
    if "file" in document:
        problems.append(Problem(path, "file", "a key the file may have", "remove `file`"))
    text = json.dumps({**document, "file": str(path.resolve())}, default=str)
    try:
        configuration = Configuration.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidConfigurationError([*explain(path, error, Configuration), *problems]) from None
    if problems:
        raise InvalidConfigurationError(problems)
    return configuration


def connector_settings(configuration: Configuration, registry: Registry, name: str) -> ConnectorSettings:
    """Check a connector's section against its plugin's settings, with the stored secrets it names.

    What is returned holds none of them: they are sealed (`sdk.secrets`), and opened for a call alone.
    Raises InvalidConfigurationError.
    """
    plugin = registry.plugins.get(name)
    if plugin is None or plugin.connector is None:
        where = written(("connectors", name))
        fix = _fix_for_missing(configuration, registry, name)
        raise InvalidConfigurationError([Problem(configuration.file, where, "an installed plugin", fix)])
    model, (sealed, values) = plugin.connector.settings, stored_secrets(configuration, plugin)
    try:
        checked = model.model_validate({**configuration.connectors[name], **values})
    except ValidationError as error:
        problems = explain(configuration.file, error, model, ("connectors", name))
        raise InvalidConfigurationError(problems) from None
    return checked.model_copy(update=sealed)


def _fix_for_missing(configuration: Configuration, registry: Registry, name: str) -> str:
    if name not in configuration.enabled_plugins:
        return f"add `{name}` to `enabled` in [plugins], or remove the section"
    meant = closest(name, sorted({*registry.plugins, *registry.refused} - {name}))
    if meant:
        return f"rename the section to [connectors.{meant}]"
    reason = registry.refused.get(name, "it offers no connector")
    return f"install the plugin deskhand-{name.replace('_', '-')}, or remove the section ({reason})"


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        expected, fix = "a configuration file", f"run `deskhand init {path}`, or name one with --config"
    except (OSError, UnicodeDecodeError) as error:
        expected, fix = "a readable UTF-8 file", f"check what it is, and its permissions ({type(error).__name__})"
    except tomllib.TOMLDecodeError as error:
        expected, fix = f"valid TOML, but {error}", "mend that line; strings need quotes, tables [brackets]"
    except (ValueError, RecursionError):
        expected, fix = "values of a sensible size", "shorten the number or the nesting that cannot be meant"
    raise InvalidConfigurationError([Problem(path, "", expected, fix)])


def _with_secrets(path: Path, document: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Put in what references name where secrets may stand; one that leads nowhere is a problem."""
    problems: list[Problem] = []
    resolved = document
    connectors = document.get("connectors")
    names = connectors if isinstance(connectors, dict) else {}
    for where in (*_SECRET_SECTIONS, *(("connectors", name) for name in names)):
        resolved = _resolved_within(path, where, (), resolved, problems)
    return resolved, problems


def _resolved_within(
    path: Path, rest: tuple[str, ...], above: tuple[str, ...], section: dict[str, Any], problems: list[Problem]
) -> dict[str, Any]:
    name, where = rest[0], (*above, rest[0])
    if name not in section:
        return section
    inner = section[name]
    if len(rest) == 1:
        return {**section, name: _resolved(path, where, inner, problems)}
    return (
        section
        if not isinstance(inner, dict)
        else {**section, name: _resolved_within(path, rest[1:], where, inner, problems)}
    )


def _resolved(path: Path, where: tuple[str, ...], section: Any, problems: list[Problem]) -> Any:  # noqa: ANN401  # TOML
    if not isinstance(section, dict):
        return section
    values = dict(section)
    for key, value in section.items():
        if stored_name(value) is not None and where[0] != "connectors":
            fix = "use file: or env: here; stored secrets are opened for connectors alone"
            problems.append(Problem(path, written((*where, key)), "no stored secret", fix))
        try:
            values[key] = dereference(value, path.parent)
        except SecretReferenceError as error:
            problems.append(Problem(path, written((*where, key)), error.expected, error.fix))
    return values
