"""Embeddings: one text at a time, since batches are slower here (docs/decisions/0004-model-runtime.md)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deskhand.llm.worker.model import Cell, Model

SEQUENCES = 1


def embed(model: Model, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return one L2-normalised row a text; a text longer than the model's window keeps its beginning."""
    rows = np.zeros((len(texts), model.width), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        row[:] = _embedded(model, text)
    return rows


def _embedded(model: Model, text: str) -> NDArray[np.float32]:
    tokens = model.tokenise(text, whole=True)
    if len(tokens) > model.cells:
        tokens = [*tokens[: model.cells - 1], tokens[-1]]
    model.forget_all()
    model.decode(Cell(token, at, 0, wants_logits=True) for at, token in enumerate(tokens))
    vector = model.embedding(0)
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length > 0 else vector
