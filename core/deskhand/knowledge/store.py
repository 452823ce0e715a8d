"""A trained history as one file of plain arrays: nothing in it can run, and a changed byte is noticed."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from deskhand.knowledge.blend import Blend
from deskhand.knowledge.case import Scope
from deskhand.knowledge.cues import Cues
from deskhand.knowledge.features import Features
from deskhand.knowledge.heads import Head
from deskhand.knowledge.history import History
from deskhand.knowledge.memory import Group, Memory
from deskhand.knowledge.similarity import Postings
from deskhand.knowledge.starter import StarterStage
from deskhand.records.documents import FieldName

FORMAT = 1
"""Goes up when what is learned, or how a ticket is read, changes: an older file is then trained anew."""

Arrays = Mapping[str, NDArray[Any]]
_Key = TypeVar("_Key")
_HEAD_PARTS = ("buckets", "weights", "offsets")


class HistoryFileError(Exception):
    """The file holds no usable history; delete it and it is trained anew."""


@dataclass(frozen=True, slots=True)
class _HeadDocument:
    labels: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _GroupDocument:
    labels: tuple[str, ...]
    names: dict[str, str]


class _Document(BaseModel):
    """Everything of a history that is not an array; arrays are found by position."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    count: int
    heads: tuple[tuple[Scope, _HeadDocument], ...]
    groups: tuple[tuple[Scope, _GroupDocument], ...]
    starter: tuple[tuple[FieldName, _HeadDocument], ...]
    monitoring_sources: tuple[str, ...]
    blends: dict[FieldName, Blend]
    priors: dict[FieldName, Blend]
    tickets: tuple[str, ...]
    companies: tuple[str, ...]


def save(history: History, path: Path) -> None:
    """Write the history, atomically: a crash leaves the former file or the new one."""
    document, arrays = _taken_apart(history)
    identity = _digest(document, arrays).encode()
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays, document=_bytes(document), identity=_bytes(identity))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def load(path: Path) -> History:
    """Read a history back. Raises HistoryFileError where there is none, or it is damaged or of another format."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        document, identity = arrays.pop("document").tobytes(), arrays.pop("identity").tobytes().decode()
        _refuse_damage(document, arrays, identity)
        return _put_together(_Document.model_validate_json(document), arrays, identity)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise HistoryFileError(f"{path}: no usable history ({error}); delete the file to train anew") from error


def identified(history: History) -> History:
    """Return the history with its identity: SHA-256, in hex, over all that was learned."""
    return replace(history, identity=_digest(*_taken_apart(history)))


def _digest(document: bytes, arrays: Arrays) -> str:
    digest = hashlib.sha256(document)
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _refuse_damage(document: bytes, arrays: Arrays, identity: str) -> None:
    if _digest(document, arrays) != identity:
        raise ValueError("its contents do not match its hash")


def _taken_apart(history: History) -> tuple[bytes, dict[str, NDArray[Any]]]:
    memory, starter = history.memory, history.starter
    document = _Document(
        format=FORMAT,
        count=memory.postings.count,
        heads=tuple((scope, _head_document(head)) for scope, head in memory.heads.items()),
        groups=tuple(
            (scope, _GroupDocument(group.labels, dict(group.names))) for scope, group in memory.groups.items()
        ),
        starter=tuple((field, _head_document(head)) for field, head in starter.heads.items()),
        monitoring_sources=history.cues.monitoring_sources,
        blends=dict(history.blends),
        priors=dict(history.priors),
        tickets=history.tickets,
        companies=history.companies,
    )
    arrays: dict[str, NDArray[Any]] = {
        "rarity": memory.features.rarity,
        "starts": memory.postings.starts,
        "rows": memory.postings.rows,
        "weights": memory.postings.weights,
    }
    for place, group in enumerate(memory.groups.values()):
        arrays[f"group-{place}"] = group.rows
    for kind, heads in (("head", memory.heads), ("starter", starter.heads)):
        for place, head in enumerate(heads.values()):
            arrays |= {f"{kind}-{place}-{part}": getattr(head, part) for part in _HEAD_PARTS}
    return document.model_dump_json().encode(), arrays


def _put_together(document: _Document, arrays: Arrays, identity: str) -> History:
    if document.format != FORMAT:
        raise ValueError(f"format {document.format}, not {FORMAT}")
    postings = Postings(document.count, arrays["starts"], arrays["rows"], arrays["weights"])
    groups = {
        scope: Group(arrays[f"group-{place}"], group.labels, group.names)
        for place, (scope, group) in enumerate(document.groups)
    }
    return History(
        memory=Memory(Features(arrays["rarity"]), _heads("head", document.heads, arrays), groups, postings),
        starter=StarterStage(_heads("starter", document.starter, arrays)),
        cues=Cues(document.monitoring_sources),
        blends=document.blends,
        priors=document.priors,
        tickets=document.tickets,
        companies=document.companies,
        identity=identity,
    )


def _heads(kind: str, documents: Iterable[tuple[_Key, _HeadDocument]], arrays: Arrays) -> dict[_Key, Head]:
    return {
        key: Head(head.labels, head.counts, **{part: arrays[f"{kind}-{place}-{part}"] for part in _HEAD_PARTS})
        for place, (key, head) in enumerate(documents)
    }


def _head_document(head: Head) -> _HeadDocument:
    return _HeadDocument(head.labels, head.counts)


def _bytes(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, dtype=np.uint8)
