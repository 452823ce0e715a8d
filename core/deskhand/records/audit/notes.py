"""Signed notes: a few lines of text and one Ed25519 signature (https://c2sp.org/signed-note)."""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_KEY_ID_SIZE = 4


class NoteError(ValueError):
    """A note is not what its signer wrote."""


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """Sign a text, which ends in a newline, under a name without spaces or plus signs."""
    public = key.public_key().public_bytes_raw()
    return text + _signature_line(name, _key_id(name, public) + key.sign(text.encode()))


def open_note(note: str, name: str, public_key: bytes) -> str:
    """Return the text of a note signed by this key alone, under this name. Raises NoteError otherwise.

    Stricter than the format, which allows more signatures and looser base64: a byte that is not vouched for is refused.
    """
    text, separator, line = note.rpartition("\n\n")
    text += "\n"
    signature = _signature(line, name)
    if not separator or note != text + _signature_line(name, signature):
        raise NoteError("the note is not written as a note")
    if signature[:_KEY_ID_SIZE] != _key_id(name, public_key):
        raise NoteError("the note is signed by another key")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature[_KEY_ID_SIZE:], text.encode())
    except (InvalidSignature, ValueError):
        raise NoteError("the signature does not fit the note") from None
    return text


def _signature_line(name: str, signature: bytes) -> str:
    return f"\n\N{EM DASH} {name} {base64.b64encode(signature).decode()}\n"


def _signature(line: str, name: str) -> bytes:
    try:
        return base64.b64decode(line.removeprefix(f"\N{EM DASH} {name} "), validate=False)
    except (binascii.Error, ValueError):
        return b""


def _key_id(name: str, public_key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:_KEY_ID_SIZE]
