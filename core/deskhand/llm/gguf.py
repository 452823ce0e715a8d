"""The GGUF container: write a small one, and read how large a given one must at least be.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3, little endian).
"""

import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

MAGIC: Final = b"GGUF"
ALIGNMENT: Final = 32
VERSIONS: Final = (2, 3)
Value: TypeAlias = bool | int | float | str | Sequence[str] | Sequence[int]

_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_WIDTHS: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_LARGEST_DIMENSIONS: Final = 4


class BadContainerError(ValueError):
    """The bytes are not a whole GGUF file; the message says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor to write: its shape (rows first), its GGML type number, and its bytes in that type."""

    name: str
    shape: tuple[int, ...]
    kind: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a container reaches: the number of tensors and where the last of them starts, in bytes."""

    tensors: int
    last_tensor: int


def write(metadata: Mapping[str, Value], tensors: Sequence[Tensor]) -> bytes:
    """Return the bytes of a version 3 container; equal arguments give equal bytes."""
    head = MAGIC + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    entries = b"".join(_string(key) + _tagged(value) for key, value in metadata.items())
    listing, body, offset = b"", b"", 0
    for tensor in tensors:
        dimensions = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *reversed(tensor.shape))
        listing += _string(tensor.name) + dimensions + struct.pack("<IQ", tensor.kind, offset)
        body += _padded(tensor.content)
        offset = len(body)
    return _padded(head + entries + listing) + body


def read_extent(content: mmap.mmap | bytes) -> Extent:
    """Walk the header of a container and say how far its tensors reach. Raises BadContainerError."""
    if bytes(content[:4]) != MAGIC:
        raise BadContainerError(f"it begins with {bytes(content[:12])!r} instead of {MAGIC!r}")
    try:
        return _Walk(content).extent()
    except (struct.error, IndexError) as error:
        raise BadContainerError("it is cut short inside its own header") from error


class _Walk:
    """Reads a header front to back; every length is checked against the file before it is believed."""

    def __init__(self, content: mmap.mmap | bytes) -> None:
        self._content = content
        self._at = len(MAGIC)

    def extent(self) -> Extent:
        version, tensors, entries = self._take("<IQQ")
        if version not in VERSIONS:
            raise BadContainerError(f"its version is {version}; known are {VERSIONS}")
        for _ in range(self._plausible(entries, 13)):
            self._skip_string()
            self._skip_value(self._take("<I")[0])
        starts = [self._tensor_start() for _ in range(self._plausible(tensors, 25))]
        if not starts:
            raise BadContainerError("it holds no tensor")
        return Extent(len(starts), self._at + max(starts))

    def _take(self, form: str) -> tuple[int, ...]:
        values = struct.unpack_from(form, self._content, self._at)
        self._at += struct.calcsize(form)
        return values

    def _plausible(self, count: int, least_bytes_each: int) -> int:
        if count * least_bytes_each > len(self._content) - self._at:
            raise BadContainerError(
                f"it is cut short or damaged: its header speaks of {count}, and the file has no room for so many"
            )
        return count

    def _skip(self, length: int) -> None:
        self._at += self._plausible(length, 1)

    def _skip_string(self) -> None:
        self._skip(self._take("<Q")[0])

    def _skip_value(self, kind: int) -> None:
        if kind == _STRING:
            self._skip_string()
        elif kind == _ARRAY:
            inner, count = self._take("<IQ")
            self._skip_array(inner, count)
        else:
            self._skip(self._width(kind))

    def _skip_array(self, inner: int, count: int) -> None:
        if inner == _STRING:
            for _ in range(self._plausible(count, 8)):
                self._skip_string()
        else:
            self._skip(self._width(inner) * count)

    @staticmethod
    def _width(kind: int) -> int:
        if kind not in _WIDTHS:
            raise BadContainerError(f"its header has a value of unknown type {kind}")
        return _WIDTHS[kind]

    def _tensor_start(self) -> int:
        self._skip_string()
        (dimensions,) = self._take("<I")
        if dimensions > _LARGEST_DIMENSIONS:
            raise BadContainerError(f"its header has a tensor of {dimensions} dimensions")
        return self._take(f"<{dimensions}QIQ")[-1]


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % ALIGNMENT)


def _tagged(value: Value) -> bytes:
    if isinstance(value, Sequence) and not isinstance(value, str):
        kind = _STRING if isinstance(value[0], str) else _INT32
        return struct.pack("<IIQ", _ARRAY, kind, len(value)) + b"".join(map(_plain, value))
    if isinstance(value, bool):
        return struct.pack("<I?", _BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", _UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", _FLOAT32, value)
    return struct.pack("<I", _STRING) + _string(value)


def _plain(value: str | int) -> bytes:
    return _string(value) if isinstance(value, str) else struct.pack("<i", value)
