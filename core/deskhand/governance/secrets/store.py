"""The secret store: one file of values sealed with AES-256-GCM, each bound to whose it is and what it is for.

The bound context (tenant, connector, name, version) is authenticated with each value: a value moved to another place
does not open. The key is derived from what `keys` reads, by Argon2id (RFC 9106) from a passphrase and by HKDF
(RFC 5869) from a key, and is never written.
"""

import base64
import fcntl
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from deskhand.governance.secrets.failures import SecretStoreError
from deskhand.governance.secrets.keys import KeyMaterial
from deskhand.records.canonical import canonical_json
from deskhand.sdk.clock import Clock

FILE_NAME = "secrets.json"
_FORMAT: Literal["deskhand-secrets-1"] = "deskhand-secrets-1"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_SALT_BYTES = 16
_MEMORY_KIBIBYTES = 65_536
_PASSES = 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_DAMAGED = "restore the file from a backup, or set the secret again"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Derivation(_Part):
    kind: Literal["argon2id", "hkdf"]
    salt: Annotated[Base64Bytes, Field(min_length=_SALT_BYTES)]
    memory_kibibytes: int = Field(default=_MEMORY_KIBIBYTES, ge=8_192, le=1_048_576)
    passes: int = Field(default=_PASSES, ge=1, le=64)


class _Sealed(_Part):
    tenant: str
    connector: str
    name: str
    version: int
    at: AwareDatetime
    nonce: Base64Bytes
    value: Base64Bytes

    @property
    def context(self) -> bytes:
        """What the value is bound to, written so that no two contexts read alike."""
        return canonical_json([_FORMAT, self.tenant, self.connector, self.name, self.version]).encode()

    @property
    def place(self) -> tuple[str, str, str]:
        return self.tenant, self.connector, self.name


