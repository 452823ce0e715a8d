"""How long a request that failed waits before it is sent again."""

from tenacity import RetryCallState, wait_random_exponential

from deskhand.sdk.errors import ConnectorError

BACKOFF = wait_random_exponential(multiplier=0.2, max=8)


class Transient(Exception):  # noqa: N818  # a control signal between an attempt and what repeats it
    """What another attempt may mend, after ``pause`` seconds if the vendor said so."""

    def __init__(self, error: ConnectorError, *, pause: float | None = None) -> None:
        """Keep the error that is raised where no attempt is left."""
        super().__init__(str(error))
        self.error = error
        self.pause = pause


def transient_of(state: RetryCallState) -> Transient:
    """Return what the last attempt raised."""
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, Transient):
        raise TypeError("only what another attempt may mend is attempted again")
    return error


def pause_before(state: RetryCallState) -> float:
    """Return the seconds to wait: what the vendor asked for and a little jitter, or a growing random pause."""
    pause, jitter = transient_of(state).pause, BACKOFF(state)
    return jitter if pause is None else pause + min(jitter, 1.0)
