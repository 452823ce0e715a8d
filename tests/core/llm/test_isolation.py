import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import deskhand
from deskhand.llm.process import Launch
from tests.repository import ROOT

CORE = str(Path(deskhand.__file__).parents[1])
WORKER = ROOT / "core" / "deskhand" / "llm" / "worker"
ALLOWED = {*sys.stdlib_module_names, "numpy", "llama_cpp"}


def isolated(attempt: str) -> "subprocess.CompletedProcess[str]":
    script = (
        f"import os, sys; sys.path.append({CORE!r})\n"
        "from deskhand.llm.worker.isolation import isolate\n"
        "given_up = isolate(2 << 30, os.getppid())\n" + attempt
    )
    command = [sys.executable, "-I", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own script


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9), timeout=1)",
        "import subprocess; subprocess.run(['true'])",
        "os.system('true')",
        "os.execv('/bin/true', ['true'])",
        "os.fork()",
    ],
)
def test_an_isolated_process_can_neither_connect_nor_start_another(attempt: str) -> None:
    assert "PermissionError" in isolated(attempt).stderr


def test_an_isolated_process_cannot_take_all_the_memory() -> None:
    assert "MemoryError" in isolated("bytearray(3 << 30)").stderr


def test_an_isolated_process_may_still_read_files_and_compute() -> None:
    done = isolated("print(len(open('/proc/self/status').read()) > 0, 'memory' in given_up)")
    assert (done.stdout.strip(), done.stderr) == ("True True", "")


def test_the_worker_imports_nothing_but_the_standard_library_numpy_and_llama_cpp() -> None:
    foreign = {
        f"{path.name}: {name}"
        for path in WORKER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _imported(node)
        if name.split(".")[0] not in ALLOWED and not name.startswith("deskhand.llm.worker.")
    }
    assert foreign == set()


def test_a_model_process_dies_with_the_desk_that_started_it(tiny: Launch) -> None:
    script = (
        f"import sys; sys.path.append({CORE!r})\n"
        "from pathlib import Path; import threading\n"
        "from deskhand.llm.process import Launch, ModelProcess\n"
        f"started = ModelProcess(Launch(Path({str(tiny.python)!r}), Path({str(tiny.model)!r}), 'instruct', 1024, 1))\n"
        "print(started.pid, flush=True); threading.Event().wait()\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as desk:  # noqa: S603  # our own script
        assert desk.stdout is not None
        pid = int(desk.stdout.readline())
        environment = Path(f"/proc/{pid}/environ").read_bytes().decode()
        desk.send_signal(signal.SIGKILL)
    assert sorted(item.split("=")[0] for item in environment.split("\0") if item) == [
        "LC_ALL",
        "OMP_WAIT_POLICY",
        "OPENBLAS_NUM_THREADS",
    ]
    for _ in range(1000):
        if _is_gone(pid):
            return
        time.sleep(0.05)
    pytest.fail("the model process outlived its desk")


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
