"""The engine where there is no model: it answers nothing, and says why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from deskhand.llm.engine import Answer, EngineHealth, EngineIdentity, EngineUnavailableError, Question


@dataclass(frozen=True, slots=True)
class NoEngine:
    """Implements :class:`deskhand.llm.engine.Engine` without a model; ``reason`` says why and what would mend it."""

    reason: str

    def choose(
        self, instructions: str, text: str, questions: Sequence[Question], *, deadline_seconds: float
    ) -> tuple[Answer, ...]:
        """Raise EngineUnavailableError with the reason."""
        del instructions, text, questions, deadline_seconds
        self._refuse()

    def generate(self, instructions: str, text: str, grammar: str, *, max_tokens: int, deadline_seconds: float) -> str:
        """Raise EngineUnavailableError with the reason."""
        del instructions, text, grammar, max_tokens, deadline_seconds
        self._refuse()

    def embed(self, texts: Sequence[str], *, deadline_seconds: float) -> NDArray[np.float32]:
        """Raise EngineUnavailableError with the reason."""
        del texts, deadline_seconds
        self._refuse()

    @property
    def can_embed(self) -> bool:
        """It cannot."""
        return False

    @property
    def can_choose(self) -> bool:
        """It cannot."""
        return False

    def identity(self) -> EngineIdentity:
        """Name the absence of a model."""
        return EngineIdentity("none", "", "")

    def health(self) -> EngineHealth:
        """Say why there is no model."""
        return EngineHealth(is_ready=False, detail=self.reason)

    def close(self) -> None:
        """Nothing runs."""

    def _refuse(self) -> NoReturn:
        raise EngineUnavailableError(self.reason)
