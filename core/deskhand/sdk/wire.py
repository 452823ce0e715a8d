"""The last step before a request leaves: its credential is put on it, on a copy that is gone once it was sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

from deskhand.sdk.errors import AuthorizationError
from deskhand.sdk.secrets import permit

Credential: TypeAlias = Callable[[], Mapping[str, str]]
"""Returns the headers that authorise one request."""
Form: TypeAlias = Mapping[str, str | Callable[[], str]]
"""A form's fields; what is a function is called once the request was let go."""

_FORM = "deskhand.form"


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries, in one of three forms."""

    json: object = None
    form: Form | None = None
    content: bytes | None = None

    @property
    def is_one_at_most(self) -> bool:
        """Tell whether it is no more than one of them."""
        return sum(each is not None for each in (self.json, self.form, self.content)) <= 1

    @property
    def arguments(self) -> dict[str, Any]:
        """What httpx builds a request of; a form that is not known yet is written when the request is sent."""
        if self.form is not None and any(callable(each) for each in self.form.values()):
            return {"extensions": {_FORM: self.form}}
        return {"json": self.json, "data": self.form, "content": self.content}


class AuthorisingTransport(httpx.BaseTransport):
    """Has a package's secrets opened for one request that was let go, and nobody but the connection see them.

    Raises AuthorizationError where a secret cannot be opened, or does not fit into a request.
    """

    def __init__(self, inner: httpx.BaseTransport, package: str, credential: Credential | None) -> None:
        self._inner = inner
        self._package = package
        self._credential = credential

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request with its credential."""
        form = request.extensions.get(_FORM)
        if self._credential is None and form is None:
            return self._inner.handle_request(request)
        return self._inner.handle_request(self._authorised(request, form))

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()

    def _authorised(self, request: httpx.Request, form: Form | None) -> httpx.Request:
        try:
            with permit(self._package):
                added = self._credential() if self._credential is not None else {}
                fields = {name: each() if callable(each) else each for name, each in (form or {}).items()}
            return _with(request, added, fields)
        except AuthorizationError as error:
            reason = str(error)
        except (ValueError, TypeError) as error:
            reason = f"the credential for {request.url.host} cannot be used ({type(error).__name__}): set it again"
        raise AuthorizationError(reason)  # out here, where it leads back to no frame that opened a secret


def _with(request: httpx.Request, added: Mapping[str, str], fields: Mapping[str, str]) -> httpx.Request:
    """Copy a request and put headers and a form on the copy."""
    headers = request.headers.copy()
    headers.update(added)
    if not fields:
        return httpx.Request(
            request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
        )
    headers.pop("Content-Length", None)
    return httpx.Request(request.method, request.url, headers=headers, data=fields, extensions=request.extensions)
