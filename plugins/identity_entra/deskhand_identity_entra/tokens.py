"""Tokens: MSAL's client credentials grant, one tenant at a time, over the host's bounded HTTP client.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import json
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
from msal import ConfidentialClientApplication
from pydantic import BaseModel, ConfigDict, JsonValue

from deskhand.sdk.errors import AuthorizationError, NotFoundError, RejectedError, UnavailableError
from deskhand.sdk.http import HttpClient
from deskhand_identity_entra.settings import EntraSettings, key_and_certificate

FIX = "check client_id, its secret or certificate, the id under tenants, and that the client's administrator consented"


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


class AuthorityHttp:
    """The HTTP client MSAL is given: it reaches one tenant's endpoints at the configured authority, and no others.

    MSAL writes ``https`` into every address; the scheme is the authority's own, so that a rehearsal works on loopback.
    Raises the errors of :class:`deskhand.sdk.http.HttpClient`, through MSAL; a refusal is AuthorizationError.
    """

    def __init__(self, http: HttpClient, authority: str, tenant: str) -> None:
        self._http = http
        self._host = urlsplit(authority).netloc
        self._root = f"/{tenant}/"

    def get(self, url: str, headers: Mapping[str, str] | None = None, **_options: object) -> AuthorityAnswer:
        """Read an endpoint."""
        return self._answer("GET", url, None, headers)

    def post(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, str | bytes | int] | None = None,
        **_options: object,
    ) -> AuthorityAnswer:
        """Post a form. Asking for a token changes nothing, so it may be repeated."""
        form = {name: each.decode() if isinstance(each, bytes) else str(each) for name, each in (data or {}).items()}
        return self._answer("POST", url, form, headers)

    def close(self) -> None:
        """Leave the connections to whoever opened them."""

    def _answer(
        self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str] | None
    ) -> AuthorityAnswer:
        parts = urlsplit(url)
        if parts.netloc != self._host or not parts.path.startswith(self._root):
            raise RejectedError(f"{parts.hostname} is not where this tenant's tokens come from: nothing was sent")
        given = {name: value for name, value in (headers or {}).items() if value is not None}
        try:
            value = self._http.json(method, parts.path, form=form, headers=given, idempotent=True)
        except (AuthorizationError, NotFoundError, RejectedError) as error:
            raise AuthorizationError(f"{error}; {FIX}") from None
        return AuthorityAnswer(json.dumps(value))


class TokenSource:
    """The app's tokens for one tenant, kept by MSAL until shortly before they expire. Thread-safe.

    Every source has an MSAL application and a cache of its own: a token of another tenant is not there to be mistaken.
    """

    def __init__(self, settings: EntraSettings, tenant: str, http: HttpClient) -> None:
        self._settings = settings
        self._tenant = tenant
        self._http = AuthorityHttp(http, settings.authority, tenant)
        self._asking = threading.Lock()
        self._application: ConfidentialClientApplication | None = None

    def token(self, *, instead_of: str | None = None) -> str:
        """Return a token, and another one than ``instead_of``, which was refused. AuthorizationError without one."""
        with self._asking:
            try:
                token = self._acquire()
                if token == instead_of:
                    self._opened().remove_tokens_for_client()
                    token = self._acquire()
            except (ValueError, KeyError, TypeError) as error:
                name = type(error).__name__
                raise UnavailableError(f"{self._settings.authority}: its answer is not as documented: {name}") from None
        return token

    def _acquire(self) -> str:
        scope = f"{self._settings.graph}/.default"
        answer: dict[str, JsonValue] = self._opened().acquire_token_for_client([scope])
        token = answer.get("access_token")
        if not isinstance(token, str):
            raise AuthorizationError(f"{self._settings.authority} gave no token for tenant {self._tenant}; {FIX}")
        return token

    def _opened(self) -> ConfidentialClientApplication:
        if self._application is None:
            self._application = ConfidentialClientApplication(
                self._settings.client_id,
                client_credential=_credential(self._settings),
                authority=f"https://{urlsplit(self._settings.authority).netloc}/{self._tenant}",
                validate_authority=False,
                instance_discovery=False,
                http_client=self._http,
            )
        return self._application


class TenantAuthentication(httpx.Auth):
    """Signs a tenant's requests with its own token; a refused one (expired, revoked) is replaced once.

    A request that was answered with 401 had no effect, so sending it again is safe.
    """

    def __init__(self, tokens: TokenSource) -> None:
        self._tokens = tokens

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send with a token, and again with a fresh one where it was refused."""
        token = self._tokens.token()
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {self._tokens.token(instead_of=token)}"
            yield request


def _credential(settings: EntraSettings) -> str | dict[str, str]:
    if settings.certificate is not None:
        key, certificate = key_and_certificate(settings.certificate)
        return {"private_key": key, "public_certificate": certificate}
    return settings.client_secret.get_secret_value() if settings.client_secret is not None else ""
