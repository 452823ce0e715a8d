import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from deskhand.records import cursors, quarantine
from deskhand.records.audit.keys import KeyFiles
from deskhand.records.audit.verification import verify
from deskhand.records.cursors import Cursor
from deskhand.records.database import Records, RecordsUnavailableError, url_of
from deskhand.records.quarantine import IdentityRule
from deskhand.sdk.clock import utc_now
from deskhand.sdk.models import Reference
from tests.core.records import children
from tests.core.records.examples import PSA, START, handle

FLIPS = 3000
ENTRY_FLIPS = 400
SHARES = 2
"""Processes that flip at the same time."""
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108  # a folder of ours is made inside
TICKETS = 30


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("whole") / "records.db"
    records = Records.open(url_of(file), clock=utc_now)
    for number in range(TICKETS):
        handle(records, str(number))
        if number % 10 == 9:
            records.checkpoint()
    with records.transaction("desk") as transaction:
        cursors.move(transaction, PSA, Cursor(since=START, after="7", highest=START, phase="poll"))
        quarantine.remember(transaction, IdentityRule("domain", "marlowtern.example", Reference("19", "Marlow & Tern")))
    records.close()
    return file


def content(file: Path) -> list[Any]:
    """Everything the file answers: its schema, every row of every table, and what looking up by ticket finds."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    connection.text_factory = bytes
    try:
        schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
        tables = [name.decode() for kind, name, _, _ in schema if kind == b"table"]
        rows = [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]  # noqa: S608  # ours
        by_ticket = "SELECT seq, entry FROM audit INDEXED BY audit_by_ticket WHERE ticket = ? ORDER BY seq"
        found = [connection.execute(by_ticket, (str(number),)).fetchall() for number in range(TICKETS)]
    finally:
        connection.close()
    return [schema, rows, found]


def flip_bytes(file: Path, changed: Path, share: int, say: Callable[[str], None]) -> None:
    """Change one byte after another, of every SHARES one, and say what verifying made of it."""
    whole, expected, trust = file.read_bytes(), content(file), KeyFiles(file).trust()
    chance = random.Random(6962)  # the same bytes every time
    places = [(chance.randrange(len(whole)), chance.randrange(1, 256)) for _ in range(FLIPS)]
    for place, flip in places[share::SHARES]:
        changed.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
        checked = verify(url_of(changed), trust=trust)
        if checked.ok and content(changed) != expected:
            say(f"byte {place} changed by {flip:#x} was missed")
        say("unchanged" if checked.ok else "found" if checked.first_bad is None else "named")


def test_any_changed_byte_of_the_file_is_found_or_changes_nothing(file: Path) -> None:
    checked = verify(url_of(file), trust=KeyFiles(file).trust())
    assert checked.ok
    assert checked.entries > 150
    with TemporaryDirectory(dir=MEMORY) as folder:
        copies = [Path(folder) / f"changed{share}.db" for share in range(SHARES)]
        lookers = [
            children.start(lambda say, share=share, copy=copy: flip_bytes(file, copy, share, say))  # type: ignore[misc]  # bound here
            for share, copy in enumerate(copies)
        ]
        ended = [looker.wait() for looker in lookers]
    assert [status for status, _ in ended] == [0] * SHARES
    outcomes = Counter(line for _, said in ended for line in said.decode().splitlines())
    assert outcomes.total() == FLIPS, outcomes
    assert outcomes.keys() == {"unchanged", "found", "named"}, outcomes
    assert outcomes["named"] > FLIPS / 10, outcomes


def test_any_changed_byte_of_an_entry_is_told_with_its_number(file: Path) -> None:
    """In place, in the file: what stands in the table is found there byte for byte."""
    whole, trust = file.read_bytes(), KeyFiles(file).trust()
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    entries = connection.execute("SELECT seq, CAST(entry AS BLOB) FROM audit ORDER BY seq").fetchall()
    connection.close()
    placed = [(seq, whole.index(entry), len(entry)) for seq, entry in entries if whole.count(entry) == 1]
    assert len(placed) > len(entries) * 0.9, "hardly any is broken over pages"
    chance = random.Random(33)
    with TemporaryDirectory(dir=MEMORY) as folder:
        changed = Path(folder) / "changed.db"
        for number in range(ENTRY_FLIPS):
            seq, start, length = placed[number % len(placed)]
            place, flip = start + chance.randrange(length), chance.randrange(1, 256)
            changed.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
            checked = verify(url_of(changed), trust=trust)
            assert checked.first_bad == seq, (place, flip, checked)


def test_a_damaged_file_is_refused_or_used_but_never_breaks_the_desk(file: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    whole = file.read_bytes()
    chance, refused = random.Random(11), 0
    for number in range(60):
        place = chance.randrange(len(whole) if number % 2 else 12_000)
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ chance.randrange(1, 256)]) + whole[place + 1 :])
        for suffix in ("key", "trust"):
            shutil.copy(f"{file}.{suffix}", f"{damaged}.{suffix}")
        try:
            records = Records.open(url_of(damaged), clock=utc_now)
            handle(records, f"new {number}")
            records.close()
        except RecordsUnavailableError:
            refused += 1
    assert 0 < refused < 60
