"""Keeps secrets out of prompts: the last thing that happens to a text before a model sees it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deskhand.llm.engine import Answer, Engine, EngineHealth, EngineIdentity, Question


@dataclass(frozen=True, slots=True)
class RedactingEngine:
    """Implements :class:`deskhand.llm.engine.Engine` over another, which is asked with the secrets taken out."""

    engine: Engine
    redact: Callable[[str], str]

    def choose(
        self, instructions: str, text: str, questions: Sequence[Question], *, deadline_seconds: float
    ) -> tuple[Answer, ...]:
        """Ask with the secrets taken out of instructions, text and labels, which stay in their order."""
        asked = [Question(each.field, tuple(map(self.redact, each.labels))) for each in questions]
        return self.engine.choose(
            self.redact(instructions), self.redact(text), asked, deadline_seconds=deadline_seconds
        )

    def generate(self, instructions: str, text: str, grammar: str, *, max_tokens: int, deadline_seconds: float) -> str:
        """Decode from the text without its secrets."""
        given, data = self.redact(instructions), self.redact(text)
        return self.engine.generate(given, data, grammar, max_tokens=max_tokens, deadline_seconds=deadline_seconds)

    def embed(self, texts: Sequence[str], *, deadline_seconds: float) -> NDArray[np.float32]:
        """Embed the texts without their secrets."""
        return self.engine.embed([self.redact(each) for each in texts], deadline_seconds=deadline_seconds)

    @property
    def can_embed(self) -> bool:
        """Tell whether the engine can."""
        return self.engine.can_embed

    @property
    def can_choose(self) -> bool:
        """Tell whether the engine can."""
        return self.engine.can_choose

    def identity(self) -> EngineIdentity:
        """Say what exactly answers."""
        return self.engine.identity()

    def health(self) -> EngineHealth:
        """Say how the engine is."""
        return self.engine.health()

    def close(self) -> None:
        """Stop the engine."""
        self.engine.close()
