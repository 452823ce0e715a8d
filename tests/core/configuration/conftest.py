from collections.abc import Callable
from pathlib import Path

import pytest

from deskhand.configuration.loading import load
from deskhand.configuration.problems import InvalidConfigurationError, Problem

CONNECTED = """
[connectors.psa_connectwise]
site = "eu.myconnectwise.net"
company_id = "acme"
public_key = "public-key"
private_key = "private-key"
client_id = "00000000-0000-4000-8000-000000000001"
"""

Write = Callable[[str], Path]
Refused = Callable[[str], tuple[Problem, ...]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a configuration file; what it says of connectors is added unless it says so itself."""

    def written(text: str) -> Path:
        path = tmp_path / "deskhand.toml"
        path.write_text(text if "connectors" in text else text + CONNECTED, encoding="utf-8")
        return path

    return written


@pytest.fixture
def refused(write: Write) -> Refused:
    """Write a configuration that must be refused, and return why."""

    def problems(text: str) -> tuple[Problem, ...]:
        path = write(text)
        with pytest.raises(InvalidConfigurationError) as raised:
            load(path)
        assert all(each.file == path for each in raised.value.problems)
        assert all(each.expected and each.fix for each in raised.value.problems)
        return raised.value.problems

    return problems
