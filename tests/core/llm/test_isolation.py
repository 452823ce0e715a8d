import ast
import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import deskhand
from deskhand.llm.process import Launch
from deskhand.llm.supervision import SupervisedModel
from deskhand.llm.worker.isolation import parts_of
from deskhand.llm.worker.seccomp import REFUSED
from tests.repository import ROOT

CORE = str(Path(deskhand.__file__).parents[1])
WORKER = ROOT / "core" / "deskhand" / "llm" / "worker"
ALLOWED = {*sys.stdlib_module_names, "numpy", "llama_cpp"}


def isolated(attempt: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    script = (
        f"import ctypes, os, sys, threading; sys.path.append({CORE!r})\n"
        "from deskhand.llm.worker.isolation import isolate\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "given_up = isolate(2 << 30, os.getppid())\n" + attempt
    )
    command = [sys.executable, "-I", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603  # our own script


@pytest.fixture(scope="module")
def given_up() -> frozenset[str]:
    return frozenset(isolated("print(*given_up)").stdout.split())


def need(given_up: frozenset[str], what: str, kernel: str) -> None:
    if what not in given_up:
        pytest.skip(f"THIS KERNEL DOES NOT KEEP A MODEL PROCESS FROM {what.upper()}: {kernel}")


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


@pytest.mark.parametrize(
    "call", ["socket(2, 1, 0)", "socket(1, 1, 0)", "fork()", "execl(b'/bin/true', 0)", "ptrace(0)"]
)
def test_the_kernel_refuses_the_same_to_code_that_is_not_pythons(given_up: frozenset[str], call: str) -> None:
    need(given_up, "calls", "seccomp is missing")
    done = isolated(f"print(libc.{call}, ctypes.get_errno())")
    assert (done.stdout.strip(), done.returncode) == (f"-1 {errno.EPERM}", 0)


def test_an_isolated_process_may_still_start_threads() -> None:
    done = isolated("t = threading.Thread(target=lambda: print('ran')); t.start(); t.join()")
    assert (done.stdout.strip(), done.stderr) == ("ran", "")


def test_an_isolated_process_cannot_read_the_configuration_nor_write_anywhere(
    given_up: frozenset[str], tmp_path: Path
) -> None:
    need(given_up, "files", "Landlock is missing: it needs Linux 5.13")
    secret = tmp_path / "deskhand.toml"
    secret.write_text("hush")
    assert "Permission denied" in isolated(f"open({str(secret)!r})").stderr
    assert "Permission denied" in isolated(f"print(os.listdir({str(tmp_path)!r}))").stderr
    assert "Permission denied" in isolated(f"open({str(tmp_path / 'new')!r}, 'w')").stderr
    assert "Permission denied" in isolated("open('/etc/passwd')").stderr
    assert isolated("open('/dev/null', 'w').write('x')").stderr == ""


def test_an_isolated_process_cannot_read_the_desks_environment(given_up: frozenset[str]) -> None:
    need(given_up, "files", "Landlock is missing: it needs Linux 5.13")
    done = isolated("print(open(f'/proc/{os.getppid()}/environ').read())")
    assert "Permission denied" in done.stderr
    unconfined = isolated("print(open('/proc/self/environ').read())", SEEN="its own")
    assert "its own" in unconfined.stdout


def test_an_isolated_process_sees_no_other_and_has_no_powers_of_roots(given_up: frozenset[str]) -> None:
    need(given_up, "files", "Landlock is missing: it needs Linux 5.13")
    assert "Permission denied" in isolated("os.listdir('/proc')").stderr
    sets = re.findall(r"Cap(?:Eff|Prm):\s*(\w+)", isolated("print(open('/proc/self/status').read())").stdout)
    assert [int(each, 16) for each in sets] == [0, 0]


@pytest.mark.parametrize("machine", [0, 1], ids=["x86_64", "aarch64"])
def test_no_call_is_refused_by_mistake(machine: int) -> None:
    numbers = [number for pair in REFUSED.values() if (number := pair[machine]) is not None]
    assert len(set(numbers)) == len(numbers) > 30
    header = Path("/usr/include") / ("x86_64-linux-gnu/asm/unistd_64.h" if machine == 0 else "asm-generic/unistd.h")
    if not header.is_file():
        pytest.skip(f"{header} is not there: apt-get install linux-libc-dev")
    known = dict(re.findall(r"#define __NR_(\w+)\s+(\d+)", header.read_text()))
    ours = {name: str(pair[machine]) for name, pair in REFUSED.items() if pair[machine] is not None}
    assert {name: known[name] for name in ours} == ours


def test_a_model_in_parts_is_read_whole(tmp_path: Path) -> None:
    parts = [tmp_path / f"big-0000{number}-of-00002.gguf" for number in (1, 2)]
    for path in (*parts, tmp_path / "other-00001-of-00002.gguf", tmp_path / "small.gguf"):
        path.write_text("")
    assert sorted(parts_of(str(parts[0]))) == sorted(map(str, parts))
    assert parts_of(str(tmp_path / "small.gguf")) == [str(tmp_path / "small.gguf")]


def test_a_model_process_reaches_nothing_that_this_kernel_can_take_away(tiny: Launch, given_up: frozenset[str]) -> None:
    model = SupervisedModel(tiny)
    try:
        assert set(model.reaches) == {"network", "files", "calls", "memory"} - given_up
    finally:
        model.close()


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
