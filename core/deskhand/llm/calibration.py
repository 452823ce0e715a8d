"""Priors of label scores: what the model would answer about nothing in particular, kept so that it is asked once.

A small model prefers some labels whatever the ticket says. Their mean likelihood over a fixed set of ordinary
tickets is subtracted (batch calibration, https://arxiv.org/abs/2309.17249). The set is fixed, never the tickets
that happened to come by, so that a restart gives the same answers.
"""

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

Priors: TypeAlias = tuple[tuple[float, ...], ...]
MOST_KEPT: Final = 512
MOST_TEXTS: Final = 8
MOST_CHARACTERS: Final = 400
ORDINARY_TICKETS: Final = (
    "Hello, I cannot open the shared drive since this morning. Could you have a look please?",
    "We have a new colleague starting on Monday who will need a computer, an account and a phone.",
    "The program closes by itself each time I try to print the monthly report.",
    "Someone sent me a strange message with an invoice attached. Is it safe to open?",
    "My screen stays black although the power light is on.",
    "The internet at our branch is very slow today, video calls keep breaking off.",
    "I have a new phone and the sign-in code no longer arrives.",
    "Mail to our customers comes back with an error since yesterday.",
)
_STORED: Final = TypeAdapter(Priors)


class PriorStore:
    """Remembers priors by everything they depend on, in memory and in a folder. Thread-safe; bounded."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: OrderedDict[str, Priors] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, depends_on: Mapping[str, Any], compute: Callable[[], Priors]) -> Priors:
        """Return the prior for these circumstances, computing it only if nobody ever did."""
        key = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
            priors = self._read(key) or self._written(key, compute())
            self._known[key] = priors
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
            return priors

    def _read(self, key: str) -> Priors | None:
        if self._folder is None:
            return None
        try:
            return _STORED.validate_json((self._folder / f"{key}.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def _written(self, key: str, priors: Priors) -> Priors:
        """Keep a prior for the next start; a folder that cannot be written only costs time then."""
        if self._folder is None:
            return priors
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = self._folder / f"{key}.{os.getpid()}.part"
            unfinished.write_bytes(_STORED.dump_json(priors))
            unfinished.replace(self._folder / f"{key}.json")
            self._forget_oldest(self._folder)
        except OSError:
            pass
        return priors

    @staticmethod
    def _forget_oldest(folder: Path) -> None:
        files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in files[:-MOST_KEPT]:
            path.unlink(missing_ok=True)


def calibrated(scores: Sequence[float], prior: Sequence[float]) -> tuple[float, ...]:
    """Return the probability of each label after its prior log-likelihood was subtracted."""
    weights: NDArray[np.float64] = np.asarray(scores, dtype=np.float64) - np.asarray(prior, dtype=np.float64)
    weights = np.exp(weights - weights.max())
    return tuple((weights / weights.sum()).tolist())


def chosen_texts(own: Sequence[str]) -> tuple[str, ...]:
    """Return the texts to calibrate on: the MSP's own where given, shortened, filled up with ordinary tickets."""
    return (*(text[:MOST_CHARACTERS] for text in own[:MOST_TEXTS]), *ORDINARY_TICKETS)[:MOST_TEXTS]
