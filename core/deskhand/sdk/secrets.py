"""Secrets that are not here: each is opened anew where it is needed, by whoever the host permits it just then.

The host gives a permit for a package where it lets one of its requests go (`wire`), and hands it a callback to verify;
anywhere else a sealed secret stays shut. It keeps honest plugins to that, and values out of a process that only waits.
It is no wall around hostile code, which runs in the same process.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NoReturn, Self

from pydantic import SecretStr

_permitted: ContextVar[str] = ContextVar("permitted", default="")


class SecretSealedError(RuntimeError):
    """A secret was asked for where it may not be opened: a defect of whoever asked. The message names the secret."""


@contextmanager
def permit(package: str) -> Iterator[None]:
    """Let the secrets of a package be opened, in this thread and to the end of the block. For the host alone."""
    before = _permitted.set(package)
    try:
        yield
    finally:
        _permitted.reset(before)


class SealedSecret(SecretStr):
    """Knows how to open a secret and holds no value: what is changed meanwhile is used from the next opening on.

    Copying it copies no value, and it is neither pickled nor compared by value. It is true, and long only when opened.
    ``opened`` raises AuthorizationError where the secret is not to be had.
    """

    def __init__(self, name: str, package: str, opened: Callable[[], str]) -> None:
        self.name = name
        self.package = package
        self._opened = opened
        self._listeners: tuple[Callable[[str], None], ...] = ()

    def get_secret_value(self) -> str:
        """Open it. Raises SecretSealedError where the host has not permitted that, AuthorizationError as above."""
        if _permitted.get() != self.package:
            raise SecretSealedError(
                f"{self.name} is opened for a request of {self.package} alone, once it was let go: give HttpClient a "
                "function as its credential, or a form a function as its value"
            )
        value = self._opened()
        for listener in self._listeners:
            listener(value)
        return value

    def tell(self, listener: Callable[[str], None]) -> None:
        """Have a listener hear the value whenever it was opened."""
        self._listeners = (*self._listeners, listener)

    def _display(self) -> str:
        return "**********"

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self.get_secret_value())

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self.name} is sealed and leaves this process in no form")


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of HTTP's basic authentication (RFC 7617)."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
