from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.intake.settings import IntakeSettings
from tests.core.intake.desk_side import DeskSide
from tests.core.intake.pocket_psa import START, PocketPsa


@pytest.fixture
def psa() -> PocketPsa:
    return PocketPsa(START)


@pytest.fixture
def open_desk(tmp_path: Path, psa: PocketPsa) -> Iterator[Callable[..., DeskSide]]:
    """Open a desk over the PSA; settings by keyword, and ``ahead`` for how wrong our own clock is."""
    opened: list[DeskSide] = []

    def open_one(*, ahead: timedelta = timedelta(0), **settings: object) -> DeskSide:
        desk = DeskSide(tmp_path, psa, IntakeSettings.model_validate(settings), lambda: psa.now + ahead)
        opened.append(desk)
        return desk

    yield open_one
    for desk in opened:
        desk.close()
