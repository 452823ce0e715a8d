"""Choosing labels by their likelihood: field after field, each seeing the answers before it, nothing decoded.

The static prefix lives in a master sequence; a ticket continues a copy of it, and each label of several tokens
a copy of that. Subtracting a prior is batch calibration (https://arxiv.org/abs/2309.17249).
"""

import itertools
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deskhand.llm.worker.model import Cell, Model
from deskhand.llm.worker.prompt import Prompter

MASTER: Final = 0
TEXTS: Final = 8
LABELS: Final = 16
SEQUENCES: Final = 1 + TEXTS + LABELS
LABEL_ROOM: Final = 512
PREFIX_MEMORY: Final = 256 * 1024 * 1024
Scores: TypeAlias = NDArray[np.float64]
Questions: TypeAlias = Sequence[tuple[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Ask:
    """A question as tokens: what leads to the answer, each label, and what ends a label if that matters."""

    lead: list[int]
    labels: list[list[int]]
    end: list[int]

    @property
    def longest(self) -> int:
        """The most tokens that this question and its answer take."""
        return len(self.lead) + max(map(len, self.labels)) + len(self.end)


@dataclass(slots=True)
class Thread:
    """One text being answered: its sequence, the next position, and the tokens not evaluated yet."""

    sequence: int
    position: int
    pending: list[int]
    scores: list[Scores] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The labels' log-likelihoods, question by question, and how many tokens of the text were left out."""

    scores: list[Scores]
    left_out: int


class Prefixes:
    """Keeps evaluated prefixes: the latest in the master sequence, earlier ones as states in bounded memory."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._saved: OrderedDict[tuple[int, ...], bytes] = OrderedDict()
        self._current: tuple[int, ...] = ()

    def load(self, tokens: Sequence[int]) -> None:
        """Make the master sequence hold exactly these tokens."""
        key = tuple(tokens)
        if key == self._current:
            return
        self._current = ()
        if key in self._saved:
            self._saved.move_to_end(key)
            self._model.restore(MASTER, self._saved[key])
        else:
            self._model.forget(MASTER)
            self._model.feed(tokens, position=0, sequence=MASTER)
            self._save(key)
        self._current = key

    def _save(self, key: tuple[int, ...]) -> None:
        self._saved[key] = self._model.saved(MASTER)
        while sum(map(len, self._saved.values())) > PREFIX_MEMORY and len(self._saved) > 1:
            self._saved.popitem(last=False)


class Scorer:
    """Answers questions about texts with one model."""

    def __init__(self, model: Model, prompter: Prompter, prefixes: Prefixes) -> None:
        self._model = model
        self._prompter = prompter
        self._prefixes = prefixes

    def choose(self, instructions: str, text: str, questions: Questions, priors: Sequence[Scores]) -> Outcome:
        """Score each question's labels; later questions see the best label after its prior was subtracted."""
        asks = self._asks(questions)
        with self._threads(instructions, [text], asks) as (threads, left_out):
            (thread,) = threads
            for ask, prior in zip(asks, priors, strict=True):
                self._answer(thread, ask)
                _settle(thread, ask, prior)
        return Outcome(thread.scores, left_out)

    def calibrate(self, instructions: str, texts: Sequence[str], questions: Questions) -> list[Scores]:
        """Return each question's prior: the mean log-likelihood of its labels over the first texts that fit."""
        asks = self._asks(questions)
        priors: list[Scores] = []
        with self._threads(instructions, self._fitting(instructions, texts, asks), asks) as (threads, _):
            for ask in asks:
                for thread in threads:
                    self._answer(thread, ask)
                priors.append(np.mean([thread.scores[-1] for thread in threads], axis=0))
                for thread in threads:
                    _settle(thread, ask, priors[-1])
        return priors

    def _fitting(self, instructions: str, texts: Sequence[str], asks: Sequence[Ask]) -> Sequence[str]:
        """Return as many of the texts, up to TEXTS, as can stand side by side uncut; at least one."""
        prefix = self._prompter.prefix(instructions)
        longest = max(self._prompter.length(text) for text in texts)
        count = next((n for n in range(min(len(texts), TEXTS), 1, -1) if self._share(prefix, asks, n) >= longest), 1)
        return texts[:count]

    def _share(self, prefix: Sequence[int], asks: Sequence[Ask], texts: int) -> int:
        """Return the tokens that each of so many texts may have."""
        answers = sum(ask.longest for ask in asks)
        room = self._model.cells - LABEL_ROOM - len(prefix)
        return room // texts - len(self._prompter.tail()) - answers

    def _asks(self, questions: Questions) -> list[Ask]:
        asks = []
        for at, (name, labels) in enumerate(questions):
            tokens = [self._prompter.plain(f" {label}") for label in labels]
            end = self._prompter.plain("\n") if _are_ambiguous(tokens) else []
            asks.append(Ask(self._prompter.plain(f"{name}:" if at == 0 else f"\n{name}:"), tokens, end))
        return asks

    @contextmanager
    def _threads(
        self, instructions: str, texts: Sequence[str], asks: Sequence[Ask]
    ) -> Iterator[tuple[list[Thread], int]]:
        """Begin one thread a text after the shared prefix, and forget them all afterwards."""
        prefix, tail = self._prompter.prefix(instructions), self._prompter.tail()
        room = self._share(prefix, asks, len(texts))
        bodies = [self._prompter.body(text, room) for text in texts]
        self._prefixes.load(prefix)
        try:
            threads = []
            for sequence, (tokens, _) in enumerate(bodies, start=MASTER + 1):
                self._model.forget(sequence)
                self._model.copy(MASTER, sequence)
                threads.append(Thread(sequence, len(prefix), [*tokens, *tail]))
            yield threads, sum(left_out for _, left_out in bodies)
        finally:
            self._model.forget(*range(MASTER + 1, SEQUENCES))

    def _answer(self, thread: Thread, ask: Ask) -> None:
        """Evaluate up to the question and append the log-likelihood of each of its labels."""
        tokens = [*thread.pending, *ask.lead]
        self._model.feed(tokens, position=thread.position, sequence=thread.sequence)
        thread.position += len(tokens)
        first = self._model.log_probabilities(-1)
        scores = np.array([first[label[0]] for label in ask.labels], dtype=np.float64)
        longer = [(at, [*label, *ask.end]) for at, label in enumerate(ask.labels) if len(label) + len(ask.end) > 1]
        for start in range(0, len(longer), LABELS):
            self._continue(thread, longer[start : start + LABELS], scores)
        thread.scores.append(scores)

    def _continue(self, thread: Thread, labels: Sequence[tuple[int, list[int]]], scores: Scores) -> None:
        """Add the likelihood of the second and later tokens of some labels, side by side in one batch."""
        cells: list[Cell] = []
        expected: list[tuple[int, int]] = []
        for sequence, (at, label) in enumerate(labels, start=MASTER + 1 + TEXTS):
            self._model.forget(sequence)
            self._model.copy(thread.sequence, sequence)
            for step, (token, following) in enumerate(itertools.pairwise(label)):
                cells.append(Cell(token, thread.position + step, sequence, wants_logits=True))
                expected.append((at, following))
        self._model.decode(cells)
        for index, (at, following) in enumerate(expected):
            scores[at] += self._model.log_probabilities(index)[following]
        self._model.forget(*range(MASTER + 1 + TEXTS, SEQUENCES))


def _settle(thread: Thread, ask: Ask, prior: Scores) -> None:
    """Let the best label be what the thread goes on with."""
    thread.pending = ask.labels[int(np.argmax(thread.scores[-1] - prior))]


def _are_ambiguous(labels: Sequence[list[int]]) -> bool:
    """Tell whether one label begins another, so that the end of a label says something."""
    return any(one is not other and other[: len(one)] == one for one in labels for other in labels)
