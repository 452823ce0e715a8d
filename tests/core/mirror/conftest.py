from collections.abc import Iterator
from pathlib import Path

import pytest

from deskhand.mirror.mirror import Mirror


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mirror.db"


@pytest.fixture
def mirror(path: Path) -> Iterator[Mirror]:
    opened = Mirror.open(path)
    yield opened
    opened.close()
