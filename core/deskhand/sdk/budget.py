"""A rate budget: how many requests a minute a connector may spend."""

import threading
import time
from collections.abc import Callable


class RateBudget:
    """A token bucket, safe to share between threads, that never lets more than ``per_minute`` through in any minute.

    A tenth of the budget may go at once; the rest is spread evenly. Callers wait their turn in order.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = float(max(1, per_minute // 10))
        self._per_second = (per_minute - self._capacity + 1) / 60
        self._sleep = sleep
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tokens = self._capacity
        self._counted_at = monotonic()

    def spend(self) -> None:
        """Take one token, sleeping until it is due."""
        wait = self._reserve()
        if wait > 0:
            self._sleep(wait)

    def _reserve(self) -> float:
        with self._lock:
            now = self._monotonic()
            earned = (now - self._counted_at) * self._per_second
            self._tokens = min(self._capacity, self._tokens + earned) - 1
            self._counted_at = now
            return -self._tokens / self._per_second if self._tokens < 0 else 0.0
