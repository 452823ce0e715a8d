"""A desk in a process of its own that works, then looks through everything it holds for what it was not to keep.

`python -m tests.journeys.sealed_desk CONFIGURATION CALLBACK` opens the desk, calls every vendor, takes a callback, and
writes what went wrong. Then it reads a line, a JSON object of what to look for by name, each value reversed, and writes
what some live object holds of it.
"""

import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.records.documents import Why
from deskhand.sdk.errors import ConnectorError

CALLS = 3


class _Silence:
    """Hears how the desk gets on, and says nothing."""

    def phase(self, name: str) -> None: ...

    def advanced(self, done: int, total: int) -> None: ...

    def handled(self, why: Why) -> None: ...


def main() -> None:
    with Desk.open(load(Path(sys.argv[1]))) as desk:
        errors = [error for _ in range(CALLS) for error in _calls(desk)]
        desk.run(_Silence(), drain=True)
        headers, body = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
        desk.connections.receivers["notify_twilio"].receive(headers, body.encode())
        _say([str(each) for each in errors])
        known = json.loads(sys.stdin.readline())
        gc.collect()
        _say(sorted(set(_held(known))))
        sys.stdin.readline()


def _say(lines: list[str]) -> None:
    sys.stdout.write(f"{json.dumps(lines)}\n")
    sys.stdout.flush()


def _calls(desk: Desk) -> Iterator[ConnectorError]:
    """Call every vendor, and yield what went wrong, which is kept."""
    for connector in desk.connections.connectors.values():
        try:
            connector.check()
        except ConnectorError as error:
            yield error


def _held(known: dict[str, str]) -> Iterator[str]:
    """Name each that a live string or buffer holds; ``known`` has them reversed, so as not to be found itself."""
    for text, holder in _texts():
        for name, value in known.items():
            if value[::-1] in text:
                yield f"{name} in {holder}"


def _texts() -> Iterator[tuple[str, str]]:
    """Yield what every live object leads to: the collector knows containers, they know what they contain."""
    own = sys._getframe()
    frames = [frame for top in sys._current_frames().values() for frame in _stack(top) if frame is not own]
    todo: list[object] = [*gc.get_objects(), *(value for frame in frames for value in frame.f_locals.values())]
    seen = {id(todo), id(frames)}
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, str):
            yield each, "a string"
        elif isinstance(each, bytes | bytearray | memoryview):
            yield bytes(each).decode("latin-1"), f"{type(each).__name__}"
        else:
            todo += gc.get_referents(each)


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


if __name__ == "__main__":
    main()
