"""The vendor's side of the rehearsal, in a process of its own: a simulated PSA on loopback, seeded and served.

It reads one JSON line that says what to seed, answers with one that says where it listens, answers each further line
with how many requests it has had, and ends when its input does.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from deskhand.demo.ticket_file import TicketFile, read_tickets
from deskhand.demo.world import RehearsalWorld, seed
from deskhand.registry import Registry
from deskhand.sdk.errors import ConfigurationError

PLUGIN = "psa_connectwise"
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
    """A running simulated PSA: its connector's settings and what was seeded."""

    settings: dict[str, Any]
    world: RehearsalWorld
    _process: "subprocess.Popen[str]"

    def requests(self) -> int:
        """Return how many requests the PSA has had."""
        _write(_pipe(self._process.stdin), "count")
        return int(_read(self._process)["requests"])


@contextmanager
def rehearsal(script: Script) -> Iterator[Rehearsal]:
    """Start the vendor's side and stop it at the end of the block.

    Raises TicketFileError for a ticket file that cannot be used and ConfigurationError where the plugin is missing.
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
    offer = Registry.discover({PLUGIN}).plugins[PLUGIN].simulator
    if offer is None:
        raise ConfigurationError(f"{PLUGIN} offers no simulator")
    simulator = offer.create()
    world = seed(simulator, now=script.now, tickets=script.read())
    from deskhand.sdk.testing.host import SimulatorHost  # noqa: PLC0415  # only this process serves

    with SimulatorHost(simulator) as host:
        _write(
            sys.stdout,
            json.dumps({"settings": offer.settings(host.url), "world": _WORLD.dump_python(world, mode="json")}),
        )
        for _ in sys.stdin:
            _write(sys.stdout, json.dumps({"requests": host.requests}))


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
        raise ConfigurationError("the rehearsal's PSA did not start; its error is printed above")
    answer: dict[str, Any] = json.loads(line)
    return answer


if __name__ == "__main__":
    main()
