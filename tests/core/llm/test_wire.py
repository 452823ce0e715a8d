import io
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.llm.worker.wire import LARGEST_FRAME, WireError, read_frame, write_frame

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=4))
def test_messages_arrive_as_they_were_sent_and_in_order(messages: list[dict[str, Any]]) -> None:
    stream = io.BytesIO()
    for message in messages:
        write_frame(stream, message)
    stream.seek(0)
    assert [read_frame(stream) for _ in messages] == messages
    assert read_frame(stream) is None


@given(st.binary(min_size=1, max_size=200))
def test_what_is_no_frame_is_refused_and_never_believed(content: bytes) -> None:
    stream = io.BytesIO(content)
    try:
        message = read_frame(stream)
    except WireError:
        return
    assert isinstance(message, dict)


@pytest.mark.parametrize(
    "content",
    [b"\0\0", struct.pack(">I", 10) + b"{}", struct.pack(">I", LARGEST_FRAME + 1), struct.pack(">I", 2) + b"[]"],
)
def test_half_frames_oversized_frames_and_other_json_are_refused(content: bytes) -> None:
    with pytest.raises(WireError):
        read_frame(io.BytesIO(content))
