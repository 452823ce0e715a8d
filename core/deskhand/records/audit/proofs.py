"""Bundles: entries of one client, each proved to be in the signed log, for someone who may see no other client's."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import Connection, select

from deskhand.records.audit.checkpoints import Checkpoint
from deskhand.records.audit.entries import Entry, read_entry
from deskhand.records.audit.keys import Trust, encoded
from deskhand.records.audit.merkle import Tree, is_included, leaf_hash
from deskhand.records.audit.notes import NoteError, open_note
from deskhand.records.documents import StoredDocument
from deskhand.records.schema import audit, checkpoints, store

_BATCH = 1000


class ProofError(ValueError):
    """No bundle can be made, or a bundle does not prove what it says; the message is for people."""


class ProvenEntry(StoredDocument):
    """An entry, byte for byte as it was hashed, and the steps from it to the root, each in base64."""

    seq: int
    entry: str
    proof: tuple[str, ...]


class Bundle(StoredDocument):
    """Everything it takes to check some entries without the log: them, and every checkpoint up to one that covers them.

    A checkpoint tells how many entries there were and when, and nothing of what they say. A bundle proves that each
    entry is in the log as it is; not that no other entry of the client was left out.
    """

    format: Literal["deskhand-proof-1"] = "deskhand-proof-1"
    origin: str
    tenant: str
    ticket: str | None
    checkpoints: tuple[str, ...]
    entries: tuple[ProvenEntry, ...]


@dataclass(frozen=True, slots=True)
class Proven:
    """What a bundle proves: these entries were in the log when it had ``size`` entries, at the latest ``at``."""

    tenant: str
    ticket: str | None
    entries: tuple[Entry, ...]
    size: int
    at: datetime


def prove(connection: Connection, *, tenant: str | None = None, ticket: str | None = None) -> Bundle:
    """Bundle a client's signed entries, or of them those about one ticket.

    Entries that were written before anybody knew whose ticket it was stay out: they may name other clients.
    Raises ProofError where there is no such entry, or where a ticket has been with several clients and none is named.
    """
    if not tenant:
        tenant = _tenant_of(connection, ticket or "")
    notes = tuple(connection.execute(select(checkpoints.c.note).order_by(checkpoints.c.epoch)).scalars())
    size = Checkpoint.read(notes[-1]).size if notes else 0
    query = select(audit.c.seq, audit.c.entry).where(audit.c.tenant == tenant, audit.c.seq < size)
    if ticket is not None:
        query = query.where(audit.c.ticket == ticket)
    chosen = connection.execute(query.order_by(audit.c.seq)).all()
    if not chosen:
        raise ProofError("there is no signed entry of this client" + (f" about ticket {ticket}" if ticket else ""))
    tree = Tree(_leaves(connection, size))
    proven = (ProvenEntry(seq=row.seq, entry=row.entry, proof=_written(tree, row.seq)) for row in chosen)
    origin = connection.execute(select(store.c.origin)).scalar_one()
    return Bundle(origin=origin, tenant=tenant, ticket=ticket, checkpoints=notes, entries=tuple(proven))


def check(written: str | bytes, trust: Trust) -> Proven:
    """Check a bundle against a public key that was noted elsewhere; nothing else is needed.

    Raises ProofError, naming the entry or the checkpoint that does not fit.
    """
    try:
        bundle = Bundle.model_validate_json(written)
    except ValidationError as error:
        raise ProofError("it is not a bundle as `deskhand audit prove` writes it") from error
    if bundle.origin != trust.origin:
        raise ProofError(f"it is from another log than the key: {bundle.origin}, not {trust.origin}")
    last = _last_checkpoint(bundle.checkpoints, trust)
    if not bundle.entries:
        raise ProofError("it holds no entry")
    numbers = [each.seq for each in bundle.entries]
    if numbers != sorted(set(numbers)):
        raise ProofError("its entries are not in order")
    entries = tuple(_checked(each, bundle, last) for each in bundle.entries)
    return Proven(bundle.tenant, bundle.ticket, entries, last.size, last.at)


def _tenant_of(connection: Connection, ticket: str) -> str:
    query = select(audit.c.tenant).where(audit.c.ticket == ticket, audit.c.tenant != "").distinct()
    tenants = sorted(connection.execute(query).scalars())
    if not tenants:
        raise ProofError(f"there is no entry about ticket {ticket} from after its client was known")
    if len(tenants) > 1:
        raise ProofError(
            f"ticket {ticket} has been with several clients ({', '.join(tenants)}): name one with --tenant"
        )
    return str(tenants[0])


def _leaves(connection: Connection, size: int) -> Iterator[bytes]:
    query = select(audit.c.entry).where(audit.c.seq < size).order_by(audit.c.seq)
    for entry in connection.execute(query, execution_options={"yield_per": _BATCH}).scalars():
        yield leaf_hash(entry.encode())


def _written(tree: Tree, seq: int) -> tuple[str, ...]:
    return tuple(encoded(step) for step in tree.inclusion_proof(seq))


def _last_checkpoint(notes: Iterable[str], trust: Trust) -> Checkpoint:
    key, last = b"", None
    for epoch, note in enumerate(notes):
        key = trust.keys.get(epoch, key)
        try:
            last = Checkpoint.read(open_note(note, trust.origin, key))
        except (NoteError, ValueError) as error:
            raise ProofError(f"checkpoint {epoch} is not signed as it must be ({error})") from error
        if (last.epoch, last.origin) != (epoch, trust.origin):
            raise ProofError(f"checkpoint {epoch} is out of place")
        key = last.next_key
    if last is None:
        raise ProofError("it holds no checkpoint")
    return last


def _checked(proven: ProvenEntry, bundle: Bundle, checkpoint: Checkpoint) -> Entry:
    try:
        steps: Sequence[bytes] = [base64.b64decode(step, validate=True) for step in proven.proof]
        entry = read_entry(proven.entry)
    except ValueError as error:
        raise ProofError(f"entry {proven.seq} is not written as an entry with its proof") from error
    leaf = leaf_hash(proven.entry.encode())
    if not is_included(leaf, proven.seq, checkpoint.size, steps, checkpoint.root):
        raise ProofError(f"entry {proven.seq} is not in the log that was signed")
    if (entry.seq, entry.tenant) != (proven.seq, bundle.tenant) or bundle.ticket not in (None, entry.ticket):
        raise ProofError(f"entry {proven.seq} is not about whom the bundle says")
    return entry
