"""Signed checkpoints: what the log was at a moment, and the key that will sign the next one.

A checkpoint is a note (https://c2sp.org/tlog-checkpoint) whose extension lines carry the epoch, the time and the next
epoch's public key. The key of an epoch signs once and is erased, so that a key stolen later signs nothing that came
before it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select

from deskhand.records.audit.keys import KeyFiles, Trust, decoded_key, encoded
from deskhand.records.audit.notes import sign_note
from deskhand.records.canonical import written_time
from deskhand.records.failures import RecordsUnavailableError
from deskhand.records.schema import checkpoints, store
from deskhand.records.transaction import Transaction

_EXTENSIONS = ("epoch", "at", "next")


@dataclass(frozen=True, slots=True)
class CheckpointPolicy:
    """When a checkpoint is due: after so many new entries, or so long after the last one if there is any new entry."""

    entries: int = 500
    interval: timedelta = timedelta(minutes=15)

    def is_due(self, new_entries: int, elapsed: timedelta) -> bool:
        """Tell whether it is time to sign."""
        return new_entries >= self.entries or (new_entries > 0 and elapsed >= self.interval)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's first ``size`` entries: their Merkle root, and who signs next."""

    origin: str
    size: int
    root: bytes
    epoch: int
    at: datetime
    next_key: bytes

    def text(self) -> str:
        """Write what is signed."""
        extensions = (str(self.epoch), written_time(self.at), encoded(self.next_key))
        lines = [self.origin, str(self.size), encoded(self.root)]
        lines += [f"{name} {value}" for name, value in zip(_EXTENSIONS, extensions, strict=True)]
        return "\n".join(lines) + "\n"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a checkpoint from the text of its note. Raises ValueError where it is none."""
        origin, size, root, *extensions = text.splitlines()[:6]
        epoch, at, next_key = (
            line.removeprefix(f"{name} ") for name, line in zip(_EXTENSIONS, extensions, strict=True)
        )
        moment = datetime.fromisoformat(at)
        return cls(origin, int(size), decoded_key(root), int(epoch), moment, decoded_key(next_key))


def last_checkpoint(connection: Connection) -> Checkpoint | None:
    """Read the newest checkpoint without checking its signature."""
    query = select(checkpoints.c.note).order_by(checkpoints.c.epoch.desc()).limit(1)
    note = connection.execute(query).scalar_one_or_none()
    try:
        return None if note is None else Checkpoint.read(note)
    except ValueError as error:
        raise RecordsUnavailableError("the last checkpoint is damaged: `deskhand audit verify` tells more") from error


def settle_key(connection: Connection, keys: KeyFiles) -> Ed25519PrivateKey:
    """Return the key that signs the next checkpoint, making the first one for a new store. Needs the write lock.

    Raises RecordsUnavailableError where the key files do not belong to this store.
    """
    last = last_checkpoint(connection)
    origin = connection.execute(select(store.c.origin)).scalar_one()
    trust = keys.trust() or (keys.begin(origin) if last is None else None)
    if trust is not None and trust.origin != origin:
        raise RecordsUnavailableError(
            f"{keys.trust_file} belongs to another record store ({trust.origin}): "
            "move it and the .key beside it to where their store is, or restore that store"
        )
    return keys.current(_expected(last, trust))


def _expected(last: Checkpoint | None, trust: Trust | None) -> bytes:
    epoch = 0 if last is None else last.epoch + 1
    if trust is not None and epoch in trust.keys:
        return trust.keys[epoch]
    return b"" if last is None else last.next_key


def seal(transaction: Transaction, keys: KeyFiles) -> Checkpoint | None:
    """Sign the log as it is, or return None where nothing is new.

    After the commit `settle_key` replaces the key; a crash in between is mended by the next `settle_key`.
    """
    key = settle_key(transaction.connection, keys)
    last = last_checkpoint(transaction.connection)
    head = transaction.head
    if head.frontier.size == (0 if last is None else last.size):
        return None
    successor = Ed25519PrivateKey.generate()
    keys.stage(successor)
    checkpoint = Checkpoint(
        origin=transaction.connection.execute(select(store.c.origin)).scalar_one(),
        size=head.frontier.size,
        root=head.frontier.root(),
        epoch=0 if last is None else last.epoch + 1,
        at=transaction.clock(),
        next_key=successor.public_key().public_bytes_raw(),
    )
    transaction.seal(checkpoint.epoch, checkpoint.size, sign_note(checkpoint.text(), checkpoint.origin, key))
    return checkpoint
