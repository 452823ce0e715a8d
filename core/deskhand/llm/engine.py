"""The Protocol every model engine implements. An engine compares, chooses and embeds; it never acts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class EngineError(Exception):
    """The engine could not answer; triage goes on without it and says so."""


class EngineUnavailableError(EngineError):
    """There is no model, no runtime, or it crashed; the message says which and what would mend it."""


class DeadlineExceededError(EngineError):
    """The answer did not come within the deadline; the computation was cancelled."""


@dataclass(frozen=True, slots=True)
class Question:
    """One field to decide: its name and the labels to choose from (2 to 64, distinct, non-empty)."""

    field: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The calibrated probability of each label of a question, in the question's order, summing to 1."""

    field: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """What exactly answered: ``name`` (none, scripted, llama.cpp), the model file's name and its sha256."""

    name: str
    model: str
    sha256: str

    def __str__(self) -> str:
        """Name the engine in one line, fit for the record."""
        return f"{self.name} {self.model} {self.sha256[:12]}".strip()


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """Whether the engine can answer now, and if not, why and what would mend it."""

    is_ready: bool
    detail: str
    restarts: int = 0


class Engine(Protocol):
    """A model, however it runs. Thread-safe; calls are answered one after another."""

    def choose(
        self, instructions: str, text: str, questions: Sequence[Question], *, deadline_seconds: float
    ) -> tuple[Answer, ...]:
        """Score the labels of each question in order; later questions see the earlier answers.

        ``instructions`` are ours and are cached as a prefix; ``text`` is hostile and is fenced as data.
        Raises EngineError.
        """
        ...

    def generate(self, instructions: str, text: str, grammar: str, *, max_tokens: int, deadline_seconds: float) -> str:
        """Decode under a GBNF grammar made by :mod:`deskhand.llm.grammar`. Raises EngineError."""
        ...

    def embed(self, texts: Sequence[str], *, deadline_seconds: float) -> NDArray[np.float32]:
        """Return one L2-normalised row for each text, shape (texts, dimensions). Raises EngineError."""
        ...

    @property
    def can_embed(self) -> bool:
        """Tell whether an embedding model is configured and ready."""
        ...

    @property
    def can_choose(self) -> bool:
        """Tell whether an instruct model is configured and ready."""
        ...

    def identity(self) -> EngineIdentity:
        """Say what exactly answers."""
        ...

    def health(self) -> EngineHealth:
        """Say whether the engine can answer now."""
        ...

    def close(self) -> None:
        """Stop the engine; it is not used afterwards."""
        ...
