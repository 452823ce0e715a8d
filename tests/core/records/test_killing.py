import itertools
import random
import time
from collections.abc import Callable
from pathlib import Path

from deskhand.records import work
from deskhand.records.audit.verification import verify
from deskhand.records.database import Records
from deskhand.sdk.clock import utc_now
from tests.core.records import children

KILLS = 10


def write_for_ever(url: str, file: Path, say: Callable[[str], None]) -> None:
    records = Records.open(url, signing=file, clock=utc_now)
    first = len(records.audit_entries())
    say("open")
    for number in itertools.count(first):
        with records.transaction("writer") as transaction:
            work.enqueue(transaction, "psa", str(number), "1", reason="new")
        say(str(number))
        if number % 7 == 6:
            records.checkpoint()


def test_kill_9_loses_no_acknowledged_entry(url: str, file: Path) -> None:
    chance = random.Random(9)  # the same moments every time, as far as a machine allows
    acknowledged: set[str] = set()
    for _ in range(KILLS):
        writer = children.start(lambda say: write_for_ever(url, file, say))
        assert writer.said.readline() == b"open\n"
        time.sleep(chance.uniform(0.0, 0.15))
        acknowledged |= set(writer.kill().decode().split("\n")[:-1])
        assert verify(url, signing=file).ok, verify(url, signing=file).reason
    records = Records.open(url, signing=file, clock=utc_now)
    logged = {entry.ticket for entry in records.audit_entries()}
    assert len(acknowledged) > KILLS
    assert acknowledged <= logged
    assert work.counts(records)["pending"] == len(logged)
    records.checkpoint()
    records.close()
    assert verify(url, signing=file).covered == len(logged)
