import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.llm.gguf import ALIGNMENT, BadContainerError, Tensor, read_extent, write
from deskhand.llm.selftest_model import tiny_model


def test_a_written_container_says_where_its_last_tensor_begins() -> None:
    tensors = [Tensor("first", (4,), 0, bytes(16)), Tensor("second", (2, 4), 0, bytes(range(32)))]
    content = write({"general.architecture": "llama", "a.list": ["x", "y"], "a.flag": True, "a.ratio": 0.5}, tensors)
    extent = read_extent(content)
    assert extent.tensors == 2
    assert len(content) % ALIGNMENT == 0
    assert content.endswith(bytes(range(32)))


def test_the_self_test_model_is_the_same_bytes_every_time_and_small() -> None:
    tiny_model.cache_clear()
    first = tiny_model()
    tiny_model.cache_clear()
    assert tiny_model() == first
    assert len(first) < 128_000


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"<html>404 not found</html>", "begins with"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc", "begins with"),
        (b"GGUF", "inside its own header"),
        (b"GGUF" + struct.pack("<IQQ", 9, 1, 1), "version is 9"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "room for"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "no tensor"),
    ],
)
def test_what_is_no_container_is_named_for_what_it_is(content: bytes, complaint: str) -> None:
    with pytest.raises(BadContainerError, match=complaint):
        read_extent(content)


@given(st.integers(4, len(tiny_model()) - 1))
def test_a_container_cut_anywhere_before_its_last_tensor_is_seen_to_be_cut(length: int) -> None:
    extent = read_extent(tiny_model())
    cut = tiny_model()[:length]
    try:
        assert read_extent(cut) == extent
    except BadContainerError:
        return
    assert length > 4 * 1024


@given(st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 255)), min_size=1, max_size=16))
def test_a_damaged_header_is_read_or_refused_but_never_crashes_the_reader(damage: list[tuple[int, int]]) -> None:
    content = bytearray(tiny_model())
    for at, value in damage:
        content[at] = value
    with contextlib.suppress(BadContainerError):
        assert read_extent(bytes(content)).tensors > 0
