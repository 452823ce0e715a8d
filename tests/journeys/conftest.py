"""A vendor in its own process and a desk that can be killed: what every journey starts from."""

import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from deskhand.configuration.loading import load
from deskhand.demo.play import DemoOptions, configured
from deskhand.demo.rehearsal import Rehearsal, Script, rehearsal
from deskhand.desk.connections import Connections
from deskhand.desk.stores import open_records, verify_records
from deskhand.records import explanations
from deskhand.records.documents import Why
from deskhand.sdk.models import NoteKind
from tests.journeys.office import Office, open_office


@dataclass(frozen=True, slots=True)
class Stage:
    """A seeded vendor and the configuration of a desk beside it."""

    vendor: Rehearsal
    configuration: Path

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the desk; it ends by itself when nothing is left to do."""
        command = [sys.executable, "-m", "deskhand", "run", "--drain", "--config", str(self.configuration)]
        with (self.configuration.parent / "log.jsonl").open("ab") as log:
            return subprocess.Popen(command, stderr=log)  # noqa: S603  # ourselves

    def finish(self, timeout: float = 900) -> None:
        """Let a desk work to the end."""
        assert self.start().wait(timeout) == 0, (self.configuration.parent / "log.jsonl").read_text()[-2000:]

    def kill_after(self, seconds: float) -> bool:
        """Start a desk and kill it without warning; tell whether it was still alive then."""
        process = self.start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return process.wait() == -signal.SIGKILL
        return False

    def explanations(self) -> list[Why]:
        """Read the record: one Why a ticket, by ticket."""
        records = open_records(load(self.configuration))
        try:
            return sorted(explanations.recent(records, explanations.count(records)), key=lambda why: int(why.ticket_id))
        finally:
            records.close()

    def verifies(self) -> bool:
        """Tell whether the audit log is whole."""
        return verify_records(load(self.configuration)).ok

    def in_the_psa(self) -> dict[str, tuple[object, ...]]:
        """Read from the vendor what every open ticket looks like, the desk's own notes without their reference."""
        with Connections.open(load(self.configuration)) as connections:
            system = connections.ticket_system
            found: dict[str, tuple[object, ...]] = {}
            for number in self.vendor.world.open_tickets:
                ticket = system.ticket(number)
                notes = [
                    note.text.rpartition("\n")[0] for note in system.notes(number) if note.kind is NoteKind.INTERNAL
                ]
                found[number] = (
                    ticket.type,
                    ticket.subtype,
                    ticket.item,
                    ticket.priority,
                    ticket.impact,
                    *sorted(notes),
                )
            return found


SetStage = Callable[[Script], Stage]


@pytest.fixture
def set_stage(tmp_path: Path) -> Iterator[SetStage]:
    """Return a function that seeds a vendor and configures a desk without a model."""
    with ExitStack() as closing:

        def build(script: Script) -> Stage:
            state = tmp_path / f"desk-{len(list(tmp_path.iterdir()))}"
            vendor = closing.enter_context(rehearsal(script))
            configuration = configured(DemoOptions(script, state, "none", None, 0), vendor)
            return Stage(vendor, configuration.file)

        yield build


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Yield a small MSP with its PSA and three open tickets."""
    with open_office(tmp_path) as opened:
        yield opened
    structlog.reset_defaults()
    for handler in [each for each in logging.root.handlers if type(each) is logging.StreamHandler]:
        logging.root.removeHandler(handler)
