"""The desk's side of one model process: start it, ask it, and tell how it ended."""

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import deskhand
from deskhand.llm.worker.wire import WireError, read_frame, write_frame

GRACE_SECONDS: Final = 2.0
START_SECONDS: Final = 120.0
_BOOT: Final = "import sys; sys.path.append(sys.argv[1]); from deskhand.llm.worker.service import main; main()"
_SEARCHED: Final = str(Path(deskhand.__file__).parents[1])
_MEBIBYTE: Final = 1024 * 1024
_MEANINGS: Final = {
    "SIGILL": "it met an instruction this processor does not have; run `deskhand model install --portable`",
    "SIGSEGV": "it crashed inside llama.cpp",
    "SIGABRT": "llama.cpp gave up",
    "SIGKILL": "it was killed, perhaps for want of memory",
}


class ProcessDiedError(Exception):
    """The model process ended; the message says how."""


class ModelRefusedError(Exception):
    """The model process is well but cannot do this: the file does not load, or the request does not fit."""


class StoppedByDeadlineError(Exception):
    """The model process stopped computing because the time was up or the call was cancelled."""


class NoAnswerError(ProcessDiedError):
    """The model process did not even answer that it had stopped, and was killed."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What a model process is started with. ``context_tokens`` bounds one prompt with its answer."""

    python: Path
    model: Path
    purpose: Literal["instruct", "embed"]
    context_tokens: int
    threads: int

    @property
    def memory_mebibytes(self) -> int:
        """The address space it may use: the weights mapped, repacked, and as much again, plus the context."""
        return 3 * self.model.stat().st_size // _MEBIBYTE + 6 * 1024


class ModelProcess:
    """A running model process. Calls come one at a time; only ``cancel`` and ``close`` may come from elsewhere."""

    def __init__(self, launch: Launch) -> None:
        """Start it and load the model. Raises ModelRefusedError for the file, ProcessDiedError for a crash."""
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self.given_up: frozenset[str] = frozenset()
        self._last_request = 0
        self._writing = threading.Lock()
        self._process = self._started(launch)
        try:
            self._open(launch)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The operating system's number of the process."""
        return self._process.pid

    def ask(self, operation: str, arguments: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Return the answer to one request.

        Raises StoppedByDeadlineError, ModelRefusedError, NoAnswerError and ProcessDiedError; after the last two
        this object is of no more use.
        """
        self._last_request += 1
        self._send({"id": self._last_request, "operation": operation, "arguments": arguments, "seconds": seconds})
        return cast("dict[str, Any]", self._reply(seconds + GRACE_SECONDS)["answer"])

    def cancel(self) -> None:
        """Cut short whatever is being computed; the call in flight raises StoppedByDeadlineError."""
        with contextlib.suppress(ProcessDiedError):
            self._send({"cancel": self._last_request})

    def close(self) -> None:
        """End the process and wait for it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._complaints):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _started(self, launch: Launch) -> "subprocess.Popen[bytes]":
        started: Future[subprocess.Popen[bytes]] = Future()
        threading.Thread(target=self._run, args=(launch, started), daemon=True, name="model process").start()
        return started.result()

    def _run(self, launch: Launch, started: "Future[subprocess.Popen[bytes]]") -> None:
        """Start the process and read from it for as long as it lives.

        The kernel sends the parent-death signal when the *thread* that started a child ends, so it is this one.
        """
        try:
            process = self._spawned(launch)
        except OSError as error:
            started.set_exception(ProcessDiedError(f"{launch.python} could not be started: {error.strerror}"))
            return
        started.set_result(process)
        assert process.stdout is not None  # noqa: S101  # a pipe was asked for
        with process.stdout as stream, contextlib.suppress(WireError, OSError):
            while (message := read_frame(stream)) is not None:
                self._messages.put(message)
        process.wait()
        self._messages.put(None)

    def _spawned(self, launch: Launch) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603  # our own interpreter and our own script
            [launch.python, "-I", "-c", _BOOT, _SEARCHED],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=_environment(),
            cwd=launch.python.parent,
            start_new_session=True,
        )

    def _open(self, launch: Launch) -> None:
        self._send(
            {
                "purpose": launch.purpose,
                "model": str(launch.model),
                "context_tokens": launch.context_tokens,
                "threads": launch.threads,
                "memory_mebibytes": launch.memory_mebibytes,
                "parent": os.getpid(),
            }
        )
        self.given_up = frozenset(self._reply(START_SECONDS)["ready"]["given_up"])

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101  # a pipe was asked for
        try:
            with self._writing:
                write_frame(self._process.stdin, message)
        except (OSError, ValueError) as error:
            self._process.kill()
            raise ProcessDiedError(self._ending()) from error

    def _reply(self, seconds: float) -> dict[str, Any]:
        give_up = time.monotonic() + seconds
        while True:
            try:
                message = self._messages.get(timeout=max(0.0, give_up - time.monotonic()))
            except queue.Empty:
                self._process.kill()
                raise NoAnswerError("the model process did not answer and was killed") from None
            if message is None:
                raise ProcessDiedError(self._ending())
            if message.get("error") == "stopped":
                raise StoppedByDeadlineError
            if "error" in message:
                raise ModelRefusedError(str(message["message"]))
            return message

    def _ending(self) -> str:
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            return f"the model process ended by {name}: {_MEANINGS.get(name, 'it was stopped')}"
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return f"the model process ended with code {code}: {lines[-1] if lines else 'it said nothing'}"


def _environment() -> dict[str, str]:
    """Return all the environment a model process has: no secret can be in it."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return kept | {"OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
