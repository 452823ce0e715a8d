"""What carries segments out in unit tests: in this thread, when it is told to, with a memory as durable as DBOS's."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue
from sqlalchemy import Connection

from deskhand.workflow.watch import Fate

Place = tuple[str, int]


@dataclass
class Inline:
    """Segments in a list; what the desk returned is returned again when a segment is repeated."""

    queued: list[Place] = field(default_factory=list)
    delays: dict[Place, float] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)
    kept: dict[tuple[Place, str], dict[str, JsonValue]] = field(default_factory=dict)
    broken: set[Place] = field(default_factory=set)
    segment: Callable[[str, int], None] | None = None
    attempt: Callable[[str, int, str], dict[str, JsonValue]] | None = None
    is_shared: bool = False
    at_desk: list[str] = field(default_factory=list)
    """The attempts that were left to the desk."""
    _present: Place = ("", 0)

    def enqueue(
        self, connection: Connection, run_id: str, segment: int, *, partition: str, delay: float | None = None
    ) -> None:
        del connection, partition
        self.queued.append((run_id, segment))
        if delay is not None:
            self.delays[(run_id, segment)] = delay

    def hold(self, connection: Connection) -> None:
        """Keep what is being carried out: nobody else could take it."""

    def fates(self, segments: Collection[Place]) -> Mapping[Place, Fate]:
        known = {place: Fate.UNDER_WAY for place in segments if place in self.queued}
        return known | {place: Fate.BROKEN for place in segments if place in self.broken}

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def act_at_desk(self, name: str, run_id: str, segment: int, step_id: str) -> dict[str, JsonValue]:
        self.at_desk.append(name)
        assert self.attempt is not None
        key = ((run_id, segment), name)
        if key not in self.kept:
            self.kept[key] = self.attempt(run_id, segment, step_id)
        return self.kept[key]

    def launch(
        self, segment: Callable[[str, int], None], attempt: Callable[[str, int, str], dict[str, JsonValue]]
    ) -> None:
        self.segment = segment
        self.attempt = attempt

    def close(self, *, patience: float = 10.0) -> None:
        del patience
        self.segment = None

    def run(self, most: int = 100) -> None:
        """Carry out so many segments, delayed or not, as far as there are any. A death leaves its segment queued."""
        while self.queued and most:
            most -= 1
            self._present = self.queued[0]
            assert self.segment is not None
            self.segment(*self._present)
            self.queued.remove(self._present)
