"""Keeps a model process alive: one call at a time, a restart after a crash, and an end to restarting."""

import threading
import time
from typing import Any, Final

from deskhand.llm.engine import DeadlineExceededError, EngineError, EngineUnavailableError
from deskhand.llm.process import (
    Launch,
    ModelProcess,
    ModelRefusedError,
    NoAnswerError,
    ProcessDiedError,
    StoppedByDeadlineError,
)

LARGEST_PAUSE_SECONDS: Final = 10.0
_TAKEN_AWAY: Final = frozenset({"network", "files", "calls", "memory"})


class SupervisedModel:
    """A model process that comes back. Thread-safe; calls wait for each other within their own deadlines.

    A crash is followed by a restart and one more try of the same call. After ``most_crashes`` without an answer
    in between it stays down, since what kills it every time will do so again.
    """

    def __init__(self, launch: Launch, *, most_crashes: int = 5, first_pause_seconds: float = 0.1) -> None:
        """Start the process. Raises EngineUnavailableError when the model does not load."""
        self.restarts = 0
        self.launch = launch
        self._most_crashes = most_crashes
        self._first_pause = first_pause_seconds
        self._crashes = 0
        self._reason = ""
        self._turn = threading.Lock()
        self._is_cancelled = False
        self._process: ModelProcess | None = _first(launch)

    @property
    def pid(self) -> int | None:
        """The number of the running process, if one runs."""
        return self._process.pid if self._process else None

    @property
    def reason_it_is_down(self) -> str:
        """Why it answers no more; empty while it does or may yet."""
        return self._reason

    @property
    def reaches(self) -> tuple[str, ...]:
        """What the running process could still reach, since this system does not take it away; best nothing."""
        return tuple(sorted(_TAKEN_AWAY - process.given_up)) if (process := self._process) else ()

    def ask(self, operation: str, arguments: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Return the model's answer.

        Raises DeadlineExceededError, EngineUnavailableError, and EngineError for a request the model refuses or
        that was cancelled.
        """
        end = time.monotonic() + seconds
        if not self._turn.acquire(timeout=max(0.0, seconds)):
            raise DeadlineExceededError(f"the model was busy for all of {seconds:g} s")
        try:
            self._is_cancelled = False
            return self._tried_twice(operation, arguments, end)
        finally:
            self._turn.release()

    def cancel(self) -> None:
        """Cut short the call in flight, which raises EngineError; the next one is not touched."""
        self._is_cancelled = True
        if process := self._process:
            process.cancel()

    def close(self) -> None:
        """End the process; later calls raise EngineUnavailableError."""
        self._reason = self._reason or "the engine was closed"
        if process := self._process:
            process.close()

    def _tried_twice(self, operation: str, arguments: dict[str, Any], end: float) -> dict[str, Any]:
        ending = ""
        for _ in range(2):
            try:
                return self._tried(operation, arguments, end)
            except NoAnswerError as error:
                self._crashed(error)
                raise DeadlineExceededError("the model process did not stop in time and was killed") from error
            except ProcessDiedError as error:
                self._crashed(error)
                ending = str(error)
        raise EngineUnavailableError(self._reason or f"{ending}, twice on the same request")

    def _tried(self, operation: str, arguments: dict[str, Any], end: float) -> dict[str, Any]:
        process = self._process or self._restarted(end)
        seconds = end - time.monotonic()
        if seconds <= 0:
            raise DeadlineExceededError("no time was left for the model")
        try:
            answer = process.ask(operation, arguments, seconds=seconds)
        except StoppedByDeadlineError as error:
            self._crashes = 0
            raise self._stopped() from error
        except ModelRefusedError as error:
            raise EngineError(str(error)) from error
        self._crashes = 0
        return answer

    def _stopped(self) -> EngineError:
        if self._is_cancelled:
            return EngineError("the call was cancelled")
        return DeadlineExceededError("the model did not answer within the deadline and was stopped")

    def _crashed(self, error: ProcessDiedError) -> None:
        self._crashes += 1
        if process := self._process:
            process.close()
        self._process = None
        if self._crashes >= self._most_crashes and not self._reason:
            self._reason = f"{error}; it was started {self._crashes} times and is left down until deskhand restarts"

    def _restarted(self, end: float) -> ModelProcess:
        if self._reason:
            raise EngineUnavailableError(self._reason)
        pause = min(LARGEST_PAUSE_SECONDS, self._first_pause * 2 ** max(0, self._crashes - 1))
        if time.monotonic() + pause > end:
            raise DeadlineExceededError("no time was left to restart the model process")
        time.sleep(pause)
        try:
            self._process = process = ModelProcess(self.launch)
        except ModelRefusedError as error:
            self._reason = _unloadable(self.launch, error)
            raise EngineUnavailableError(self._reason) from error
        self.restarts += 1
        if self._reason:
            process.close()
            raise EngineUnavailableError(self._reason)
        return process


def _first(launch: Launch) -> ModelProcess:
    try:
        return ModelProcess(launch)
    except ModelRefusedError as error:
        raise EngineUnavailableError(_unloadable(launch, error)) from error
    except ProcessDiedError as error:
        raise EngineUnavailableError(f"{launch.model.name} could not be loaded: {error}") from error


def _unloadable(launch: Launch, error: ModelRefusedError) -> str:
    return f"{launch.model} could not be loaded: {error}. Download it again, or name another model"
