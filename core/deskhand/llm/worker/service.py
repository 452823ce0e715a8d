"""The loop of a model process: one request at a time at the model, cancellations heard at any moment."""

import base64
import os
import queue
import sys
import threading
from typing import Any, BinaryIO, Final

import numpy as np

from deskhand.llm.worker.decoding import Decoder
from deskhand.llm.worker.embedding import embed
from deskhand.llm.worker.isolation import isolate, parts_of
from deskhand.llm.worker.model import Model, ModelError, StoppedError
from deskhand.llm.worker.prompt import Prompter
from deskhand.llm.worker.scoring import LABEL_ROOM, SEQUENCES, Prefixes, Scorer
from deskhand.llm.worker.wire import WireError, read_frame, write_frame

MEBIBYTE: Final = 1024 * 1024
Message = dict[str, Any]


def main() -> None:
    """Serve the desk on standard input and output until its end closes."""
    incoming, outgoing = _claim_streams()
    opening = read_frame(incoming)
    if opening is None:
        return
    given_up = isolate(opening["memory_mebibytes"] * MEBIBYTE, opening["parent"], parts_of(opening["model"]))
    try:
        service = Service(opening)
    except ModelError as error:
        write_frame(outgoing, {"error": "load", "message": str(error)})
        return
    write_frame(outgoing, {"ready": {"given_up": given_up, "cells": service.model.cells, "width": service.model.width}})
    requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(incoming, requests, service), daemon=True).start()
    while True:
        write_frame(outgoing, service.answered(requests.get()))


def _claim_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep the real standard output for frames, and send what any library prints to standard error."""
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return sys.stdin.buffer, outgoing


def _listen(incoming: BinaryIO, requests: "queue.SimpleQueue[Message]", service: "Service") -> None:
    while True:
        try:
            message = read_frame(incoming)
        except (MemoryError, WireError) as error:
            sys.stderr.write(f"{type(error).__name__}\n")
            sys.stderr.flush()
            os._exit(1)  # deaf, it would keep the desk waiting until the deadline
        if message is None:
            os._exit(0)
        if "cancel" in message:
            service.cancel(message["cancel"])
        else:
            requests.put(message)


class Service:
    """Answers requests with one model; the operations are the methods named after them."""

    def __init__(self, opening: Message) -> None:
        is_embedder = opening["purpose"] == "embed"
        cells = opening["context_tokens"] + (0 if is_embedder else LABEL_ROOM)
        self.model = Model(
            opening["model"],
            cells=cells,
            sequences=1 if is_embedder else SEQUENCES,
            threads=opening["threads"],
            embeds=is_embedder,
        )
        self._operations = {"embed": self._embed} if is_embedder else self._instructed()
        self._lock = threading.Lock()
        self._current = 0
        self._cancelled = 0

    def _instructed(self) -> dict[str, Any]:
        prompter, prefixes = Prompter(self.model), Prefixes(self.model)
        self._prompter = prompter
        self._scorer = Scorer(self.model, prompter, prefixes)
        self._decoder = Decoder(self.model, prompter, prefixes)
        return {
            "choose": self._choose,
            "calibrate": self._calibrate,
            "generate": self._generate,
            "tokenise": self._tokenise,
        }

    def cancel(self, identifier: int) -> None:
        """Cut a request short, whether it is being answered or still waiting."""
        with self._lock:
            self._cancelled = max(self._cancelled, identifier)
            self.model.stop.is_cancelled = self._current <= self._cancelled

    def answered(self, request: Message) -> Message:
        """Answer one request; what went wrong is an answer too."""
        identifier = request["id"]
        with self._lock:
            self._current = identifier
            self.model.stop.is_cancelled = identifier <= self._cancelled
        self.model.stop.arm(request["seconds"])
        try:
            return {"id": identifier, "answer": self._operations[request["operation"]](**request["arguments"])}
        except StoppedError:
            return {"id": identifier, "error": "stopped", "message": "stopped"}
        except ModelError as error:
            return {"id": identifier, "error": "refused", "message": str(error)}

    def _choose(self, instructions: str, text: str, questions: list[Any], priors: list[list[float]]) -> Message:
        outcome = self._scorer.choose(instructions, text, questions, [np.array(prior) for prior in priors])
        return {"scores": [scores.tolist() for scores in outcome.scores], "left_out": outcome.left_out}

    def _calibrate(self, instructions: str, texts: list[str], questions: list[Any]) -> Message:
        return {"priors": [prior.tolist() for prior in self._scorer.calibrate(instructions, texts, questions)]}

    def _generate(self, instructions: str, text: str, grammar: str, max_tokens: int) -> Message:
        return {"text": self._decoder.generate(instructions, text, grammar, max_tokens)}

    def _tokenise(self, text: str) -> Message:
        tokens = self._prompter.plain(text)
        return {"tokens": tokens, "control": [token for token in tokens if self.model.is_control(token)]}

    def _embed(self, texts: list[str]) -> Message:
        rows = embed(self.model, texts)
        return {"shape": list(rows.shape), "rows": base64.b64encode(rows.tobytes()).decode()}
