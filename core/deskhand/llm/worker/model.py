"""One GGUF model in memory: tokens in, logits out, several sequences side by side. Not thread-safe.

Written against llama.h as llama-cpp-python 0.3.36 binds it: https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h
"""

import ctypes
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

_LOGGED_ERROR: Final = 4
_ABORTED: Final = 2
_UNSET: Final = -1
_complaints: list[str] = []


class ModelError(Exception):
    """The model cannot do what was asked; the message says why."""


class StoppedError(Exception):
    """The computation was cut short by its deadline or by a cancellation."""


@llama.llama_log_callback  # type: ignore[untyped-decorator]  # llama_cpp ships no types
def _keep_complaints(level: int, text: bytes | None, _user: object) -> None:
    if level == _LOGGED_ERROR and text:
        _complaints.append(text.decode("utf-8", "replace").strip())
        del _complaints[:-5]


llama.llama_log_set(_keep_complaints, ctypes.c_void_p(0))
llama.llama_backend_init()


@dataclass(frozen=True, slots=True)
class Cell:
    """One token to evaluate: where it stands, in which sequence, and whether its logits are wanted."""

    token: int
    position: int
    sequence: int
    wants_logits: bool = False


class Stop:
    """Tells llama.cpp, many times a second, whether to go on."""

    def __init__(self) -> None:
        self.deadline = float("inf")
        self.is_cancelled = False

    def arm(self, seconds: float) -> None:
        """Allow so many seconds from now on."""
        self.deadline = time.monotonic() + seconds

    def is_due(self) -> bool:
        """Tell whether the computation has to end."""
        return self.is_cancelled or time.monotonic() > self.deadline

    def check(self) -> None:
        """Raise StoppedError when it is due."""
        if self.is_due():
            raise StoppedError


