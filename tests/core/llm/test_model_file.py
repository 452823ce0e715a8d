import hashlib
from pathlib import Path

import pytest

from deskhand.llm.engine import EngineUnavailableError
from deskhand.llm.model_file import inspect
from deskhand.llm.selftest_model import tiny_model


def test_a_whole_model_file_is_known_by_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny_model())
    assert inspect(path).sha256 == hashlib.sha256(tiny_model()).hexdigest()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty; download it again"),
        (b"<html>Sorry, not found</html>", "is not a whole GGUF model file: it begins with"),
        (tiny_model()[:40], "is not a whole GGUF model file: it is cut short"),
        (tiny_model()[: len(tiny_model()) // 2], "is truncated: it has"),
    ],
)
def test_a_file_that_cannot_be_a_model_is_refused_with_its_name_and_the_fix(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(EngineUnavailableError) as raised:
        inspect(path)
    assert complaint in str(raised.value)
    assert str(path) in str(raised.value)
    assert "download it again" in str(raised.value)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match="does not exist; correct the path"):
        inspect(tmp_path / "absent.gguf")
    with pytest.raises(EngineUnavailableError, match="cannot be read"):
        inspect(tmp_path)


def test_a_file_of_the_same_size_with_one_bit_changed_is_not_the_pinned_one(tmp_path: Path) -> None:
    expected = hashlib.sha256(tiny_model()).hexdigest()
    content = bytearray(tiny_model())
    content[-1] ^= 1
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(EngineUnavailableError, match="not the pinned"):
        inspect(path, expected_sha256=expected)
