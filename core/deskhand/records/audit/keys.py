"""The signing key of the present epoch and the public keys to trust, in files beside the record store."""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deskhand.records.failures import RecordsUnavailableError

KEY_SIZE = 32
_MEND = (
    "restore it from the backup the store came from, or run `deskhand audit renew` to sign with a new key from here on"
)
_ADVICE = (
    "# Public keys that vouch for an audit log: its name, the epoch a key begins at, the key.\n"
    "# Note the line somewhere else too: `deskhand audit verify --key` takes it from there.\n"
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Which public key vouches for the log from which epoch on; each epoch names the key of the next by itself."""

    origin: str
    keys: Mapping[int, bytes]

    def written(self) -> str:
        """Write the trust file."""
        lines = (f"{self.origin} {epoch} {encoded(key)}\n" for epoch, key in sorted(self.keys.items()))
        return _ADVICE + "".join(lines)

    @classmethod
    def read(cls, written: str) -> Self:
        """Read a trust file, or a line of one that was noted elsewhere. Raises ValueError where it is none."""
        lines = [line.split() for line in written.splitlines() if line.strip() and not line.startswith("#")]
        keys = {int(epoch): decoded_key(key) for _, epoch, key in lines}
        (origin,) = {name for name, _, _ in lines}
        return cls(origin, keys)


class KeyFiles:
    """The files ``<prefix>.key``, ``.key.next`` and ``.trust``; all are replaced atomically, keys have mode 0600."""

    def __init__(self, prefix: Path) -> None:
        self._key = prefix.with_name(f"{prefix.name}.key")
        self._next = prefix.with_name(f"{prefix.name}.key.next")
        self.trust_file = prefix.with_name(f"{prefix.name}.trust")

    def begin(self, origin: str, epoch: int = 0, earlier: Mapping[int, bytes] | None = None) -> Trust:
        """Make a key for an epoch that nobody has signed for yet, and trust it from there on.

        A key left by a begin that was cut short is taken up again.
        """
        key = (self._read(self._key) if earlier is None else None) or Ed25519PrivateKey.generate()
        self._replace(self._key, key)
        self._next.unlink(missing_ok=True)
        trust = Trust(origin, {**(earlier or {}), epoch: _public(key)})
        _write_durably(self.trust_file, trust.written(), 0o644)
        return trust

    def trust(self) -> Trust | None:
        """Read the trust file, or None where there is none. Raises RecordsUnavailableError where it is damaged."""
        try:
            return Trust.read(self.trust_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _damaged(self.trust_file) from error

    def current(self, expected: bytes) -> Ed25519PrivateKey:
        """Return the key whose public half the log expects, finishing a replacement that was cut short.

        Only for a process that holds the store's write lock. Raises RecordsUnavailableError where the key is not here.
        """
        key = self._read(self._key)
        if key is not None and _public(key) == expected:
            self._next.unlink(missing_ok=True)
            return key
        staged = self._read(self._next)
        if staged is None or _public(staged) != expected:
            found = "is missing" if key is None else "does not fit the record store"
            raise RecordsUnavailableError(f"the signing key {self._key} {found}: {_MEND}")
        self._replace(self._key, staged)
        self._next.unlink(missing_ok=True)
        return staged

    def stage(self, key: Ed25519PrivateKey) -> None:
        """Keep the next epoch's key durably, before the checkpoint that names it is committed."""
        _write_durably(self._next, _written(key), 0o600)

    def _read(self, path: Path) -> Ed25519PrivateKey | None:
        try:
            return Ed25519PrivateKey.from_private_bytes(decoded_key(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise RecordsUnavailableError(f"{path} may not be read: run as the user who owns it") from error
        except (OSError, ValueError) as error:
            raise _damaged(path) from error

    def _replace(self, path: Path, key: Ed25519PrivateKey) -> None:
        """Replace a key and blank what the old one was written on, as far as the file system lets us."""
        try:
            old = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            old = None
        _write_durably(path, _written(key), 0o600)
        if old is not None:
            os.pwrite(old, bytes(os.fstat(old).st_size), 0)
            os.fsync(old)
            os.close(old)


def encoded(value: bytes) -> str:
    """Write a key or a hash for people to copy."""
    return base64.b64encode(value).decode()


def decoded_key(written: str) -> bytes:
    """Read a key or a hash of 32 bytes. Raises ValueError where it is none."""
    try:
        value = base64.b64decode(written.strip(), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(value) != KEY_SIZE:
        raise ValueError(f"{len(value)} bytes where {KEY_SIZE} are expected")
    return value


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _written(key: Ed25519PrivateKey) -> str:
    return encoded(key.private_bytes_raw()) + "\n"


def _damaged(path: Path) -> RecordsUnavailableError:
    return RecordsUnavailableError(f"{path} cannot be read: {_MEND}")


def _write_durably(path: Path, text: str, mode: int) -> None:
    """Replace a file so that a crash at any instant leaves the old one or the new one, whole."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise RecordsUnavailableError(
            f"{path} cannot be written ({error.strerror}): check the disk, and that this user may write its folder"
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
