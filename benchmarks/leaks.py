"""How long the leak scanner takes: for a kilobyte of text, and at each place where something leaves the desk.

`uv run python benchmarks/leaks.py` prints milliseconds a kilobyte for 10, 100 and 500 secrets, and then, for a desk
with twelve, what it costs to look through one audit entry, run's row, note and prompt, beside a durable commit.
"""

import json
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.records.database import Records, url_of
from deskhand.sdk.clock import utc_now

KILOBYTES = 2_000
ROUNDS = 300
WORDS = "the printer on the second floor prints blank pages since this morning and nobody changed anything "
PLACES = {"audit entry": 900, "run's row": 6_000, "note": 1_500, "prompt": 4_000}
"""Characters of what is usually written there."""


def main() -> None:
    """Print all figures."""
    text = words(1024 * KILOBYTES)
    for count in (10, 100, 500):
        began = time.perf_counter()
        scanner = scanner_of(count)
        built = time.perf_counter()
        assert not scanner.find(text)  # noqa: S101  # the figure is of texts that hold none
        ended = time.perf_counter()
        print(f"{count:4} secrets: {1000 * (ended - built) / KILOBYTES:.3f} ms/KB, made in {built - began:.2f} s")
    scanner, commit = scanner_of(12), commit_milliseconds()
    print(f"a durable commit with one entry: {commit:.2f} ms")
    for place, characters in PLACES.items():
        written = json.dumps({"detail": words(characters)})
        cost = milliseconds(lambda written=written: scanner.redact(written))  # type: ignore[misc]  # bound here
        print(f"{place:12} of {characters:,} characters: {cost:.3f} ms, {cost / commit:.1%} of a commit")


def scanner_of(count: int) -> LeakScanner:
    """Make a scanner for so many secrets as vendors issue them."""
    return LeakScanner({f"secret {number}": SecretStr(secrets.token_urlsafe(32)) for number in range(count)})


def words(characters: int) -> str:
    """Write so many characters of a ticket."""
    return (WORDS * (characters // len(WORDS) + 1))[:characters]


def milliseconds(act: Callable[[], object]) -> float:
    """Return the median of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return 1000 * sorted(taken)[ROUNDS // 2]


def commit_milliseconds() -> float:
    """Measure a transaction with one audit entry, made durable as the desk makes it."""
    with tempfile.TemporaryDirectory(prefix="deskhand-leaks-") as folder:
        records = Records.open(url_of(Path(folder) / "records.db"), clock=utc_now)

        def commit() -> None:
            with records.transaction("desk") as transaction:
                transaction.audit("measured", detail={"words": WORDS})

        found = milliseconds(commit)
        records.close()
    return found


if __name__ == "__main__":
    main()
