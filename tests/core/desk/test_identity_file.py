import stat
from pathlib import Path

import pytest

from deskhand.desk.identity_file import desk_id
from deskhand.sdk.errors import ConfigurationError
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import Msp, drain, hurried


def test_a_desk_keeps_its_name(tmp_path: Path) -> None:
    first = desk_id(tmp_path)
    assert desk_id(tmp_path) == desk_id(tmp_path, is_first=False) == first
    assert len(first) == 32
    assert stat.S_IMODE((tmp_path / "desk-id").stat().st_mode) == 0o600


def test_every_desk_has_its_own(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(20)]
    for folder in folders:
        folder.mkdir()
    assert len({desk_id(folder) for folder in folders}) == 20


def test_what_a_dead_process_left_half_written_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "desk-id.draft").write_text("0123")
    assert len(desk_id(tmp_path)) == 32


@pytest.mark.parametrize("content", [b"", b"0123", b"x" * 32, b"0" * 33, b"\xff" * 32, b"0" * 31 + b"\n", b"A" * 32])
def test_a_damaged_name_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "desk-id").write_bytes(content)
    with pytest.raises(ConfigurationError, match="restore it from a backup"):
        desk_id(tmp_path)
    assert (tmp_path / "desk-id").read_bytes() == content


def test_a_name_that_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "desk-id").mkdir()
    with pytest.raises(ConfigurationError, match="IsADirectoryError"):
        desk_id(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        desk_id(tmp_path / "nowhere")


def test_a_lost_name_is_made_anew_only_while_nothing_depends_on_it(configured: Configure, msp: Msp) -> None:
    msp.ticket()
    configuration = configured()
    with hurried(configuration):
        pass
    (configuration.state / "desk-id").unlink()
    with hurried(configuration) as desk:
        drain(desk)
    (configuration.state / "desk-id").unlink()
    with pytest.raises(ConfigurationError, match="is gone"), hurried(configuration):
        pass
    assert not (configuration.state / "desk-id").exists()
