import itertools
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from deskhand.records.audit.checkpoints import Checkpoint, CheckpointPolicy
from deskhand.records.audit.keys import KeyFiles, Trust, encoded
from deskhand.records.audit.notes import NoteError, open_note, sign_note
from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, RecordsUnavailableError, url_of
from deskhand.sdk.clock import Clock, utc_now
from tests.core.records import children
from tests.core.records.conftest import SteppingClock
from tests.core.records.examples import START, enqueue

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()


def test_a_note_opens_for_the_key_that_signed_it() -> None:
    assert open_note(sign_note("a log\n9\n", "desk/1", KEY), "desk/1", PUBLIC) == "a log\n9\n"


def test_a_note_with_any_bit_flipped_does_not_open() -> None:
    """Not even one of those that base64 ignores."""
    note = sign_note("a log\n9\nroot\n", "desk/1", KEY).encode()
    for place, bit in itertools.product(range(len(note)), range(8)):
        flipped = bytearray(note)
        flipped[place] ^= 1 << bit
        with pytest.raises(NoteError):
            open_note(flipped.decode(errors="surrogateescape"), "desk/1", PUBLIC)


@pytest.mark.parametrize(("name", "key"), [("desk/2", PUBLIC), ("desk/1", bytes(32)), ("desk/1", b"")])
def test_a_note_does_not_open_for_another_key_or_name(name: str, key: bytes) -> None:
    with pytest.raises(NoteError):
        open_note(sign_note("a log\n9\n", "desk/1", KEY), name, key)


