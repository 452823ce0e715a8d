from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deskhand.configuration.schema import Configuration
from deskhand.sdk.testing import SimulatorHost
from tests.core.desk.msp import Msp, configure, quick_folder

Configure = Callable[..., Configuration]

APPLY = {"handling": "apply", "apply_uncalibrated": True, "minimum_confidence": 0.0}


@pytest.fixture
def msp() -> Msp:
    msp = Msp()
    msp.remember()
    return msp


@pytest.fixture
def host(msp: Msp) -> Iterator[SimulatorHost]:
    with SimulatorHost(msp.psa) as host:
        yield host


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def configured(folder: Path, host: SimulatorHost) -> Configure:
    """Configure a desk beside the PSA; sections by keyword."""

    def make(**sections: Any) -> Configuration:  # noqa: ANN401  # a TOML document
        return configure(folder, host, **sections)

    return make
