"""Whatever TOML a person writes, reading it ends in a configuration or in an explanation, never in a stack trace."""

from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

import tomli_w
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from deskhand.configuration.loading import connector_settings, load
from deskhand.configuration.problems import InvalidConfigurationError
from deskhand.configuration.reference import settings as known_settings
from deskhand.configuration.schema import Configuration
from deskhand.registry import Registry

REGISTRY = Registry.discover()
NAMES = sorted({part for each in known_settings(REGISTRY) for part in (*each.section.split("."), each.name) if part})
KEYS = st.sampled_from(NAMES) | st.text(max_size=8)
SCALARS = (
    st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["off", "apply", "file:x", "env:X", "env:PATH", "type", "auto", "client.example"])
    | st.dates(date(1900, 1, 1))
    | st.times()
    | st.datetimes(datetime(1900, 1, 1))  # noqa: DTZ001  # TOML has local times too
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
SECTIONS = st.dictionaries(KEYS, VALUES, max_size=5)
DOCUMENTS = st.dictionaries(
    st.sampled_from(sorted(Configuration.model_fields)) | KEYS,
    SECTIONS | VALUES | st.dictionaries(KEYS | st.just("psa_connectwise"), SECTIONS, max_size=2),
    max_size=5,
)


def read(path: Path) -> None:
    with suppress(InvalidConfigurationError):
        configuration = load(path)
        for name in configuration.connectors:
            connector_settings(configuration, REGISTRY, name)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=DOCUMENTS)
def test_any_document_is_read_or_explained(tmp_path: Path, document: dict[str, object]) -> None:
    path = tmp_path / "deskhand.toml"
    try:
        path.write_text(tomli_w.dumps(document), encoding="utf-8")
    except (ValueError, TypeError):
        assume(False)  # noqa: FBT003  # hypothesis takes it so
    read(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_any_bytes_are_read_or_explained(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "deskhand.toml"
    path.write_bytes(content)
    read(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(section=SECTIONS)
def test_any_section_of_a_connector_is_read_or_explained(tmp_path: Path, section: dict[str, object]) -> None:
    path = tmp_path / "deskhand.toml"
    try:
        path.write_text(tomli_w.dumps({"connectors": {"psa_connectwise": section}}), encoding="utf-8")
    except (ValueError, TypeError):
        assume(False)  # noqa: FBT003  # hypothesis takes it so
    read(path)
