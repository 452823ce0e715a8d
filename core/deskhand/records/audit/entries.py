"""An audit entry as bytes: written once, hashed as stored, and never written anew from its parts."""

import hashlib

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

from deskhand.records.canonical import canonical_json, written_time

CHAIN_START = bytes(32)
"""The chain before the first entry."""


class Entry(BaseModel):
    """One thing that happened: who did what, when, and for whose ticket.

    ``seq`` counts from 0 without gaps. ``state`` identifies every row of the record store as it was after the entry.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seq: int
    at: AwareDatetime
    actor: str
    kind: str
    tenant: str
    ticket: str
    detail: dict[str, JsonValue]
    state: str


def write_entry(entry: Entry) -> str:
    """Write an entry as canonical JSON: sorted keys, no spaces, text that any database can store."""
    return canonical_json({**entry.model_dump(exclude={"at"}), "at": written_time(entry.at)})


def read_entry(written: str | bytes) -> Entry:
    """Read an entry. Raises ValueError where it is not one."""
    return Entry.model_validate_json(written)


def chained(chain: bytes, leaf: bytes) -> bytes:
    """Extend the chain by an entry's leaf hash: a changed entry shows at its own place."""
    return hashlib.sha256(b"\x02" + chain + leaf).digest()
