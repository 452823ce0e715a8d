"""One ticket prepared for comparison: read once, used by every stage."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deskhand.knowledge.features import Floats, Vector, words_of
from deskhand.knowledge.message import own_words
from deskhand.knowledge.text import comparable
from deskhand.records.documents import FieldName
from deskhand.sdk.models import Ticket

Scores: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wording:
    """A ticket's text: as the customer wrote it, and as it is compared; and where the ticket came from."""

    summary: str
    body: str
    source: str = ""
    compared: str = field(default="", repr=False)

    @classmethod
    def of(cls, ticket: Ticket, messages: Sequence[str]) -> "Wording":
        """Prepare a ticket and what the customer wrote on it, first message first."""
        body = "\n".join(own_words(message) for message in messages).strip()
        source = ticket.source.name if ticket.source else ""
        is_repeated = body.startswith(ticket.summary.rstrip(".… "))
        return cls(ticket.summary, body, source, comparable(body if is_repeated else f"{ticket.summary}\n{body}"))


@dataclass(frozen=True)  # no slots: words are kept once they were asked for
class Case:
    """A ticket's wording with its features and its likeness to each past ticket, ready to be judged."""

    wording: Wording
    vector: Vector
    likeness: Floats = field(repr=False)

    @cached_property
    def words(self) -> tuple[tuple[str, int], ...]:
        """List the ticket's words in order, repetitions too, each with its bucket."""
        return words_of(self.wording.compared)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value a field may take: its identifier, its name, and the names of what it belongs to and of what it holds."""

    value: str
    label: str
    above: tuple[str, ...] = ()
    """Outermost first: a subtype's type."""
    below: tuple[str, ...] = ()
    """A type's subtypes."""


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Where labels mean the same: a field, and the board, type and subtype it is asked under; () is everywhere."""

    field: FieldName
    path: tuple[str, ...] = ()


class Stage(Protocol):
    """One way to judge a field. It may be absent for a scope; then the others decide."""

    @property
    def name(self) -> str:
        """How evidence and weights call it."""
        ...

    def judge(self, case: Case, scope: Scope, candidates: Sequence[Candidate], /) -> Scores | None:
        """Return a log-score for each candidate, in their order, or None where it has no opinion."""
        ...

    def explain(self, case: Case, scope: Scope, candidate: Candidate, /) -> tuple[str, ...]:
        """Say in a few words what spoke for a candidate."""
        ...