class _Document(_Part):
    format: Literal["deskhand-secrets-1"] = _FORMAT
    derivation: _Derivation
    check: _Sealed
    """Nothing, sealed: it opens with the right key, so that a wrong one is told apart from a damaged value."""
    secrets: tuple[_Sealed, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret the store has, without its value. The MSP's own secrets have no tenant."""

    tenant: str
    connector: str
    name: str
    version: int
    at: datetime


class SecretStore:
    """An open store. Each change replaces the file whole; processes that change it wait for each other.

    What others change while it is open is seen by the next reading. Thread-safe for reading.
    """

    def __init__(self, path: Path, material: KeyMaterial) -> None:
        self._path = path
        self._material = material
        self._reading = threading.Lock()
        document = self._read()
        self._key = _derived(material, document.derivation if document else None)
        if document is not None:
            self._open_checked(document)

    @classmethod
    def at(cls, state: Path, material: KeyMaterial) -> Self:
        """Open the store of a state folder; it is made when the first secret is set. Raises SecretStoreError."""
        return cls(state / FILE_NAME, material)

    def list(self) -> "tuple[StoredSecret, ...]":
        """List what is stored, by tenant, connector and name."""
        document = self._read()
        found = sorted(document.secrets if document else (), key=lambda each: each.place)
        return tuple(StoredSecret(each.tenant, each.connector, each.name, each.version, each.at) for each in found)

    def read(self, name: str, *, connector: str, tenant: str = "") -> SecretStr:
        """Open one secret. Raises SecretStoreError where it is not there, or was not sealed for exactly this place."""
        with self._reading:
            document = self._followed()
            for each in document.secrets if document else ():
                if each.place == (tenant, connector, name):
                    return SecretStr(self._opened(each).decode())
        whose = f" for tenant {tenant}" if tenant else ""
        raise SecretStoreError(
            f"there is no secret {name} of {connector}{whose}", f"deskhand secret set {name} --connector {connector}"
        )

    def set(self, name: str, value: SecretStr, *, connector: str, clock: Clock, tenant: str = "") -> int:
        """Seal a value in place of an earlier one, and return its version. Raises SecretStoreError."""
        for word in (name, connector, *([tenant] if tenant else ())):
            if not _NAME.fullmatch(word):
                raise SecretStoreError(f"{word!r} is no name", "use letters, digits, dots, dashes and underscores")
        if not value.get_secret_value():
            raise SecretStoreError(f"the secret {name} is empty", "give it a value")
        place = (tenant, connector, name)
        with self._changing() as document:
            version = 1 + max((each.version for each in document.secrets if each.place == place), default=0)
            sealed = self._sealed(*place, version, clock(), value.get_secret_value().encode())
            others = tuple(each for each in document.secrets if each.place != place)
            self._write(document.model_copy(update={"secrets": (*others, sealed)}))
        return version

    def remove(self, name: str, *, connector: str, tenant: str = "") -> None:
        """Forget a secret. Raises SecretStoreError where it is not there."""
        with self._changing() as document:
            kept = tuple(each for each in document.secrets if each.place != (tenant, connector, name))
            if len(kept) == len(document.secrets):
                raise SecretStoreError(f"there is no secret {name} of {connector}", "`deskhand secret list` shows all")
            self._write(document.model_copy(update={"secrets": kept}))

    def rotate(self, material: KeyMaterial) -> int:
        """Seal everything anew under another key, or the same with a new salt, and return how many secrets there are.

        Values and versions stay. A crash leaves the old file or the new one, whole. Raises SecretStoreError.
        """
        with self._changing() as document:
            opened = [(each, self._opened(each)) for each in document.secrets]
            derivation = _new_derivation(material)
            self._material, self._key = material, (derivation, _stretched(material, derivation))
            sealed = tuple(self._sealed(*each.place, each.version, each.at, value) for each, value in opened)
            self._write(_Document(derivation=derivation, check=self._check(), secrets=sealed))
        return len(sealed)

    def _followed(self) -> _Document | None:
        """Read the file, and derive the key again where it was sealed anew since."""
        document = self._read()
        if document is not None and document.derivation != self._key[0]:
            before, self._key = self._key, _derived(self._material, document.derivation)
            try:
                self._open_checked(document)
            except SecretStoreError:
                self._key = before
                raise
        return document

    def _open_checked(self, document: _Document) -> None:
        try:
            self._decrypted(document.check)
        except InvalidTag as error:
            raise SecretStoreError(
                f"{self._path} was not sealed with this key",
                "set `key` in [secrets] back, or bring the store over with `deskhand secret rotate --from OLD`; a desk "
                "and hands that run learn of another key when they are started again",
            ) from error

    def _opened(self, sealed: _Sealed) -> bytes:
        try:
            return self._decrypted(sealed)
        except InvalidTag as error:
            raise SecretStoreError(
                f"the secret {sealed.name} was not sealed for {sealed.connector}"
                f"{f' of tenant {sealed.tenant}' if sealed.tenant else ''}, or was changed",
                _DAMAGED,
            ) from error

    def _decrypted(self, sealed: _Sealed) -> bytes:
        return AESGCM(self._key[1]).decrypt(sealed.nonce, sealed.value, sealed.context)

    def _sealed(self, tenant: str, connector: str, name: str, version: int, at: datetime, value: bytes) -> _Sealed:
        nonce = os.urandom(_NONCE_BYTES)
        empty = _Sealed(
            tenant=tenant, connector=connector, name=name, version=version, at=at, nonce=_coded(nonce), value=b""
        )
        content = AESGCM(self._key[1]).encrypt(nonce, value, empty.context)
        return empty.model_copy(update={"value": content})

    def _check(self) -> _Sealed:
        return self._sealed("", "", "", 0, datetime.fromtimestamp(0, UTC), b"")

    @contextmanager
    def _changing(self) -> Iterator[_Document]:
        """Hold the store's lock and yield what it holds at that moment."""
        with self._locked():
            document = self._read()
            if document is not None:
                self._key = _derived(self._material, document.derivation)
                self._open_checked(document)
            yield document or _Document(derivation=self._key[0], check=self._check())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = self._path.with_name(f".{self._path.name}.lock").open("w")
        except OSError as error:
            raise self._unwritable(error) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _unwritable(self, error: OSError) -> SecretStoreError:
        return SecretStoreError(f"{self._path} cannot be written ({error.strerror})", "check the disk and its owner")

    def _read(self) -> _Document | None:
        try:
            return _Document.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise SecretStoreError(f"{self._path} cannot be read ({type(error).__name__})", _DAMAGED) from None

    def _write(self, document: _Document) -> None:
        draft = self._path.with_name(f".{self._path.name}.draft")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(document.model_dump_json(indent=1))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise self._unwritable(error) from error


def _coded(value: bytes) -> bytes:
    return base64.b64encode(value)


def _new_derivation(material: KeyMaterial) -> _Derivation:
    return _Derivation(kind="argon2id" if material.is_passphrase else "hkdf", salt=_coded(os.urandom(_SALT_BYTES)))


def _derived(material: KeyMaterial, derivation: _Derivation | None) -> tuple[_Derivation, bytes]:
    derivation = derivation or _new_derivation(material)
    return derivation, _stretched(material, derivation)


def _stretched(material: KeyMaterial, derivation: _Derivation) -> bytes:
    if derivation.kind == "hkdf":
        return HKDF(SHA256(), _KEY_BYTES, derivation.salt, _FORMAT.encode()).derive(material.value)
    return hash_secret_raw(
        material.value, derivation.salt, derivation.passes, derivation.memory_kibibytes, 1, _KEY_BYTES, Type.ID
    )
