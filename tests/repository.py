"""Where things are, and what the repository says about itself."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108  # a folder of ours is made inside
"""Where databases of tests live that pull no plug: the same files, without waiting for a disk."""
SHARED = ROOT.parent / "shared"
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "pyproject.toml").is_file())


def pyproject(folder: Path = ROOT) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
