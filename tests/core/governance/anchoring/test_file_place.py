from collections.abc import Callable
from pathlib import Path

import pytest

from deskhand.governance.anchoring.file_place import FilePlace, is_on_same_volume
from deskhand.governance.anchoring.place import PlaceError, Sealed
from deskhand.records.audit.anchors import read_anchors

Seal = Callable[..., Sealed]


def test_what_is_put_is_read_back_and_is_an_anchor_file(seal: Seal, tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "anchors.txt")
    first, second = seal("1"), seal("2", "3")
    assert place.anchors(first.checkpoint.origin) == ()
    assert [place.put(first), place.put(second)] == [str(place.path)] * 2
    assert place.anchors(first.checkpoint.origin) == (first.anchor, second.anchor)
    assert read_anchors(place.path) == (first.anchor, second.anchor)


def test_lines_of_another_log_are_passed_over(seal: Seal, tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "anchors.txt")
    place.put(seal("1"))
    assert place.anchors("another/log") == ()


def test_a_volume_that_is_not_mounted_is_not_replaced_by_a_folder(seal: Seal, tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "mnt" / "worm" / "anchors.txt")
    with pytest.raises(PlaceError, match="check that its volume is mounted"):
        place.put(seal("1"))
    assert not (tmp_path / "mnt").exists()


@pytest.mark.parametrize("content", [b"# log epoch 0 at x\nnonsense\n", b"\xff\xfe", b"# log x\n5 AAAA\n"])
def test_a_file_that_is_no_list_of_anchors_is_told(tmp_path: Path, content: bytes) -> None:
    place = FilePlace(tmp_path / "anchors.txt")
    place.path.write_bytes(content)
    with pytest.raises(PlaceError, match="cannot be read as anchors"):
        place.anchors("log")


def test_a_file_beside_the_records_is_on_no_other_volume(tmp_path: Path) -> None:
    assert is_on_same_volume(tmp_path / "anchors.txt", tmp_path)
    assert not is_on_same_volume(Path("/proc/anchors.txt"), tmp_path)
    assert not is_on_same_volume(tmp_path / "nowhere" / "anchors.txt", tmp_path)
