"""Prints what the audit log costs: a durable append beside a bare durable commit, and checking a whole log.

    uv run python benchmarks/audit.py [--entries 200000]

Times depend on the disk and on who else uses the machine; the ratios carry over.
"""

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, Transaction, url_of
from deskhand.sdk.clock import utc_now

DURABLE = 500
BATCH = 1000
CHECKPOINT_EVERY = 10_000


def main() -> None:
    """Measure in a folder that is thrown away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=200_000, help="how long the log gets")
    parser.add_argument("--verify", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.verify:
        print_verification(arguments.verify)
        return
    with tempfile.TemporaryDirectory(prefix="deskhand-audit-") as folder:
        measure(Path(folder), arguments.entries)


def measure(folder: Path, entries: int) -> None:
    """Write a log of that length and print every figure."""
    store = folder / "records.db"
    bare = bare_commits_per_second(folder / "bare.db")
    records = Records.open(url_of(store), clock=utc_now)
    durable = durable_appends_per_second(records)
    print(f"bare durable commit     {bare:10,.0f} /s   (one row, WAL, synchronous=FULL)")
    print(f"append, one per commit  {durable:10,.0f} /s   {bare / durable:.1f} times the cost of a bare commit")
    bulk = bulk_appends_per_second(records, entries - DURABLE)
    print(
        f"append, {BATCH} a commit  {bulk:10,.0f} /s   to {entries:,} entries, a checkpoint every {CHECKPOINT_EVERY:,}"
    )
    size = store.stat().st_size
    print(f"store                   {size / 1e6:10,.1f} MB   {size / entries:,.0f} bytes an entry")
    print(f"open                    {seconds_to_open(records, store) * 1e3:10,.1f} ms   whatever the length of the log")
    subprocess.run([sys.executable, __file__, "--verify", str(store)], check=True)  # noqa: S603  # this very file


def bare_commits_per_second(path: Path) -> float:
    """Commit one row at a time as safely as the record store does, with nothing else around it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE bare (words TEXT)")
    start = time.perf_counter()
    for _ in range(DURABLE):
        connection.execute("INSERT INTO bare VALUES (?)", ("x" * 400,))
    connection.close()
    return DURABLE / (time.perf_counter() - start)


def durable_appends_per_second(records: Records) -> float:
    """Append as the desk does: one commit a state change."""
    start = time.perf_counter()
    for number in range(DURABLE):
        with records.transaction("desk") as transaction:
            append(transaction, number)
    return DURABLE / (time.perf_counter() - start)


def bulk_appends_per_second(records: Records, entries: int) -> float:
    """Append as a backfill does: many entries a commit."""
    start = time.perf_counter()
    for first in range(0, entries, BATCH):
        with records.transaction("desk") as transaction:
            for number in range(first, min(first + BATCH, entries)):
                append(transaction, number)
        if first % CHECKPOINT_EVERY == 0:
            records.checkpoint()
    return entries / (time.perf_counter() - start)


def append(transaction: Transaction, number: int) -> None:
    """Append an entry of the usual size."""
    transaction.audit(
        "effect.done",
        tenant=str(number % 250),
        ticket=str(100_000 + number // 8),
        detail={
            "action": "psa_connectwise.add_internal_note",
            "key": f"{number:024x}",
            "receipt": {"reference": str(number), "detail": {"kind": "internal"}},
        },
    )


def seconds_to_open(records: Records, store: Path) -> float:
    """Close the store and time how long it takes to open it again."""
    records.close()
    start = time.perf_counter()
    Records.open(url_of(store), clock=utc_now).close()
    return time.perf_counter() - start


def own_peak() -> float:
    """Return the most megabytes this process held; what ``getrusage`` says would count its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


def print_verification(store: Path) -> None:
    """Verify in a process of its own, so that its memory is its own too."""
    start, worked = time.perf_counter(), time.process_time()
    result = verify(url_of(store))
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    peak = own_peak()
    if not result.ok:
        raise SystemExit(result.reason)
    print(
        f"verify                  {result.entries / seconds:10,.0f} /s   {result.entries:,} entries in {seconds:.1f} s"
    )
    print(f"verify, undisturbed     {result.entries / worked:10,.0f} /s   {worked:.1f} s of the processor")
    print(f"verify, peak memory     {peak:10,.1f} MB   constant in the length of the log")


if __name__ == "__main__":
    main()
