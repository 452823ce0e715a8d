"""The HTTP client that MSAL is given: it reaches one tenant's endpoints at one authority, by our own bounded client.

Imports no MSAL: it only speaks as `requests` does, which is what MSAL expects of its ``http_client``.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict

from deskhand.sdk.errors import AuthorizationError, NotFoundError, RejectedError
from deskhand.sdk.http import HttpClient
from deskhand.sdk.wire import Form


class _Refusal(BaseModel):
    """How the token endpoint says no; ``error_codes`` are the numbers behind AADSTS."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    error: str = ""
    error_codes: tuple[int, ...] = ()


def explain(answer: httpx.Response) -> str:
    """Return the authority's error codes, never its sentences: they quote identifiers of the request."""
    refusal = _Refusal.model_validate_json(answer.content)
    return " ".join([refusal.error, *(f"AADSTS{code}" for code in refusal.error_codes)])


@dataclass(frozen=True, slots=True)
class AuthorityAnswer:
    """What MSAL reads of an answer: it is always a success, since everything else was raised."""

    text: str
    status_code: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)

    def raise_for_status(self) -> None:
        """Do nothing: what is no success never gets here."""


class MsalHttp:
    """Reaches one tenant's endpoints at the configured authority, and no others. Keeps no connection of its own.

    MSAL writes ``https`` into every address; the scheme is the authority's own, so that a rehearsal works on loopback.
    Raises the errors of :class:`deskhand.sdk.http.HttpClient`, through MSAL; a refusal is AuthorizationError, which
    ends with ``fix``.

    ``credential`` names the fields of a form that MSAL fills with whatever stands in for them: each is a function from
    the endpoint to the value, called once the request was let go. MSAL itself so never holds a credential.
    """

    def __init__(
        self,
        http: HttpClient,
        authority: str,
        tenant: str,
        fix: str,
        credential: Mapping[str, Callable[[str], str]] = MappingProxyType({}),
    ) -> None:
        self._http = http
        self._credential = credential
        self._host = urlsplit(authority).netloc
        self._root = f"/{tenant}/"
        self._fix = fix

    def get(self, url: str, headers: Mapping[str, str] | None = None, **_options: object) -> AuthorityAnswer:
        """Read an endpoint."""
        return self._answer("GET", url, None, headers)

    def post(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, str | bytes | int | None] | None = None,
        **_options: object,
    ) -> AuthorityAnswer:
        """Post a form. Asking for a token may be repeated: an authority that has answered says so of the second."""
        given = {name: each for name, each in (data or {}).items() if each is not None}
        form = {name: each.decode() if isinstance(each, bytes) else str(each) for name, each in given.items()}
        late = {name: partial(each, url) for name, each in self._credential.items() if name in form}
        return self._answer("POST", url, {**form, **late}, headers)

    def close(self) -> None:
        """Leave the connections to whoever opened them."""

    def _answer(self, method: str, url: str, form: Form | None, headers: Mapping[str, str] | None) -> AuthorityAnswer:
        parts = urlsplit(url)
        if parts.netloc != self._host or not parts.path.startswith(self._root):
            raise RejectedError(f"{parts.hostname} is not where this tenant's tokens come from: nothing was sent")
        given = {name: value for name, value in (headers or {}).items() if value is not None}
        try:
            value = self._http.json(method, parts.path, form=form, headers=given, idempotent=True)
        except (AuthorizationError, NotFoundError, RejectedError) as error:
            raise AuthorizationError(f"{error}; {self._fix}") from None
        return AuthorityAnswer(json.dumps(value))
