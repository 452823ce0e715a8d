"""Where the model runtime lives, and which one fits this machine.

A runtime is a virtual environment apart from deskhand's own, since llama-cpp-python has to be compiled and a
machine without a compiler must still run deskhand.
"""

import functools
import hashlib
import json
import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

PINS: Final = Path(__file__).parent / "pins"
FOLDER_VARIABLE: Final = "DESKHAND_RUNTIME_DIR"
MANIFEST_NAME: Final = "runtime.json"
_INSTRUCTION_SETS: Final = re.compile(r"avx|amx|fma|f16c|bmi|sse|sve|neon|asimd|i8mm|dotprod")


@dataclass(frozen=True, slots=True)
class Runtime:
    """An installed model runtime: its folder, interpreter and instruct model, and how it was made."""

    folder: Path
    python: Path
    model: Path
    built_seconds: float
    is_portable: bool


def runtime_root(folder: Path | None = None) -> Path:
    """Return the folder of all runtimes: the setting, else DESKHAND_RUNTIME_DIR, else the user's data folder."""
    named = os.environ.get(FOLDER_VARIABLE, "")
    if folder is not None:
        return folder
    return Path(named) if named else platformdirs.user_data_path("deskhand", appauthor=False) / "runtime"


@functools.cache
def runtime_key() -> str:
    """Return what a runtime depends on, hashed: the pins, this Python, and what this processor can do."""
    digest = hashlib.sha256()
    for path in sorted(PINS.glob("*.lock")):
        digest.update(path.read_bytes())
    facts = (sys.implementation.cache_tag, platform.system(), platform.machine(), *_instruction_sets())
    digest.update(json.dumps(facts).encode())
    return digest.hexdigest()[:16]


def locate(folder: Path | None = None) -> Runtime | None:
    """Return the installed runtime that fits this machine, or None. Its interpreter and its model exist."""
    place = runtime_root(folder) / runtime_key()
    try:
        manifest = json.loads((place / MANIFEST_NAME).read_text(encoding="utf-8"))
        runtime = Runtime(
            place,
            python_of(place),
            place / manifest["model"],
            float(manifest["seconds"]),
            bool(manifest["portable"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return runtime if runtime.python.exists() and runtime.model.exists() else None


def python_of(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return environment / "bin" / "python"


def _instruction_sets() -> tuple[str, ...]:
    """Name the instruction sets that a build for this very processor may use."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return (platform.processor(),)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    names = flags[1].split() if flags else []
    return tuple(sorted(name for name in names if _INSTRUCTION_SETS.match(name)))
