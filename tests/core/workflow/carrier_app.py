"""Processes that carry segments out beside each other, for tests that kill them, or stop them and let them go on.

A server imports once and forks one for each line on stdin: the store's URL, a folder, what it is and its name. What it
does is a line each in a file. A segment acts three times; in the second act it waits for a file named ``go``.
"""

import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from sqlalchemy import create_engine

from deskhand.workflow.durable import Durable
from deskhand.workflow.executors import Executor, Kind
from deskhand.workflow.journal import SupersededError
from deskhand.workflow.pulse import Company

LONG = 30.0
AT_DESK = "desk"
"""A run of this name leaves its second act to the desk."""
COMPANY = Company(every=0.1, silence=timedelta(seconds=1.0))


@dataclass
class Carrier:
    """Who it is, where it writes, and what it does."""

    name: str
    folder: Path
    url: str
    durable: Durable

    def segment(self, run: str, number: int) -> None:
        """Go on where the file says it had come, as segments of runs do by the run's row."""
        if not self.has_written("one", run):
            self.write("one", run)
        if run.startswith(AT_DESK):
            self.durable.act_at_desk("two", run, number, "two")
        elif not self.has_written("two ended", run):
            self.waits(run)
        if self.is_ours():
            self.write("three", run)

    def attempt(self, run: str, _segment: int, _step: str) -> dict[str, JsonValue]:
        return self.write("two", run)

    def waits(self, run: str) -> None:
        self.write("two", run)
        end = time.monotonic() + LONG
        while not (self.folder / "go").exists() and time.monotonic() < end:
            time.sleep(0.02)
        self.write("two ended", run, is_ours=self.is_ours())

    def is_ours(self) -> bool:
        engine = create_engine(self.url)
        try:
            with engine.begin() as connection:
                self.durable.hold(connection)
        except SupersededError:
            return False
        else:
            return True
        finally:
            engine.dispose()

    def has_written(self, act: str, run: str) -> bool:
        file = self.folder / "acts"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return any((each["act"], each["run"]) == (act, run) and each.get("is_ours", True) for each in lines)

    def write(self, act: str, run: str, **more: Any) -> dict[str, JsonValue]:  # noqa: ANN401  # whatever is to be told
        line = {"who": self.name, "run": run, "act": act, "at": time.time(), **more}
        descriptor = os.open(self.folder / "acts", os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        os.write(descriptor, (json.dumps(line) + "\n").encode())
        os.close(descriptor)
        return {}


def live(url: str, folder: Path, kind: str, name: str) -> None:
    """Carry segments out until SIGTERM. A file with its name tells that it has begun."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: ended.set())
    me = Executor(kind=Kind(kind), name=name, id=name, place=f"the place of the {kind} {name}")
    durable = Durable(url, me=me, company=COMPANY)
    carrier = Carrier(name, folder, url, durable)
    durable.launch(carrier.segment, carrier.attempt)
    (folder / name).touch()
    ended.wait()
    durable.close()


def serve() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for line in sys.stdin:
        url, folder, kind, name = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the log goes elsewhere than the answers
            live(url, Path(folder), kind, name)
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
