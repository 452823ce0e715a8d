"""Decoding under a grammar: greedy, whole answers only."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

from deskhand.llm.worker.model import Model, ModelError
from deskhand.llm.worker.prompt import Prompter
from deskhand.llm.worker.scoring import LABEL_ROOM, MASTER, Prefixes

_WORK: Final = MASTER + 1


class Decoder:
    """Writes answers with one model."""

    def __init__(self, model: Model, prompter: Prompter, prefixes: Prefixes) -> None:
        self._model = model
        self._prompter = prompter
        self._prefixes = prefixes

    def generate(self, instructions: str, text: str, grammar: str, max_tokens: int) -> str:
        """Return the likeliest answer, token by token, that the grammar accepts as complete.

        Raises ModelError when the answer is not complete after ``max_tokens``: half an answer is none.
        """
        prefix, tail = self._prompter.prefix(instructions), self._prompter.tail()
        room = self._model.cells - LABEL_ROOM - len(prefix) - len(tail) - max_tokens
        tokens, _ = self._prompter.body(text, room)
        self._prefixes.load(prefix)
        try:
            self._model.forget(_WORK)
            self._model.copy(MASTER, _WORK)
            self._model.feed([*tokens, *tail], position=len(prefix), sequence=_WORK)
            return self._written(grammar, len(prefix) + len(tokens) + len(tail), max_tokens)
        finally:
            self._model.forget(_WORK)

    def _written(self, grammar: str, position: int, max_tokens: int) -> str:
        answer = bytearray()
        with _sampler(self._model, grammar) as sampler:
            for step in range(max_tokens):
                token = self._next(sampler)
                if self._model.is_end(token):
                    return answer.decode("utf-8", "replace")
                llama.llama_sampler_accept(sampler, token)
                answer += self._model.piece(token)
                self._model.feed([token], position=position + step, sequence=_WORK)
        raise ModelError(f"the answer was not complete after {max_tokens} tokens")

    def _next(self, sampler: Any) -> int:  # noqa: ANN401  # a pointer of llama_cpp's
        """Try the likeliest token alone first: filtering the whole vocabulary costs a hundred times more."""
        scores = self._model.log_probabilities(-1)
        best = int(scores.argmax())
        if np.isfinite(_filtered(sampler, np.array([best]), scores)[0]):
            return best
        allowed = _filtered(sampler, np.arange(len(scores)), scores)
        if not np.isfinite(allowed).any():
            raise ModelError("the grammar allows no further token")
        return int(allowed.argmax())


def _filtered(sampler: Any, tokens: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ANN401
    """Return the tokens' scores, those that the grammar forbids at minus infinity."""
    data = (llama.llama_token_data * len(tokens))()
    view = np.frombuffer(data, dtype=np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)]))
    view["id"], view["logit"] = tokens, scores[tokens]
    candidates = llama.llama_token_data_array(data, len(tokens), -1, False)  # noqa: FBT003  # a C struct
    llama.llama_sampler_apply(sampler, ctypes.byref(candidates))
    filtered: NDArray[np.float32] = view["logit"].copy()
    return filtered


@contextmanager
def _sampler(model: Model, grammar: str) -> Iterator[Any]:
    sampler = llama.llama_sampler_init_grammar(model.vocabulary, grammar.encode(), b"root")
    if not sampler:
        raise ModelError("llama.cpp refused the grammar")
    try:
        yield sampler
    finally:
        llama.llama_sampler_free(sampler)
