"""What comes up again and again in an MSP's closed tickets: groups of tickets about the same thing."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

import numpy as np

from deskhand.knowledge.clustering import FURTHEST, FURTHEST_FILED, groups, located
from deskhand.knowledge.examples import is_common
from deskhand.knowledge.memory import Past
from deskhand.knowledge.text import comparable, inert
from deskhand.knowledge.training import wording_of
from deskhand.sdk.models import Ticket

FEWEST = 5
"""Tickets below which nothing is called a pattern."""
RESOLUTION_SHARE = 0.6
"""How much what was done counts beside what was asked, where tickets are compared."""
MONTH = timedelta(days=30)
MOST_WORDS = 4
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Closed tickets about the same thing, the most typical first."""

    id: str
    """Twelve hex digits, the same for the same most typical ticket and label."""
    label: str
    """What technicians filed them under, as ``type / subtype``; empty where they were filed under nothing."""
    words: tuple[str, ...]
    """What sets their summaries apart from those of other tickets."""
    tickets: tuple[str, ...]
    clients: Mapping[str, int]
    """How many tickets each client had, by its PSA id."""
    names: Mapping[str, str]
    """What those clients are called."""
    minutes: float | None
    """Median of the time people recorded on one; None where the PSA has none."""
    timed: int
    """Tickets that have time recorded."""
    per_month: float
    """Tickets in thirty days, over the whole time looked at."""
    first: datetime
    last: datetime
    is_of_one_mind: bool
    """Whether their words are alike; otherwise only what they were filed under is."""
    resolutions: tuple[str, ...]
    """What technicians wrote about how the most typical ones were solved. Customers' words may be quoted in it."""
    summaries: tuple[str, ...]
    """Of the most typical ones, one inert line each."""


QUOTED_SUMMARIES = 3
READ_RESOLUTIONS = 40
"""Resolutions of the most typical tickets, so many of a pattern, are enough to see what is done."""


def patterns(past: Sequence[Past], fewest: int = FEWEST) -> list[Pattern]:
    """Find what recurs among closed tickets, oldest first. 50,000 take well under a minute."""
    if not past:
        return []
    places = located(
        [wording_of(each).compared for each in past],
        [comparable(each.resolution or "") for each in past],
        RESOLUTION_SHARE,
    )
    reader = _Reader(past)
    found: list[Pattern] = []
    for label, rows in _filed(past):
        left = set(rows.tolist())
        for group in groups(places[rows], fewest, FURTHEST_FILED if label else FURTHEST):
            mine = rows[group]
            left -= set(mine.tolist())
            found.append(reader.read(label, mine.tolist(), is_of_one_mind=True))
        if label and len(left) >= fewest:
            found.append(reader.read(label, sorted(left, reverse=True), is_of_one_mind=False))
    return found


def label_of(ticket: Ticket) -> str:
    """Say what a ticket is filed under, in the words of its board."""
    return " / ".join(inert(each.name, 60) for each in (ticket.type, ticket.subtype) if each is not None)


def _filed(past: Sequence[Past]) -> Iterator[tuple[str, np.ndarray[tuple[int], np.dtype[np.intp]]]]:
    """Yield what tickets are filed under and their rows; boards that use the same words mean the same."""
    rows: dict[str, list[int]] = {}
    for row, each in enumerate(past):
        rows.setdefault(label_of(each.ticket), []).append(row)
    for label in sorted(rows):
        yield label, np.array(rows[label], dtype=np.intp)


class _Reader:
    """Sums up groups of tickets."""

    def __init__(self, past: Sequence[Past]) -> None:
        self._past = past
        self._summaries = [_words(each.ticket.summary) for each in past]
        self._frequency = Counter(word for words in self._summaries for word in words)
        closed = [_closed_at(each.ticket) for each in past]
        self._months = max((max(closed) - min(closed)) / MONTH, 1.0)

    def read(self, label: str, rows: Sequence[int], *, is_of_one_mind: bool) -> Pattern:
        tickets = [self._past[row].ticket for row in rows]
        owners = [each.company for each in tickets if each.company is not None]
        hours = [each.hours_worked for each in tickets if each.hours_worked]
        resolutions = (self._past[row].resolution for row in rows)
        closed = [_closed_at(each) for each in tickets]
        return Pattern(
            id=hashlib.sha256(f"{label}\n{tickets[0].id}".encode()).hexdigest()[:12],
            label=label,
            words=self._telling(rows),
            tickets=tuple(each.id for each in tickets),
            clients=dict(Counter(each.id for each in owners).most_common()),
            names={each.id: each.name for each in owners},
            minutes=median(hours) * 60 if hours else None,
            timed=len(hours),
            per_month=len(tickets) / self._months,
            first=min(closed),
            last=max(closed),
            is_of_one_mind=is_of_one_mind,
            resolutions=tuple([each for each in resolutions if each][:READ_RESOLUTIONS]),
            summaries=tuple(inert(each.summary, 80) for each in tickets[:QUOTED_SUMMARIES]),
        )

    def _telling(self, rows: Sequence[int]) -> tuple[str, ...]:
        """Return the words that most of these summaries and few others have."""
        here = Counter(word for row in rows for word in self._summaries[row])
        share = {word: count / len(rows) * count / self._frequency[word] for word, count in here.items() if count > 1}
        return tuple(sorted(share, key=lambda word: (-share[word], word))[:MOST_WORDS])


def _words(summary: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(comparable(summary)) if not is_common(word))


def _closed_at(ticket: Ticket) -> datetime:
    return ticket.closed_at or ticket.updated_at
