import fcntl
import json
import threading
import time
from pathlib import Path

import pytest

from deskhand.llm import build, runtime
from deskhand.llm.build import InstallProgress
from deskhand.llm.runtime import RuntimeInstallError
from deskhand.llm.runtime_folder import MANIFEST_NAME, PINS, Runtime, locate, runtime_key, runtime_root


def ignore(_: InstallProgress) -> None:
    pass


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.delenv("DESKHAND_WHEELS", raising=False)


@pytest.mark.usefixtures("bare_machine")
def test_without_a_compiler_nothing_is_built_and_the_package_to_install_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeInstallError, match=r"no C\+\+ compiler.*apt-get install g\+\+"):
        runtime.install(ignore, tmp_path)
    assert runtime.status(tmp_path).state == "missing"
    assert list(tmp_path.glob("*.unfinished")) == []


@pytest.mark.usefixtures("bare_machine")
def test_what_an_interrupted_build_left_behind_is_removed(tmp_path: Path) -> None:
    leftover = tmp_path / f"{runtime_key()}.unfinished" / "wheels"
    leftover.mkdir(parents=True)
    (tmp_path / runtime_key()).mkdir()
    with pytest.raises(RuntimeInstallError):
        runtime.install(ignore, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"{runtime_key()}.lock"]


def test_a_failed_build_is_remembered_and_not_tried_again_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / f"llama_cpp_python-{build._pinned_version()}-py3-none-any.whl").write_bytes(b"no wheel")
    monkeypatch.setenv("DESKHAND_WHEELS", str(wheels))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "runtime"
    with pytest.raises(RuntimeInstallError, match="the whole log is in"):
        runtime.install(ignore, root)
    assert runtime.status(root).state == "failed"
    seen: list[InstallProgress] = []
    with pytest.raises(RuntimeInstallError, match="`deskhand model install` tries again"):
        runtime.install(seen.append, root, retry=False)
    assert seen == []
    with pytest.raises(RuntimeInstallError):
        runtime.install(seen.append, root, retry=True)
    assert [progress.step for progress in seen] == ["installing"]


def test_a_second_process_waits_for_the_first_and_finds_its_work(tmp_path: Path) -> None:
    _pretend_installed(tmp_path)
    seen: list[InstallProgress] = []
    found: list[Runtime] = []
    with (tmp_path / f"{runtime_key()}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = threading.Thread(target=lambda: found.append(runtime.install(seen.append, tmp_path)))
        waiting.start()
        while not seen:
            waiting.join(0.01)
        assert found == []
    waiting.join()
    assert {progress.step for progress in seen} == {"waiting"}
    assert found == [locate(tmp_path)]


def test_a_runtime_whose_interpreter_or_model_is_gone_is_not_installed(tmp_path: Path) -> None:
    place = _pretend_installed(tmp_path)
    assert locate(tmp_path) is not None
    (place / "bin" / "python").unlink()
    assert locate(tmp_path) is None
    assert runtime.status(tmp_path).state == "missing"


def test_uninstalling_removes_everything_and_says_whether_there_was_anything(tmp_path: Path) -> None:
    root = tmp_path / "runtime"
    _pretend_installed(root)
    assert runtime.uninstall(root)
    assert not root.exists()
    assert not runtime.uninstall(root)


def test_the_runtime_folder_can_be_named_by_setting_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKHAND_RUNTIME_DIR", str(tmp_path / "environment"))
    assert runtime_root() == tmp_path / "environment"
    assert runtime_root(tmp_path / "setting") == tmp_path / "setting"
    monkeypatch.delenv("DESKHAND_RUNTIME_DIR")
    assert runtime_root().parts[-2:] == ("deskhand", "runtime")


def test_a_build_is_told_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PSA_PRIVATE_KEY", "AWS_SECRET_ACCESS_KEY", "VIRTUAL_ENV", "PYTHONPATH", "UV_PYTHON", "UV_PROJECT"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("https_proxy", "x")
    monkeypatch.setenv("UV_FIND_LINKS", "x")
    passed_on = build._environment()
    assert {"https_proxy", "UV_FIND_LINKS", "PATH"} <= passed_on.keys()
    assert not {"PSA_PRIVATE_KEY", "AWS_SECRET_ACCESS_KEY", "VIRTUAL_ENV", "PYTHONPATH", "UV_PYTHON"} & passed_on.keys()


def test_a_build_is_safe_on_processors_with_amx_and_can_be_portable() -> None:
    assert "-DLLAVA_BUILD=OFF" in build.cmake_arguments(portable=False)
    assert "-DGGML_NATIVE=OFF" in build.cmake_arguments(portable=True)
    if build._is_gcc():
        assert build.cmake_arguments(portable=False).count("-fno-tree-dse -fno-dse") == 2


def test_every_pin_has_a_hash_and_no_address() -> None:
    for path in PINS.glob("*.lock"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pins
        assert all("==" in line and line.endswith("\\") for line in pins)
        assert "--hash=sha256:" in text


def test_commands_that_fail_are_named_with_their_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(build.BuildError, match="sh failed: the reason; the whole log is in"):
        list(build._run(["/bin/sh", "-c", "echo first; echo the reason >&2; exit 3"], tmp_path, {}, log, "sh"))
    assert log.read_text(encoding="utf-8") == "first\nthe reason\n"


def test_a_build_that_is_interrupted_takes_its_children_along(tmp_path: Path) -> None:
    lines = build._run(["/bin/sh", "-c", "sleep 20 & echo $!; wait"], tmp_path, {}, tmp_path / "log", "sh")
    child = int(next(lines))
    began = time.monotonic()
    lines.close()
    assert time.monotonic() - began < 10
    for _ in range(1000):
        state = Path(f"/proc/{child}/status")
        if not state.exists() or "State:\tZ" in state.read_text(encoding="utf-8"):
            return
        threading.Event().wait(0.02)
    pytest.fail("a child of the build outlived it")


def _pretend_installed(root: Path) -> Path:
    place = root / runtime_key()
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").touch()
    (place / "model.gguf").touch()
    manifest = {"model": "model.gguf", "seconds": 1.0, "portable": False}
    (place / MANIFEST_NAME).write_text(json.dumps(manifest), encoding="utf-8")
    return place
