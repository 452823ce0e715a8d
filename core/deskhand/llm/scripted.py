"""An engine that answers from a function: for tests, also of what happens when a model obeys its ticket."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deskhand.llm.engine import Answer, EngineHealth, EngineIdentity, EngineUnavailableError, Question

SURENESS = 0.9
DIMENSIONS = 64


def first_label(_text: str, question: Question) -> str:
    """Choose the first label."""
    return question.labels[0]


def parrot(text: str, question: Question) -> str:
    """Choose the label the text names last, as a model does that repeats what it read; else the first."""
    lowered = text.lower()
    return max(question.labels, key=lambda label: lowered.rfind(label.lower()))


def echo(text: str, _grammar: str) -> str:
    """Write back the ticket itself, the worst that a model can write."""
    return text


@dataclass(slots=True)
class ScriptedEngine:
    """Implements :class:`deskhand.llm.engine.Engine` with functions of the ticket's text.

    ``chooses`` names a label, which gets SURENESS, the others share the rest; ``writes`` makes the text that
    ``generate`` returns. Every call is noted in ``calls`` as the method and the text.
    """

    chooses: Callable[[str, Question], str] = first_label
    writes: Callable[[str, str], str] = echo
    embeds: bool = True
    calls: list[tuple[str, str]] = field(default_factory=list)

    def choose(
        self, instructions: str, text: str, questions: Sequence[Question], *, deadline_seconds: float
    ) -> tuple[Answer, ...]:
        """Answer each question with the function's label."""
        del instructions, deadline_seconds
        self.calls.append(("choose", text))
        return tuple(_answer(question, self.chooses(text, question)) for question in questions)

    def generate(self, instructions: str, text: str, grammar: str, *, max_tokens: int, deadline_seconds: float) -> str:
        """Return what the function writes, whatever the grammar says."""
        del instructions, max_tokens, deadline_seconds
        self.calls.append(("generate", text))
        return self.writes(text, grammar)

    def embed(self, texts: Sequence[str], *, deadline_seconds: float) -> NDArray[np.float32]:
        """Return hashed bags of words: texts that share words are closer."""
        del deadline_seconds
        if not self.embeds:
            raise EngineUnavailableError("this scripted engine has no embedding model")
        self.calls.extend(("embed", text) for text in texts)
        return np.array([_bag(text) for text in texts], dtype=np.float32).reshape(len(texts), DIMENSIONS)

    @property
    def can_embed(self) -> bool:
        """As it was made."""
        return self.embeds

    @property
    def can_choose(self) -> bool:
        """It can."""
        return True

    def identity(self) -> EngineIdentity:
        """Name the script."""
        return EngineIdentity("scripted", getattr(self.chooses, "__name__", "function"), "")

    def health(self) -> EngineHealth:
        """Be ready always."""
        return EngineHealth(is_ready=True, detail="answers from a script")

    def close(self) -> None:
        """Nothing runs."""


def _answer(question: Question, label: str) -> Answer:
    rest = (1 - SURENESS) / (len(question.labels) - 1)
    return Answer(question.field, tuple(SURENESS if each == label else rest for each in question.labels))


def _bag(text: str) -> NDArray[np.float32]:
    row = np.zeros(DIMENSIONS, dtype=np.float32)
    row[0] = 1e-3
    for word in text.lower().split():
        row[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % DIMENSIONS] += 1
    normalised: NDArray[np.float32] = row / np.linalg.norm(row)
    return normalised