@given(st.integers(0, 2**40), st.binary(min_size=32, max_size=32), st.integers(0, 10**6))
def test_a_checkpoint_reads_back_as_written(size: int, root: bytes, epoch: int) -> None:
    checkpoint = Checkpoint("desk/1", size, root, epoch, START, PUBLIC)
    assert Checkpoint.read(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "unpack"),
        ("desk/1\n9\nAAAA\n", "shorter"),
        ("desk/1\n9\nAAAA\nepoch 0\nat now\nnext \n", "isoformat"),
        ("desk/1\n9\nAAAA\nepoch 0\nat 2026-03-02T08:00:00+00:00\nnext \n", "3 bytes where 32"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Checkpoint.read(text)


def test_a_checkpoint_covers_the_log_and_changes_the_key(records: Records, file: Path, url: str) -> None:
    enqueue(records, "1", "2")
    before = Path(f"{file}.key").read_text()
    sealed = records.checkpoint()
    assert sealed is not None
    assert (sealed.size, sealed.epoch) == (2, 0)
    assert Path(f"{file}.key").read_text() != before
    assert not Path(f"{file}.key.next").exists()
    enqueue(records, "3")
    checked = verify(url, signing=file)
    assert (checked.ok, checked.entries, checked.covered) == (True, 3, 2)


def test_a_replaced_key_is_blanked_where_it_was_written(records: Records, file: Path) -> None:
    """A second name for the old file shows what became of its bytes."""
    os.link(f"{file}.key", f"{file}.old")
    enqueue(records, "1")
    records.checkpoint()
    assert set(Path(f"{file}.old").read_bytes()) == {0}


def test_nothing_new_needs_no_checkpoint(records: Records) -> None:
    assert records.checkpoint() is None
    enqueue(records, "1")
    assert records.checkpoint() is not None
    assert records.checkpoint() is None


def test_a_checkpoint_is_due_after_enough_entries_or_enough_time(url: str, file: Path, clock: SteppingClock) -> None:
    policy = CheckpointPolicy(entries=3, interval=timedelta(minutes=15))
    records = Records.open(url, signing=file, clock=clock, policy=policy)
    enqueue(records, "1", "2")
    assert records.checkpoint_if_due() is None
    enqueue(records, "3")
    assert records.checkpoint_if_due() is not None
    clock.now += timedelta(minutes=20)
    assert records.checkpoint_if_due() is None
    enqueue(records, "4")
    assert records.checkpoint_if_due() is not None
    enqueue(records, "5")
    assert records.checkpoint_if_due() is None
    records.close()

    clock.now += timedelta(minutes=20)
    reopened = Records.open(url, signing=file, clock=clock, policy=policy)
    sealed = reopened.checkpoint_if_due()
    assert sealed is not None
    assert (sealed.epoch, sealed.size) == (2, 5)
    reopened.close()


def die(*_arguments: object, **_named: object) -> None:
    os._exit(9)


def checkpoint_and_die(url: str, file: Path, owner: type, step: str, *, after: bool) -> None:
    records = Records.open(url, signing=file, clock=utc_now)
    enqueue(records, "1")
    records.checkpoint()
    enqueue(records, "2")
    living = getattr(owner, step)
    setattr(owner, step, lambda *arguments, **named: die(after and living(*arguments, **named)))
    records.checkpoint()


@pytest.mark.parametrize(
    ("owner", "step", "after"),
    [
        (KeyFiles, "stage", False),
        (Path, "replace", False),
        (Path, "replace", True),
        (KeyFiles, "stage", True),
        (Records, "_settle", False),
        (KeyFiles, "_replace", False),
        (KeyFiles, "_replace", True),
    ],
)
def test_a_crash_anywhere_between_signing_and_the_new_key_is_mended(
    url: str, file: Path, owner: type, step: str, *, after: bool
) -> None:
    dying = children.start(lambda _: checkpoint_and_die(url, file, owner, step, after=after))
    assert dying.wait() == (9, b"")
    records = Records.open(url, signing=file, clock=utc_now)
    enqueue(records, "3")
    assert records.checkpoint() is not None
    checked = verify(url, signing=file)
    assert (checked.ok, checked.entries, checked.covered) == (True, 3, 3)
    records.close()


def test_a_crash_while_the_store_is_made_is_mended(url: str, file: Path, clock: Clock) -> None:
    Records.open(url, signing=file, clock=clock).close()
    Path(f"{file}.trust").unlink()
    records = Records.open(url, signing=file, clock=clock)
    enqueue(records, "1")
    records.checkpoint()
    assert verify(url, signing=file).ok
    records.close()


def test_a_lost_key_is_told_and_can_be_renewed_on_the_record(
    records: Records, url: str, file: Path, clock: Clock
) -> None:
    enqueue(records, "1")
    records.checkpoint()
    records.close()
    Path(f"{file}.key").unlink()
    with pytest.raises(RecordsUnavailableError, match=r"records\.db\.key is missing: restore it .* audit renew"):
        Records.open(url, signing=file, clock=clock)

    trust = Records.renew_key(url, signing=file, clock=clock, actor="an operator")
    assert set(trust.keys) == {0, 1}
    renewed = Records.open(url, signing=file, clock=clock)
    enqueue(renewed, "2")
    renewed.checkpoint()
    assert [entry.kind for entry in renewed.audit_entries()] == ["work.enqueued", "audit.key_renewed", "work.enqueued"]
    assert renewed.audit_entries()[1].actor == "an operator"
    assert verify(url, signing=file).ok
    renewed.close()


@pytest.mark.parametrize("suffix", ["key", "trust"])
def test_a_damaged_key_file_is_told_and_can_be_renewed(
    records: Records, url: str, file: Path, clock: Clock, suffix: str
) -> None:
    enqueue(records, "1")
    records.close()
    Path(f"{file}.{suffix}").write_bytes(b"\xff not what it was")
    with pytest.raises(
        RecordsUnavailableError, match=rf"records\.db\.{suffix} cannot be read: restore it .* audit renew"
    ):
        Records.open(url, signing=file, clock=clock)
    Records.renew_key(url, signing=file, clock=clock, actor="an operator")
    Records.open(url, signing=file, clock=clock).close()
    assert verify(url, signing=file).ok


def test_a_key_of_another_store_is_refused(
    records: Records, url: str, file: Path, tmp_path: Path, clock: Clock
) -> None:
    other = tmp_path / "other.db"
    Records.open(url_of(other), clock=clock).close()
    enqueue(records, "1")
    records.close()
    shutil.copy(f"{other}.key", f"{file}.key")
    with pytest.raises(RecordsUnavailableError, match="does not fit the record store"):
        Records.open(url, signing=file, clock=clock)
    shutil.copy(f"{other}.trust", f"{file}.trust")
    with pytest.raises(RecordsUnavailableError, match="belongs to another record store"):
        Records.open(url, signing=file, clock=clock)


def test_the_trust_file_tells_people_what_to_note(url: str, file: Path, clock: Clock) -> None:
    Records.open(url, signing=file, clock=clock).close()
    trust = KeyFiles(file).trust()
    assert trust is not None
    assert trust == verify(url, signing=file).trust
    assert encoded(trust.keys[0]) in Path(f"{file}.trust").read_text()
    (line,) = [line for line in Path(f"{file}.trust").read_text().splitlines() if not line.startswith("#")]
    assert Trust.read(line) == trust


def test_a_store_on_a_server_needs_a_place_for_its_key() -> None:
    with pytest.raises(RecordsUnavailableError, match=r"local path|no driver"):
        Records.open("postgresql+psycopg://desk@localhost/desk", clock=utc_now)
