"""Tokens: MSAL's client credentials grant, one tenant at a time, over the host's bounded HTTP client.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import threading
from base64 import b64encode
from collections.abc import Callable, Generator, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from msal import ConfidentialClientApplication
from msal.oauth2cli import JwtAssertionCreator
from pydantic import JsonValue, SecretStr

from deskhand.sdk.errors import AuthorizationError, UnavailableError
from deskhand.sdk.http import HttpClient
from deskhand.sdk.msal_http import MsalHttp
from deskhand_identity_entra.settings import EntraSettings, key_and_certificate

FIX = "check client_id, its secret or certificate, the id under tenants, and that the client's administrator consented"
STAND_IN = "what is sent is put in when it is sent"


class TokenSource:
    """The app's tokens for one tenant, kept by MSAL until shortly before they expire. Thread-safe.

    Every source has an MSAL application and a cache of its own: a token of another tenant is not there to be mistaken.
    MSAL is given something that stands in for the credential, which is put in its place when the request leaves.
    """

    def __init__(self, settings: EntraSettings, tenant: str, http: HttpClient) -> None:
        self._settings = settings
        self.tenant = tenant
        self._http = MsalHttp(http, settings.authority, tenant, FIX, _credential(settings))
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
            raise AuthorizationError(f"{self._settings.authority} gave no token for tenant {self.tenant}; {FIX}")
        return token

    def _opened(self) -> ConfidentialClientApplication:
        if self._application is None:
            self._application = ConfidentialClientApplication(
                self._settings.client_id,
                client_credential=_stand_in(self._settings),
                authority=f"https://{urlsplit(self._settings.authority).netloc}/{self.tenant}",
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


def _stand_in(settings: EntraSettings) -> str | dict[str, Callable[[], str]]:
    """Return what MSAL takes for a credential of this kind."""
    return STAND_IN if settings.certificate is None else {"client_assertion": lambda: STAND_IN}


def _credential(settings: EntraSettings) -> Mapping[str, Callable[[str], str]]:
    """Return the field of a form that proves who we are, as a function from the endpoint it is sent to."""
    certificate, secret = settings.certificate, settings.client_secret
    if certificate is not None:
        return {"client_assertion": lambda endpoint: signed(settings.client_id, certificate, endpoint)}
    return {"client_secret": lambda _endpoint: secret.get_secret_value() if secret is not None else ""}


def signed(client_id: str, pem: SecretStr, endpoint: str) -> str:
    """Sign with the certificate's key that it is us who ask this endpoint, for ten minutes.

    https://learn.microsoft.com/entra/identity-platform/certificate-credentials
    """
    key, certificate = key_and_certificate(pem)
    parsed = load_pem_x509_certificate(certificate.encode())
    headers = {"x5c": [b64encode(parsed.public_bytes(Encoding.DER)).decode()]}
    thumbprint = parsed.fingerprint(SHA256()).hex()
    creator = JwtAssertionCreator(key, "PS256", headers=headers, sha256_thumbprint=thumbprint)
    assertion: bytes = creator.create_normal_assertion(endpoint, client_id)
    return assertion.decode()
