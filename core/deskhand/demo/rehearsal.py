"""The vendors' side of the rehearsal, in a process of its own: simulators on loopback, seeded and served.

It reads one JSON line that says what to seed, answers with one that says where they listen, answers each further line
with what it asks for, and ends when its input does.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, TypeAdapter

from deskhand.demo import vendors
from deskhand.demo.ticket_file import TicketFile, read_tickets
from deskhand.demo.world import RehearsalWorld
from deskhand.sdk.errors import ConfigurationError

_WORLD = TypeAdapter(RehearsalWorld)


class Script(BaseModel):
    """What the rehearsal plays: our own tickets, or those of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    now: AwareDatetime
    tickets: Path | None = None
    limit: int | None = None
    history: int | None = None
    text_column: str | None = None
    label_column: str | None = None

    def read(self) -> TicketFile | None:
        """Read the file, if there is one. Raises TicketFileError."""
        if self.tickets is None:
            return None
        return read_tickets(
            self.tickets,
            limit=self.limit,
            history=self.history,
            text_column=self.text_column,
            label_column=self.label_column,
        )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The running vendors: each connector's settings by plugin, and what was seeded."""

    settings: Mapping[str, dict[str, Any]]
    world: RehearsalWorld
    _process: "subprocess.Popen[str]"
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def requests(self) -> int:
        """Return how many requests the vendors have had."""
        return int(self.ask("requests"))

    def ask(self, what: str, **details: str) -> Any:  # noqa: ANN401  # JSON of the rehearsal's own
        """Have something happen at a client, or look at what is there. Raises LookupError for what is not there."""
        with self._lock:
            _write(_pipe(self._process.stdin), json.dumps({"ask": what, **details}))
            answer = _read(self._process)
        if "missing" in answer:
            raise LookupError(f"{what}: {answer['missing']}")
        return answer["answer"]


@contextmanager
def rehearsal(script: Script) -> Iterator[Rehearsal]:
    """Start the vendors' side and stop it at the end of the block.

    Raises TicketFileError for a ticket file that cannot be used and ConfigurationError where a plugin is missing.
    """
    script.read()
    command = [sys.executable, "-m", "deskhand.demo.rehearsal"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # ourselves
        try:
            _write(_pipe(process.stdin), script.model_dump_json())
            told = _read(process)
            yield Rehearsal(told["settings"], _WORLD.validate_python(told["world"]), process)
        finally:
            _pipe(process.stdin).close()


def main() -> None:
    """Serve until standard input ends."""
    script = Script.model_validate_json(sys.stdin.readline())
    with vendors.serving(script.now, script.read()) as serving:
        told = {"settings": serving.settings, "world": _WORLD.dump_python(serving.world, mode="json")}
        _write(sys.stdout, json.dumps(told))
        for line in sys.stdin:
            _write(sys.stdout, json.dumps(_answer(serving, json.loads(line))))


def _answer(serving: vendors.Vendors, question: dict[str, Any]) -> dict[str, JsonValue]:
    try:
        return {"answer": serving.answer(question)}
    except (LookupError, StopIteration) as error:
        return {"missing": str(error) or "nothing of that name"}


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the rehearsal was started without pipes")
    return stream


def _write(stream: IO[str], line: str) -> None:
    stream.write(line + "\n")
    stream.flush()


def _read(process: "subprocess.Popen[str]") -> dict[str, Any]:
    line = _pipe(process.stdout).readline()
    if not line:
        raise ConfigurationError("the rehearsal's vendors did not start; the error is printed above")
    answer: dict[str, Any] = json.loads(line)
    return answer


if __name__ == "__main__":
    main()
