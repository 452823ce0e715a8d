"""What a ticket costs: our own code without a model, the share of time outside a model, memory, and PSA calls.

Everything runs over real HTTP against the ConnectWise simulator in a process of its own, whose CPU is not counted.
The tickets are simulated: those of a ticket file, repeated as often as needed, or the rehearsal's own.

    uv run python benchmarks/pipeline.py --file TICKETS.csv.gz --tickets 10000 --with-model 40
"""

import csv
import resource
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from deskhand.demo.play import DemoOptions, configured
from deskhand.demo.rehearsal import Rehearsal, Script, rehearsal
from deskhand.demo.ticket_file import read_tickets
from deskhand.desk.desk import Desk
from deskhand.llm.engine import Answer, Engine, EngineHealth, EngineIdentity, Question
from deskhand.llm.none import NoEngine
from deskhand.llm.selection import EngineSettings, open_engine
from deskhand.records.documents import Why
from deskhand.sdk.clock import utc_now

HISTORY = 2000
SAMPLES = 20


@dataclass(slots=True)
class Meter:
    """Listens to a desk and notes time, CPU and memory as tickets go by."""

    every: int = 1
    handled_count: int = 0
    memory: list[float] = field(default_factory=list)
    began: float = 0.0
    cpu_began: float = 0.0

    def phase(self, name: str) -> None:
        """Start the clocks when handling starts."""
        if name == "handling tickets":
            self.began, self.cpu_began = time.monotonic(), time.process_time()

    def advanced(self, done: int, total: int) -> None:
        """Ignore it."""

    def handled(self, why: Why) -> None:
        """Count, and sample the resident memory now and then."""
        del why
        self.handled_count += 1
        if self.handled_count % self.every == 0:
            self.memory.append(_resident_megabytes())


@dataclass(slots=True)
class TimedEngine:
    """An engine that counts the seconds spent in it."""

    inner: Engine
    seconds: float = 0.0

    def choose(
        self, instructions: str, text: str, questions: Sequence[Question], *, deadline_seconds: float
    ) -> tuple[Answer, ...]:
        """Time the model's answer."""
        began = time.monotonic()
        try:
            return self.inner.choose(instructions, text, questions, deadline_seconds=deadline_seconds)
        finally:
            self.seconds += time.monotonic() - began

    def generate(self, instructions: str, text: str, grammar: str, *, max_tokens: int, deadline_seconds: float) -> str:
        """Pass on."""
        return self.inner.generate(
            instructions, text, grammar, max_tokens=max_tokens, deadline_seconds=deadline_seconds
        )

    def embed(self, texts: Sequence[str], *, deadline_seconds: float) -> NDArray[np.float32]:
        """Time the embedding."""
        began = time.monotonic()
        try:
            return self.inner.embed(texts, deadline_seconds=deadline_seconds)
        finally:
            self.seconds += time.monotonic() - began

    @property
    def can_embed(self) -> bool:
        """Pass on."""
        return self.inner.can_embed

    @property
    def can_choose(self) -> bool:
        """Pass on."""
        return self.inner.can_choose

    def identity(self) -> EngineIdentity:
        """Pass on."""
        return self.inner.identity()

    def health(self) -> EngineHealth:
        """Pass on."""
        return self.inner.health()

    def close(self) -> None:
        """Pass on."""
        self.inner.close()


@click.command()
@click.option("--file", type=click.Path(path_type=Path, exists=True), help="A ticket file; left out, our own tickets.")
@click.option("--tickets", default=1000, show_default=True, help="How many tickets, with engine none.")
@click.option("--with-model", default=40, show_default=True, help="How many tickets with the model; 0 for none.")
def main(file: Path | None, tickets: int, with_model: int) -> None:
    """Run both and print what they cost."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        without = _run(place / "none", _script(place, file, tickets), NoEngine("a benchmark without a model"))
        _print_without(without, file)
        if with_model:
            engine = open_engine(EngineSettings())
            if engine.health().is_ready:
                _print_with(_run(place / "model", _script(place, file, with_model), engine))
            else:
                print(f"with a model: not measured, {engine.health().detail}")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run cost, from the first handled ticket to the last; calls include intake's polling, not history."""

    tickets: int
    seconds: float
    cpu_seconds: float
    calls: int
    memory: list[float]
    model_seconds: float
    engine: str


def _run(state: Path, script: Script, engine: Engine) -> Cost:
    timed, meter = TimedEngine(engine), Meter()
    with rehearsal(script) as vendor:
        configuration = configured(DemoOptions(script, state, "none", None, 0), vendor)
        if engine.can_choose:  # a model that fails its trial would not be asked at all: switch the trial off
            triage = configuration.triage.model_copy(update={"model_trial_tickets": 0})
            configuration = configuration.model_copy(update={"triage": triage})
        meter.every = max(1, len(vendor.world.open_tickets) // SAMPLES)
        with Desk.open(configuration, engine=timed, stopping=threading.Event()) as desk:
            counted = _CallsFromHandling(vendor, meter, timed)
            desk.run(counted, drain=True)
            return Cost(
                tickets=meter.handled_count,
                seconds=time.monotonic() - meter.began,
                cpu_seconds=time.process_time() - meter.cpu_began,
                calls=vendor.requests() - counted.calls_before,
                memory=meter.memory,
                model_seconds=timed.seconds - counted.model_before,
                engine=str(timed.identity()),
            )


@dataclass(slots=True)
class _CallsFromHandling:
    """Passes everything to the meter, and notes what was spent before handling began."""

    vendor: Rehearsal
    meter: Meter
    engine: TimedEngine
    calls_before: int = 0
    model_before: float = 0.0

    def phase(self, name: str) -> None:
        self.calls_before, self.model_before = self.vendor.requests(), self.engine.seconds
        self.meter.phase(name)

    def advanced(self, done: int, total: int) -> None:
        self.meter.advanced(done, total)

    def handled(self, why: Why) -> None:
        self.meter.handled(why)


def _script(folder: Path, file: Path | None, tickets: int) -> Script:
    if file is None:
        return Script(now=utc_now())
    written = folder / f"tickets-{tickets}.csv"
    with written.open("w", encoding="utf-8", newline="") as target:
        out = csv.writer(target)
        out.writerow(["text", "category"])
        out.writerows(_rows(file, HISTORY + tickets))
    return Script(now=utc_now(), tickets=written, history=HISTORY)


def _rows(file: Path, count: int) -> Iterator[tuple[str, str]]:
    read = read_tickets(file, history=0, limit=count)
    return islice(cycle((each.text or each.summary, each.type or "") for each in read.tickets), count)


def _print_without(cost: Cost, file: Path | None) -> None:
    source = file.name if file else "the rehearsal's own tickets"
    print(f"simulated PSA on loopback, {cost.tickets} tickets of {source}, engine none:")
    print(
        f"  {cost.tickets / cost.seconds:.1f} tickets/s, {1000 * cost.cpu_seconds / cost.tickets:.1f} ms CPU a ticket"
    )
    print(f"  {cost.calls / cost.tickets:.2f} PSA calls a ticket")
    first, last = cost.memory[len(cost.memory) // 10], cost.memory[-1]
    print(f"  memory {first:.0f} MB after a tenth of them, {last:.0f} MB at the end ({last / first - 1:+.1%})")
    print(f"  peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _print_with(cost: Cost) -> None:
    outside = 1 - cost.model_seconds / cost.seconds
    print(f"{cost.tickets} tickets with {cost.engine}, asked about each (its trial switched off):")
    print(f"  {cost.seconds / cost.tickets:.2f} s a ticket, {outside:.1%} of the wall time outside the model")


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
