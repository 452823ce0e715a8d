"""Similar past tickets of the same client, and what fixed them. Nothing of another client is ever shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deskhand.knowledge.case import Case, Wording
from deskhand.knowledge.descriptions import Meanings
from deskhand.knowledge.features import Floats, count_words
from deskhand.knowledge.history import History
from deskhand.knowledge.message import one_line, own_words
from deskhand.knowledge.similarity import Postings, highest
from deskhand.knowledge.text import inert
from deskhand.mirror.mirror import Hit, problem_text
from deskhand.records.documents import SimilarTicket
from deskhand.sdk.models import Note, NoteKind, Ticket

LEAST_SIMILAR = 0.22
"""Cosine below which two tickets merely share a few words."""
LONGEST_FIX = 160
_LOOKED_AT = 6
_NONE: NDArray[np.intp] = np.zeros(0, dtype=np.intp)


class Archive(Protocol):
    """The part of the mirror that finds and holds closed tickets."""

    def search(self, text: str, *, limit: int, company_id: str | None = None) -> Sequence[Hit]:
        """Find closed tickets that share words with a text."""
        ...

    def ticket(self, ticket_id: str) -> Ticket | None:
        """Find a ticket."""
        ...

    def notes(self, ticket_id: str) -> tuple[Note, ...]:
        """Return a ticket's notes."""
        ...


@dataclass(frozen=True, slots=True)
class _Found:
    ticket: Ticket
    notes: tuple[Note, ...]
    wording: Wording


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Finds similar tickets in the archive's full-text index and in the history, and orders them by likeness."""

    archive: Archive
    history: History
    rows: Mapping[str, NDArray[np.intp]] = field(repr=False)
    """The history's rows of each client."""

    @classmethod
    def of(cls, archive: Archive, history: History) -> "Neighbours":
        """Sort the history by client, once."""
        companies = np.array(history.companies, dtype=object)
        return cls(
            archive, history, {each: np.flatnonzero(companies == each) for each in set(history.companies) - {""}}
        )

    def similar(
        self, case: Case, ticket: Ticket, company_id: str, limit: int, meanings: Meanings | None = None
    ) -> tuple[SimilarTicket, ...]:
        """Return at most ``limit`` closed tickets of one client, the most similar first."""
        if not limit:
            return ()
        found = [each for name in self._names(case, ticket, company_id) if (each := self._read(name, company_id))]
        if not found:
            return ()
        likeness = self._likeness(case, found, meanings)
        order = np.argsort(-likeness, kind="stable")[:limit]
        return tuple(
            _shown(found[place], float(likeness[place])) for place in order if likeness[place] >= LEAST_SIMILAR
        )

    def _names(self, case: Case, ticket: Ticket, company_id: str) -> tuple[str, ...]:
        """Name the tickets worth reading: the full-text index knows the newest, the history the closest."""
        hits = self.archive.search(case.wording.compared, limit=_LOOKED_AT, company_id=company_id)
        mine = self.rows.get(company_id, _NONE)
        closest = mine[highest(case.likeness[mine], _LOOKED_AT // 2)]
        names = (*(hit.ticket_id for hit in hits), *(self.history.tickets[row] for row in closest))
        return tuple(name for name in dict.fromkeys(names) if name != ticket.id)[:_LOOKED_AT]

    def _read(self, ticket_id: str, company_id: str) -> _Found | None:
        """Read a ticket as it is now; None where it was reopened, or belongs to another client by now."""
        ticket = self.archive.ticket(ticket_id)
        if ticket is None or not ticket.is_closed or ticket.company is None or ticket.company.id != company_id:
            return None
        notes = self.archive.notes(ticket_id)
        text = problem_text(ticket.summary, notes).removeprefix(ticket.summary)
        return _Found(ticket, notes, Wording.of(ticket, [text]))

    def _likeness(self, case: Case, found: Sequence[_Found], meanings: Meanings | None) -> Floats:
        texts = [each.wording.compared for each in found]
        rows = self.history.memory.features.weigh(count_words(texts))
        cosines = Postings.of(rows).similarities(case.vector.words())
        close = None if meanings is None else meanings.likeness(case, texts)
        return cosines if close is None else np.asarray((cosines + np.clip(close, 0, 1)) / 2)


def _shown(found: _Found, likeness: float) -> SimilarTicket:
    ticket = found.ticket
    resolutions = [note.text for note in found.notes if note.kind is NoteKind.RESOLUTION]
    fix = inert(own_words(resolutions[-1]), LONGEST_FIX) if resolutions else ""
    return SimilarTicket(
        ticket_id=ticket.id,
        summary=one_line(ticket.summary, ""),
        similarity=round(min(likeness, 1.0), 4),
        fix=fix or None,
        hours=ticket.hours_worked,
        closed_at=ticket.closed_at,
    )