class Model:
    """A loaded model with one context. ``sequences`` of them share ``cells`` tokens of memory."""

    def __init__(self, path: str, *, cells: int, sequences: int, threads: int, embeds: bool = False) -> None:
        self.stop = Stop()
        self._model = llama.llama_model_load_from_file(os.fsencode(path), _model_parameters())
        if not self._model:
            raise ModelError("; ".join(_complaints[-2:]) or "llama.cpp gave no reason")
        self.vocabulary: Any = llama.llama_model_get_vocab(self._model)
        self.tokens: int = llama.llama_vocab_n_tokens(self.vocabulary)
        trained: int = llama.llama_model_n_ctx_train(self._model)
        self.cells = min(cells, trained) if trained > 0 else cells
        self._context = llama.llama_init_from_model(self._model, self._parameters(sequences, threads, embeds=embeds))
        if not self._context:
            raise ModelError("; ".join(_complaints[-2:]) or "llama.cpp could not make a context")
        self._abort = llama.ggml_abort_callback(lambda _: self.stop.is_due())
        llama.llama_set_abort_callback(self._context, self._abort, None)
        self._memory = llama.llama_get_memory(self._context)
        self._batch = llama.llama_batch_init(self.cells, 0, 1)

    def _parameters(self, sequences: int, threads: int, *, embeds: bool) -> Any:  # noqa: ANN401  # a ctypes struct
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = self.cells
        parameters.n_ubatch = self.cells if embeds else min(512, self.cells)
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.kv_unified = True
        parameters.embeddings = embeds
        parameters.no_perf = True
        return parameters

    @property
    def width(self) -> int:
        """The dimensions of one embedding."""
        return int(llama.llama_model_n_embd(self._model))

    def beginning(self) -> list[int]:
        """Return the token that prompts of this model begin with, if they do."""
        adds = llama.llama_vocab_get_add_bos(self.vocabulary)
        return [int(llama.llama_vocab_bos(self.vocabulary))] if adds else []

    def chat_template(self) -> bytes | None:
        """Return the chat template in the file, if it has one."""
        template: bytes | None = llama.llama_model_chat_template(self._model, None)
        return template

    def tokenise(self, text: str, *, special: bool = False, whole: bool = False) -> list[int]:
        """Turn text into tokens. Only with ``special`` may control tokens come out; ``whole`` frames a document."""
        raw = text.encode("utf-8", "replace")
        room = (llama.llama_token * (len(raw) + 16))()
        count = llama.llama_tokenize(self.vocabulary, raw, len(raw), room, len(room), whole, special)
        if count < 0:
            raise ModelError("the text could not be turned into tokens")
        return list(room[:count])

    def is_control(self, token: int) -> bool:
        """Tell whether a token steers the conversation rather than being part of its text."""
        return bool(
            llama.llama_vocab_is_control(self.vocabulary, token) or llama.llama_vocab_is_eog(self.vocabulary, token)
        )

    def is_atomic(self, token: int) -> bool:
        """Tell whether a token is matched as a whole rather than learned: control tokens, and those added by hand."""
        added = llama.LLAMA_TOKEN_ATTR_CONTROL | llama.LLAMA_TOKEN_ATTR_USER_DEFINED
        return bool(llama.llama_vocab_get_attr(self.vocabulary, token) & added)

    def is_end(self, token: int) -> bool:
        """Tell whether a token ends an answer."""
        return bool(llama.llama_vocab_is_eog(self.vocabulary, token))

    def piece(self, token: int) -> bytes:
        """Return the bytes of one token."""
        buffer = ctypes.create_string_buffer(256)
        length = llama.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, True)  # noqa: FBT003  # a C function
        return buffer.raw[: max(0, length)]

    def feed(self, tokens: Sequence[int], *, position: int, sequence: int) -> None:
        """Evaluate a run of tokens; the logits of its last can be read at index -1."""
        last = len(tokens) - 1
        self.decode(Cell(token, position + at, sequence, at == last) for at, token in enumerate(tokens))

    def decode(self, cells: Iterable[Cell]) -> None:
        """Evaluate tokens in one batch. Raises StoppedError, or ModelError when they do not fit."""
        self.stop.check()
        batch, count = self._batch, 0
        for count, cell in enumerate(cells, start=1):
            if count > self.cells:
                raise ModelError(f"the prompt is longer than the context of {self.cells} tokens")
            at = count - 1
            batch.token[at], batch.pos[at], batch.n_seq_id[at] = cell.token, cell.position, 1
            batch.seq_id[at][0], batch.logits[at] = cell.sequence, int(cell.wants_logits)
        batch.n_tokens = count
        self._judge(llama.llama_decode(self._context, batch))

    def _judge(self, outcome: int) -> None:
        if outcome == _ABORTED:
            raise StoppedError
        if outcome:
            raise ModelError(f"llama.cpp answered {outcome} ({'; '.join(_complaints[-1:])})")

    def log_probabilities(self, index: int) -> NDArray[np.float32]:
        """Return the log-probability of every token after the cell at ``index`` of the last batch."""
        pointer = llama.llama_get_logits_ith(self._context, index)
        logits = np.ctypeslib.as_array(pointer, shape=(self.tokens,))
        top = logits.max()
        total = float(np.exp(logits - top).sum(dtype=np.float64))
        scores: NDArray[np.float32] = logits - (top + np.float32(np.log(total)))
        return scores

    def embedding(self, sequence: int) -> NDArray[np.float32]:
        """Return the pooled embedding of a sequence of the last batch."""
        pointer = llama.llama_get_embeddings_seq(self._context, sequence)
        if not pointer:
            raise ModelError("this model gives no pooled embedding; configure an embedding model")
        return np.ctypeslib.as_array(pointer, shape=(self.width,)).copy()

    def copy(self, source: int, target: int) -> None:
        """Let a sequence begin as a copy of another."""
        llama.llama_memory_seq_cp(self._memory, source, target, _UNSET, _UNSET)

    def forget(self, *sequences: int) -> None:
        """Remove whole sequences (removing a part fails on hybrid models)."""
        for sequence in sequences:
            llama.llama_memory_seq_rm(self._memory, sequence, _UNSET, _UNSET)

    def forget_all(self) -> None:
        """Remove every sequence."""
        if self._memory:
            llama.llama_memory_clear(self._memory, True)  # noqa: FBT003  # a C function

    def saved(self, sequence: int) -> bytes:
        """Return the state of a sequence, to be restored in this context later."""
        room = (ctypes.c_uint8 * llama.llama_state_seq_get_size(self._context, sequence))()
        length = llama.llama_state_seq_get_data(self._context, room, len(room), sequence)
        return bytes(room)[:length]

    def restore(self, sequence: int, state: bytes) -> None:
        """Put a saved state in place of a sequence."""
        self.forget(sequence)
        room = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        if not llama.llama_state_seq_set_data(self._context, room, len(room), sequence):
            raise ModelError("a saved prompt could not be restored")


def _model_parameters() -> Any:  # noqa: ANN401  # a ctypes struct
    parameters = llama.llama_model_default_params()
    parameters.n_gpu_layers = 0
    return parameters
