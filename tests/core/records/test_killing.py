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

KILLS = {"sqlite": 200, "postgresql": 10}
LOOKS = 20
"""How often in all the log is verified in between."""


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
    kind = url.partition(":")[0].partition("+")[0]
    kills = KILLS[kind]
    for number in range(kills):
        writer = children.start(lambda say: write_for_ever(url, file, say))
        assert writer.said.readline() == b"open\n"
        acknowledged |= {writer.said.readline().decode().strip() for _ in range(chance.randrange(4))}
        time.sleep(chance.uniform(0.0, 0.01))
        acknowledged |= set(writer.kill().decode().split("\n")[:-1])
        if number % (kills // min(LOOKS, kills)) == 0:
            assert verify(url, signing=file).ok, verify(url, signing=file).reason
    records = Records.open(url, signing=file, clock=utc_now)
    logged = {entry.ticket for entry in records.audit_entries()}
    assert len(acknowledged) > kills
    assert acknowledged <= logged
    assert work.counts(records)["pending"] == len(logged)
    records.checkpoint()
    records.close()
    assert verify(url, signing=file).covered == len(logged)
