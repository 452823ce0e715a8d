"""The steps that make a model runtime: fetch pinned tools, compile llama.cpp, install, each with its progress."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import uv

from deskhand.llm.runtime_folder import PINS, python_of

WHEELS_VARIABLE: Final = "DESKHAND_WHEELS"
LEAST_FREE_BYTES: Final = 1_500_000_000
_NINJA: Final = re.compile(r"^\s*\[(\d+)/(\d+)\]")
_PASSED_ON: Final = re.compile(
    r"PATH|HOME|LANG|LC_.*|TZ|CC|CXX|CMAKE_BUILD_PARALLEL_LEVEL|XDG_.*|PIP_.*|UV_(?!PROJECT|PYTHON$).*"
    r"|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?i:https?_proxy|no_proxy|all_proxy)|NETRC"
)
_GCC_MEND: Final = "-fno-tree-dse -fno-dse"

Step: TypeAlias = Literal["waiting", "tools", "compiling", "installing", "testing"]


class BuildError(Exception):
    """A step failed; the message says which, why, and where the whole log is."""


class UnmetError(BuildError):
    """Something has to be there before anything is built; this is looked at anew each time."""


@dataclass(frozen=True, slots=True)
class InstallProgress:
    """How far an installation is: ``done`` of ``total`` pieces of this step (0 of 0 where nobody can tell)."""

    step: Step
    detail: str
    done: int = 0
    total: int = 0


Progress: TypeAlias = Callable[[InstallProgress], None]


def find_wheel(folder: Path) -> Path | None:
    """Return an already compiled llama-cpp-python of the pinned version, if the folder has one."""
    wheels = sorted(folder.glob(f"llama_cpp_python-{_pinned_version()}-*.whl")) if folder.is_dir() else []
    return wheels[-1] if wheels else None


def require_compiler() -> None:
    """Raise BuildError, with the command that mends it, where nothing can compile C++."""
    if not any(shutil.which(name) for name in (os.environ.get("CXX", ""), "c++", "g++", "clang++") if name):
        raise UnmetError(
            "there is no C++ compiler; install one (Debian: apt-get install g++; macOS: xcode-select --install)"
        )


def require_space(folder: Path) -> None:
    """Raise BuildError where the disk has no room to compile."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise UnmetError(f"{folder} has {free / 1e9:.1f} GB free; compiling takes {LEAST_FREE_BYTES / 1e9:.1f} GB")


def compile_wheel(workshop: Path, log: Path, progress: Progress, *, portable: bool) -> Path:
    """Compile the pinned source, whose hash is checked, with pinned tools, and return the wheel. Takes minutes."""
    tools, wheels, scratch = workshop / "tools", workshop / "wheels", workshop / "scratch"
    scratch.mkdir(parents=True)
    progress(InstallProgress("tools", "fetching the build tools"))
    make_environment(tools, log)
    install_pinned(tools, PINS / "build.lock", log)
    progress(InstallProgress("compiling", "fetching llama.cpp"))
    environment = _environment() | {"CMAKE_ARGS": cmake_arguments(portable=portable), "TMPDIR": str(scratch)}
    environment["PATH"] = f"{tools / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
    command = _compilation(python_of(tools), wheels)
    with contextlib.closing(_run(command, workshop, environment, log, "compiling llama.cpp")) as lines:
        for line in lines:
            if (count := _NINJA.match(line)) is not None:
                progress(InstallProgress("compiling", "compiling llama.cpp", int(count[1]), int(count[2])))
    wheel = find_wheel(wheels)
    if wheel is None:
        raise BuildError(f"compiling llama.cpp made no wheel; the whole log is in {log}")
    return wheel


def _compilation(python: Path, wheels: Path) -> list[str]:
    """Return pip's command: no cache, since a wheel of other flags may be in it, and no tool but the pinned ones."""
    return [
        str(python), "-m", "pip", "wheel", "-v", "--progress-bar", "off", "--no-cache-dir", "--no-deps",
        "--no-build-isolation", "--no-binary", ":all:", "--require-hashes", "-r", str(PINS / "source.lock"),
        "--wheel-dir", str(wheels),
    ]  # fmt: skip


def make_environment(folder: Path, log: Path) -> None:
    """Make an empty virtual environment of the interpreter that runs deskhand; it may be moved afterwards."""
    _uv(["venv", "--quiet", "--relocatable", "--python", sys.executable, str(folder)], folder.parent, log)


def install_pinned(environment: Path, lock: Path, log: Path) -> None:
    """Install what a lock file lists, wheels only, each by its hash."""
    _uv_install(environment, ["--require-hashes", "--only-binary", ":all:", "-r", str(lock)], log)


def install_wheel(environment: Path, wheel: Path, log: Path) -> None:
    """Install a wheel that was compiled here."""
    _uv_install(environment, ["--no-index", "--no-cache", str(wheel)], log)


def cmake_arguments(*, portable: bool) -> str:
    """Return the arguments of a safe build.

    GCC 12 drops the stores that fill the AMX tile configuration, and the result dies of SIGILL on every
    quantized model; two switched-off optimisations keep both AMX and the stores. ``portable`` does without what
    only this processor has.
    """
    arguments = ["-DLLAVA_BUILD=OFF"]
    if portable:
        arguments.append("-DGGML_NATIVE=OFF")
    if _is_gcc():
        arguments += [f"-DCMAKE_C_FLAGS='{_GCC_MEND}'", f"-DCMAKE_CXX_FLAGS='{_GCC_MEND}'"]
    return " ".join(arguments)


def _is_gcc() -> bool:
    compiler = next((found for name in ("c++", "g++") if (found := shutil.which(os.environ.get("CXX") or name))), None)
    if compiler is None:
        return False
    command = [compiler, "-dM", "-E", "-x", "c++", os.devnull]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # the PATH's compiler
    return "__GNUC__" in asked.stdout and "__clang__" not in asked.stdout


def _pinned_version() -> str:
    found = re.search(r"^llama-cpp-python==(\S+)", (PINS / "source.lock").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise BuildError("source.lock pins no llama-cpp-python")
    return found[1]


def _uv_install(environment: Path, arguments: list[str], log: Path) -> None:
    _uv(
        ["pip", "install", "--quiet", "--no-deps", "--python", str(python_of(environment)), *arguments],
        environment,
        log,
    )


def _uv(arguments: list[str], folder: Path, log: Path) -> None:
    command = [uv.find_uv_bin(), *arguments]
    for _ in _run(command, folder, _environment(), log, f"uv {arguments[0]}"):
        pass


def _run(
    command: list[str], folder: Path, environment: dict[str, str], log: Path, what: str
) -> Generator[str, None, None]:
    """Run a command, yield its lines and keep them in the log. Nothing of it outlives this call."""
    last = ""
    with log.open("a", encoding="utf-8") as kept, _running(command, folder, environment) as process:
        assert process.stdout is not None  # noqa: S101  # a pipe was asked for
        for line in process.stdout:
            kept.write(line)
            last = line.strip() or last
            yield line
    if process.returncode:
        raise BuildError(f"{what} failed: {last or f'code {process.returncode}'}; the whole log is in {log}")


@contextlib.contextmanager
def _running(command: list[str], folder: Path, environment: dict[str, str]) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(  # noqa: S603  # our own list of arguments, no shell
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        yield process
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        process.communicate()


def _environment() -> dict[str, str]:
    """Return what a build may know of this process: where to look and whom to trust, nothing else."""
    return {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
