import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

import pytest

from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, url_of
from deskhand.sdk.clock import utc_now
from tests.core.records.examples import enqueue
from tests.core.records.power import Disk, Operation, traced
from tests.repository import ROOT

TICKETS = 8
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108  # a folder of ours is made inside
"""Where what is left is looked at: that disk is not the one whose power fails."""
WRITER = f"""
    import os, sys
    sys.path.append({str(ROOT)!r})
    from pathlib import Path
    from deskhand.records.database import Records, url_of
    from deskhand.sdk.clock import utc_now
    from tests.core.records.examples import enqueue

    records = Records.open(url_of(Path(sys.argv[1]) / "records.db"), clock=utc_now)
    os.write(1, b"open\\n")
    connection = records._engine.raw_connection()  # the one the pool hands out
    connection.driver_connection.execute("PRAGMA wal_autocheckpoint=8")  # so that the log is brought over in between
    connection.driver_connection.execute(f"PRAGMA synchronous={{sys.argv[2]}}")
    connection.close()
    for number in range({TICKETS}):
        enqueue(records, str(number))
        os.write(1, f"{{number}}\\n".encode())
        if number % 4 == 3:
            sealed = records.checkpoint()
            os.write(1, f"sealed {{sealed.size}}\\n".encode())
"""


def done_to_disk(folder: Path, synchronous: str) -> tuple[Disk, list[Operation]]:
    """Let a desk write, and return an empty disk with all that was done to it."""
    script, state = folder / "writer.py", folder / "state"
    script.write_text(dedent(WRITER))
    state.mkdir()
    return Disk(str(state).encode()), traced(script, str(state), synchronous)


def outcome(disk: Disk, chance: random.Random) -> str:
    """Cut the power and start again: everything acknowledged has to be there, and proved."""
    with TemporaryDirectory(dir=MEMORY) as name:
        disk.after_power_cut(chance, Path(name))
        return outcome_in(disk, url_of(Path(name) / "records.db"))


def outcome_in(disk: Disk, url: str) -> str:
    records = Records.open(url, clock=utc_now)
    found = {entry.ticket for entry in records.audit_entries()}
    acknowledged = {line for line in disk.said if line.isdigit()}
    if not acknowledged <= found:
        records.close()
        return "lost"
    enqueue(records, "and on it goes")
    records.checkpoint()
    records.close()
    checked = verify(url)
    sealed = max((int(line.split()[1]) for line in disk.said if line.startswith("sealed")), default=0)
    return "kept" if checked.ok and checked.covered > sealed else checked.reason


def test_no_acknowledged_entry_is_lost_whenever_the_power_fails(tmp_path: Path) -> None:
    disk, operations = done_to_disk(tmp_path, "FULL")
    outcomes: Counter[str] = Counter()
    for moment, operation in enumerate(operations):
        is_made = bool(disk.said)  # before that nothing is promised, only that it can be started again
        if disk.apply(operation) and (is_made or moment % 8 == 0):
            outcomes[outcome(disk, random.Random(moment))] += 1
    assert disk.said[-1] == f"sealed {TICKETS}"
    assert outcomes.keys() == {"kept"}, outcomes
    assert outcomes["kept"] > 200


def test_it_is_synchronous_full_that_keeps_them(tmp_path: Path) -> None:
    """The control: with less, this very test finds acknowledged entries that are gone."""
    disk, operations = done_to_disk(tmp_path, "NORMAL")
    outcomes: Counter[str] = Counter()
    for moment, operation in enumerate(operations):
        if disk.apply(operation) and len(disk.said) > 2 and not outcomes["lost"]:
            outcomes[outcome(disk, random.Random(moment))] += 1
    assert outcomes["lost"] > 0, outcomes


def test_a_call_that_the_model_of_the_disk_does_not_know_ends_the_test() -> None:
    disk = Disk(b"/state")
    unknown = Operation("copy_file_range", 3, (b"/state/records.db",), 0, 1, "")
    with pytest.raises(AssertionError):
        disk.apply(unknown)
