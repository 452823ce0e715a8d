"""The authority: where people are sent to sign in, and what it answers; the code flow itself is MSAL's.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import JsonValue

from deskhand.governance.entra.settings import EntraSignInSettings
from deskhand.sdk.egress import is_loopback
from deskhand.sdk.errors import AuthorizationError, UnavailableError
from deskhand.sdk.http import HttpClient, Patience
from deskhand.sdk.msal_http import explain

SECONDS = 10.0
FIX = "check [web.entra]: tenant_id, client_id, the client secret and when it ends, and the redirect URI in Entra"


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in that is under way. None of it but ``where`` may leave the server before it comes back."""

    where: str
    """The authority's page, to which the browser goes."""
    kept: Mapping[str, Any]
    """What MSAL needs to finish it: state, nonce, PKCE verifier, redirect URI."""

    @property
    def state(self) -> str:
        """What has to come back with the code."""
        return str(self.kept["state"])

    @property
    def nonce(self) -> str:
        """What the id token has to carry: MSAL sends the SHA-256 of what it keeps."""
        return hashlib.sha256(str(self.kept["nonce"]).encode()).hexdigest()


class Authority:
    """One tenant's authority. Thread-safe; contacted when somebody signs in and not before. Close it.

    Raises AuthorizationError where it refuses us or the code, UnavailableError where it cannot be reached.
    """

    def __init__(self, settings: EntraSignInSettings, *, patience: Patience | None = None) -> None:
        self._settings = settings
        self._patience = patience
        self._opening = threading.Lock()
        self._http: HttpClient | None = None
        self._application: Any = None  # msal has no types

    def begin(self, redirect_uri: str) -> Flow:
        """Begin a sign-in that comes back to ``redirect_uri``."""
        kept = self._opened().initiate_auth_code_flow([], redirect_uri=redirect_uri, response_mode="form_post")
        return Flow(self._page(str(kept.pop("auth_uri"))), kept)

    def finish(self, flow: Flow, answer: Mapping[str, str]) -> str:
        """Exchange the code that came back for an id token, which nobody has checked yet."""
        try:
            found = self._opened().acquire_token_by_auth_code_flow(dict(flow.kept), dict(answer))
        except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
            raise AuthorizationError(f"what came back belongs to no sign-in of ours ({type(error).__name__})") from None
        token = found.get("id_token")
        if not isinstance(token, str):
            raise AuthorizationError(f"{self._settings.authority} gave no id token; {FIX}")
        return token

    def keys(self) -> Mapping[str, JsonValue]:
        """Read the keys the authority signs with now."""
        found = self._client().json("GET", f"/{self._settings.tenant_id}/discovery/v2.0/keys")
        if not isinstance(found, dict):
            raise UnavailableError(f"{self._settings.authority}: its keys are not as documented")
        return found

    def close(self) -> None:
        """Close every connection."""
        with self._opening:
            if self._http is not None:
                self._http.close()
            self._http = self._application = None

    def _page(self, auth_uri: str) -> str:
        """Put the page where the authority is, whatever discovery said, and have the answer come as a query.

        As a form of another site it would come without our cookie (SameSite=Lax), which ties it to this browser;
        MSAL warns of anything but a form, because a code in an address is seen by more: ours is useless without the
        verifier and the client secret, serves once, and its address is left by a redirect.
        """
        parts = urlsplit(auth_uri)
        query = {**dict(parse_qsl(parts.query)), "response_mode": "query"}
        return f"{self._settings.authority}{parts.path}?{urlencode(query)}"

    def _client(self) -> HttpClient:
        with self._opening:
            if self._http is None:
                host = urlsplit(self._settings.authority).hostname or ""
                self._http = HttpClient(
                    self._settings.authority,
                    headers={"Accept": "application/json"},
                    timeout_seconds=SECONDS,
                    allow_private_addresses=is_loopback(host),
                    explain=explain,
                    patience=self._patience,
                )
            return self._http

    def _opened(self) -> Any:  # noqa: ANN401  # as above
        from deskhand.governance.entra.application import application  # noqa: PLC0415  # msal takes long to import

        http = self._client()
        with self._opening:
            if self._application is None:
                self._application = application(self._settings, http, fix=FIX)
            return self._application
